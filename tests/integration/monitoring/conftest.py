"""Tickets to measure: they come about as in the tests of the use cases."""

from tests.integration.services.conftest import dispatch, submit

__all__ = ["dispatch", "submit"]
