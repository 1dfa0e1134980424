"""One pipe for every log line, ours and our libraries': console for people, JSON for machines."""

import logging
import sys
from collections.abc import Mapping, MutableMapping
from functools import lru_cache
from typing import Any

import structlog
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

from ticketflow.masking import mask_all, mask_text
from ticketflow.observability.context import get_fields
from ticketflow.observability.tracing import add_trace

ROOT = ""
"""Stands for the logger that all others are below of."""

_MOMENT = "timestamp"
_SHARED: list[Processor] = [
    get_fields,
    add_trace,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True, key=_MOMENT),
    structlog.processors.StackInfoRenderer(),
]

# Celery tells of every message and every task that succeeded, where our step.* lines say more; Alembic
# tells of every look at the schema.
_TALKATIVE = ("celery.worker.strategy", "celery.app.trace", "alembic")
# These write whole prompts (customers' words) and the keys they are sent with when debugging.
PRIVATE = ("openai", "anthropic", "httpx", "httpx2", "httpcore", "httpcore2")

# Characters of what may be remembered: longer texts hardly come twice.
SHORT = 64

# What loggers were set to before operators changed them at run time.
_before: dict[str, int] = {}


def configure_logging(level: str, log_format: str, path: str | None = None) -> None:
    """Send structlog and standard logging to stderr, or to a file, in one format.

    Args:
        level: Least severe level to show: ``debug``, ``info``, ``warning`` or ``error``.
        log_format: ``console`` or ``json``.
        path: The file; Celery's ``--logfile`` names one.
    """
    # Local variables hold customers' words: a traceback shows places only.
    renderer: list[Processor] = (
        [
            ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            _mask_fields,
            structlog.processors.JSONRenderer(),
        ]
        if log_format == "json"
        else [
            _mask_fields,
            structlog.dev.ConsoleRenderer(
                colors=path is None and sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
            _mask_line,  # the renderer has only now written out the exception
        ]
    )
    structlog.configure(
        # The first one ends lines nobody will see before anything is spent on them.
        processors=[structlog.stdlib.filter_by_level, *_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr) if path is None else logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    logging.getLogger().handlers = [handler]
    for name in (*_TALKATIVE, *PRIVATE):
        logging.getLogger(name).setLevel(logging.WARNING)
    set_levels({ROOT: level})
    logging.captureWarnings(capture=True)


def set_levels(levels: Mapping[str, str]) -> None:
    """Change what is logged from now on.

    Args:
        levels: Level by name of a logger, for it and all below it; ``ROOT`` must be among them. Loggers of an
            earlier call that are not named any more go back to what they were.
    """
    for name, level in _before.items():
        logging.getLogger(name).setLevel(level)
    _before.clear()
    for name, wanted in levels.items():
        logger = logging.getLogger(name or None)
        if name != ROOT:
            _before[name] = logger.level
        logger.setLevel(wanted.upper())
    # A library that turns its own logger up is still held to the lowest level somebody asked for.
    lowest = min(logging.getLevelNamesMapping()[wanted.upper()] for wanted in levels.values())
    for handler in logging.getLogger().handlers:
        handler.setLevel(lowest)


def _mask_fields(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Star out card and account numbers, should one ever come here; later JSON's escapes would hide some of them.

    The moment of the line is our own writing, whatever a caller called so, and the one text that is never the same.
    """
    moment = event.get(_MOMENT)
    masked = {
        name: _mask_short(value) if isinstance(value, str) and len(value) <= SHORT else mask_all(value)
        for name, value in event.items()
        if name != _MOMENT
    }
    return masked if moment is None else masked | {_MOMENT: moment}


@lru_cache(maxsize=4096)
def _mask_short(text: str) -> str:
    """Remember the answer: the names and ids on a line are on the next ones too, and looking costs 6 µs each."""
    return mask_text(text)


def _mask_line(_logger: Any, _method: str, line: Any) -> str:
    # The fields on the first line are masked already, and a duration there may look like a card after its point.
    fields, end, exception = str(line).partition("\n")
    return f"{fields}{end}{mask_text(exception)}"


def get_logger(name: str) -> Any:  # structlog's own loggers are typed Any
    """Return the logger of a module; log an event name and fields, never a sentence."""
    return structlog.stdlib.get_logger(name)
