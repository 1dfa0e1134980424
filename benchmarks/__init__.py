"""Measurements; run them by hand, they assert nothing."""
