"""What a checkout and the image give gunicorn: ``-c deploy/gunicorn.conf.py``. The package has what it says."""

from ticketflow.server.production import *  # noqa: F403
