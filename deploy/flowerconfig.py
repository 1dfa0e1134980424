"""Puts Flower's log lines through our pipe: ``celery -A ticketflow.tasks flower --conf=deploy/flowerconfig.py``.

Flower runs this file before it sets up lines of its own; any of its options may stand here as well.
"""

from ticketflow.observability.context import name_process
from ticketflow.observability.logging import configure_logging
from ticketflow.settings import load_settings

name_process("flower")
configure_logging(load_settings().log_level, load_settings().log_format)
