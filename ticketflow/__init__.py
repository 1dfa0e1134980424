"""Ticket Flow: answers support tickets and never loses one."""

__version__ = "0.1.0"
