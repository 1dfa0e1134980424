"""One pipe for every log line, ours and our libraries': console for people, JSON for machines."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog
from structlog.contextvars import merge_contextvars
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import Processor

from ticketflow.masking import mask_all, mask_text

_SHARED: list[Processor] = [
    merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
]

# Celery tells of every message and every task that succeeded, where our step.* lines say more; Alembic
# tells of every look at the schema. Libraries of chat models write whole prompts when debugging: customers' words.
_TALKATIVE = ("celery.worker.strategy", "celery.app.trace", "alembic", "openai", "anthropic", "httpx", "httpcore")


def configure_logging(level: str, log_format: str) -> None:
    """Send structlog and standard logging to stderr in one format.

    Args:
        level: Least severe level to show: ``debug``, ``info``, ``warning`` or ``error``.
        log_format: ``console`` or ``json``.
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
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
            _mask_line,  # the renderer has only now written out the exception
        ]
    )
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    handler.setLevel(level.upper())  # a library that turns its own logger up is still held to this
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.captureWarnings(capture=True)


def _mask_fields(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Star out card and account numbers, should one ever come here; later JSON's escapes would hide some of them."""
    return {name: mask_all(value) for name, value in event.items()}


def _mask_line(_logger: Any, _method: str, line: Any) -> str:
    return mask_text(str(line))


def get_logger(name: str) -> Any:  # structlog's own loggers are typed Any
    """Return the logger of a module; log an event name and fields, never a sentence."""
    return structlog.stdlib.get_logger(name)
