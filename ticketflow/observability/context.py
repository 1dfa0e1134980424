"""What the log lines of one request or one step have in common: it is bound once and stands on all of them."""

from collections.abc import MutableMapping
from typing import Any
from uuid import uuid4

from structlog.contextvars import bind_contextvars, bound_contextvars, clear_contextvars, get_contextvars

__all__ = [
    "bind",
    "bound",
    "current_request_id",
    "get_fields",
    "make_request_id",
    "name_process",
    "process_name",
    "unbind",
]

_process: dict[str, str] = {}

bind = bind_contextvars
"""Put fields on every later line of this request or step."""
bound = bound_contextvars
"""Put fields on every line of a block."""
unbind = clear_contextvars
"""Take all fields off: a thread that served one request serves another."""


def name_process(name: str) -> None:
    """Put ``worker`` on every line of this process and of those it forks."""
    _process["worker"] = name


def process_name() -> str:
    """Return what this process is called."""
    return _process.get("worker", "")


def get_fields(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Add what is bound to a log line; what the line itself says goes before it."""
    return {**_process, **get_contextvars(), **event}


def current_request_id() -> str | None:
    """Return the id of the request that is being served, or that the ticket of this step came with."""
    request_id: str | None = get_contextvars().get("request_id")
    return request_id


def make_request_id() -> str:
    """Make an id for a request that came without one."""
    return uuid4().hex
