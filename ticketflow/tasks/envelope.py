"""What a message must look like before anything is done with it: whoever reaches the broker may have sent it.

Celery builds a request from whatever a message says and ends its worker where that fails; the broker then gives the
message to the next worker. So a message is read here first, by its own rules, and what Celery gets is made anew from
what was understood. The rules are those of our own messages: plain JSON, ids and short names, no time limits, no clock.
"""

from collections.abc import Container, Mapping
from typing import Annotated, Any, NotRequired
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator
from typing_extensions import TypedDict

# A chain of six steps takes 3 KB.
MAX_BODY_BYTES = 262_144
MAX_GENERATION = 2**31 - 1
_MANY = 100
# Converts nothing, and drops what it does not know.
_STRICT = ConfigDict(strict=True, extra="ignore")

_Text = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]*$", max_length=1024)]
_Id = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]+$", max_length=255)]
_Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=63)]
_Task = Annotated[str, StringConstraints(pattern=r"^ticketflow\.[a-z0-9_.]+$", max_length=255)]
_Arguments = Annotated[list[_Text | int], Field(max_length=_MANY)]
_Named = Annotated[dict[_Word, _Text | int], Field(max_length=_MANY)]


class UnreadableMessageError(Exception):
    """A message is none of ours; the message says why, in none of the sender's words."""


class _Strict(BaseModel):
    """What strangers may have written."""

    model_config = _STRICT


class Trail(_Strict):
    """Where a message comes from; see ``ticketflow.tasks.publisher``."""

    request_id: _Text | None = None
    traceparent: _Text | None = None
    sent_by: _Text | None = None


class Death(_Strict):
    """Why and where RabbitMQ gave a message up (https://www.rabbitmq.com/docs/dlx, "Effects on messages")."""

    reason: Annotated[str, Field(pattern="^[a-z_]{1,40}$")]
    queue: _Text
    exchange: str = ""
    count: Annotated[int, Field(ge=0)] = 1


class Headers(Trail):
    """A message's headers, as far as they matter."""

    deaths: Annotated[list[Death], Field(alias="x-death", max_length=_MANY)] = []

    task: _Task
    id: _Id
    root_id: _Id | None = None
    parent_id: _Id | None = None
    retries: Annotated[int, Field(ge=0, le=MAX_GENERATION)] | None = None
    argsrepr: _Text | None = None
    kwargsrepr: _Text | None = None
    origin: _Text | None = None
    ignore_result: bool | None = None
    # Retries wait in PostgreSQL, and steps have their limits in the graph.
    eta: None = None
    expires: None = None
    timelimit: Annotated[list[None], Field(min_length=2, max_length=2)] | None = None


class LinkOptions(_Strict):
    """How a link of a chain is published."""

    task_id: _Id | None = None
    reply_to: _Id | None = None
    root_id: _Id | None = None
    parent_id: _Id | None = None
    headers: Trail | None = None


class Link(TypedDict):
    """A link of a chain: a task that is published when the one before it is done."""

    __pydantic_config__ = _STRICT  # type: ignore[misc]  # pydantic's own way to say it

    task: _Task
    args: _Arguments
    kwargs: _Named
    options: LinkOptions
    subtask_type: NotRequired[None]
    immutable: NotRequired[bool]


class Embed(_Strict):
    """The rest of a chain, as a task's message carries it."""

    chain: Annotated[list[Link], Field(max_length=_MANY)] | None = None
    callbacks: Annotated[list[None], Field(max_length=0)] | None = None
    errbacks: Annotated[list[None], Field(max_length=0)] | None = None
    chord: None = None

    @field_validator("chain")
    @classmethod
    def _drop_empty(cls, chain: list[Link] | None) -> list[Link] | None:
        return chain or None


class _Deaths(_Strict):
    deaths: list[Death]


class StepArguments(BaseModel):
    """The arguments of a step's task."""

    ticket_id: UUID
    generation: int = Field(ge=0, le=MAX_GENERATION, strict=True)


class _Body(_Strict):
    """Celery's second protocol: a list of three (https://docs.celeryq.dev, "Message Protocol")."""

    parts: tuple[_Arguments, _Named, Embed]


class Envelope:
    """A message that was understood."""

    def __init__(self, headers: Headers, body: _Body) -> None:
        """Keep a message's headers and arguments."""
        self.headers = headers
        self._body = body

    @property
    def args(self) -> list[str | int]:
        """What the task is called with."""
        return self._body.parts[0]

    @property
    def kwargs(self) -> dict[str, str | int]:
        """What the task is called with by name."""
        return self._body.parts[1]

    @property
    def tasks(self) -> set[str]:
        """Every task it asks for, its own and those of its chain."""
        return {self.headers.task, *(link["task"] for link in self._body.parts[2].chain or ())}

    def refill(self, message: Any) -> None:
        """Put into a message what was understood of it, and nothing else."""
        message.headers = self.headers.model_dump(exclude_unset=True, by_alias=True)
        written = self._body.model_dump_json(exclude_unset=True)
        message.body = written.removeprefix('{"parts":').removesuffix("}").encode()


def read_envelope(message: Any, known: Container[str] | None = None) -> Envelope:
    """Read a message.

    Args:
        message: A kombu message that nobody has decoded.
        known: Names of the tasks it may ask for; any of ours if left out.

    Raises:
        UnreadableMessageError: It is none of ours.
    """
    is_utf8 = str(message.content_encoding).lower() in {"utf-8", "utf8"}
    if message.errors or message.content_type != "application/json" or not is_utf8:
        raise UnreadableMessageError("it is not written in JSON")
    body = message.body.encode(errors="replace") if isinstance(message.body, str) else bytes(message.body or b"")
    if len(body) > MAX_BODY_BYTES:
        raise UnreadableMessageError(f"it is longer than {MAX_BODY_BYTES} bytes")
    headers = message.headers if isinstance(message.headers, Mapping) else {}
    try:
        envelope = Envelope(
            Headers.model_validate(dict(headers)), _Body.model_validate_json(b'{"parts":' + body + b"}")
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        raise UnreadableMessageError(f"{error.title}: {first['type']}") from None
    if known is not None and any(name not in known for name in envelope.tasks):
        raise UnreadableMessageError("it asks for a task that is none of ours")
    return envelope


def may_be_rejected(message: Any) -> bool:
    """Tell whether the broker can take a message back.

    RabbitMQ 3.10 writes into a list of deaths that somebody else has made up without looking at it, and the queue's
    process ends of it, with the connections of all who consume it.
    """
    headers = message.headers if isinstance(message.headers, Mapping) else {}
    try:
        _Deaths.model_validate({"deaths": headers.get("x-death", [])})
    except ValidationError:
        return False
    return True
