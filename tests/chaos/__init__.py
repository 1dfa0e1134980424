"""Faults on a seeded schedule, and a checker that knows nothing of the product but its tables."""
