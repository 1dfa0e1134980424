"""The API for a WSGI server: ``gunicorn wsgi:app``."""

from ticketflow.api import create_app

app = create_app()
