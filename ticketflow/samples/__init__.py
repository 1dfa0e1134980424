"""A small knowledge base and twelve tickets to try Ticket Flow with, read through importlib.resources."""
