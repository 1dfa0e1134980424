"""A small knowledge base and thirteen tickets to try Ticket Flow with, read through importlib.resources."""
