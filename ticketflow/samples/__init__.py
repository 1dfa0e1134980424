"""A small knowledge base and fourteen tickets to try Ticket Flow with, read through importlib.resources."""
