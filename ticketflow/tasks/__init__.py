"""Celery: the app, one task per step, and the dispatcher that publishes their chains."""

from ticketflow.tasks.celery import app

__all__ = ["app"]
