"""Finders of facts in plain text, one kind per module; pure functions over strings."""
