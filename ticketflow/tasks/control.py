"""Remote control of workers (``celery inspect``, Flower) that outlives the loss of a broker's node."""

from typing import Annotated, Any

from celery.app.control import Control
from kombu import Queue
from kombu.pidbox import Mailbox, Node
from pydantic import BaseModel, ConfigDict, Field

from ticketflow.observability.logging import get_logger
from ticketflow.settings import load_settings

log = get_logger(__name__)

# A clock past this could not be written into a message any more.
MAX_CLOCK = 2**53


# What remote control must not change here, and what stands in its way.
REFUSED = {
    "time_limit": "each step has its time limit in the graph",
    "autoscale": "start more workers, or others with -c",
    "pool_restart": "restart the worker",
}


class _ReplyTo(BaseModel):
    exchange: str
    routing_key: str


class _Command(BaseModel):
    """A remote-control command; who may send it is the broker's business."""

    model_config = ConfigDict(extra="ignore", strict=True)

    method: str
    arguments: dict[str, Any] | None = None
    destination: list[str] | None = None
    pattern: Annotated[str, Field(max_length=255)] | None = None
    matcher: str | None = None
    reply_to: _ReplyTo | None = None
    ticket: str | None = None


class GuardedNode(Node):
    """A worker's ear for remote control that hears only what is a command."""

    def handle_message(self, body: Any, message: Any = None) -> Any:
        """Obey a command; what is none is logged and forgotten."""
        try:
            command = _Command.model_validate(body)
            if command.reply_to is not None and command.reply_to.exchange != self.mailbox.reply_exchange.name:
                raise ValueError("an answer would go elsewhere")  # noqa: TRY301
        except ValueError as error:
            log.warning("control.unreadable", error=type(error).__name__)
            return None
        if message is not None:
            clock = message.headers.get("clock")
            is_clock = isinstance(clock, int) and 0 <= clock < MAX_CLOCK
            message.headers = {"clock": clock if is_clock else 0}
        return super().handle_message(command.model_dump(exclude_none=True), message)

    def handle(self, method: str, arguments: Any = None) -> Any:
        """Do what a command says, or answer why not."""
        if method in REFUSED:
            return {"error": f"{method} is refused: {REFUSED[method]}"}
        return super().handle(method, arguments)


class ReplicatedMailbox(Mailbox):
    """Keeps a worker's mailbox on several nodes, as its step queues are.

    A classic queue lives on one node. While that is away nobody can declare the queue, not even on another node, and
    a worker that cannot declare its mailbox ends.
    """

    node_cls = GuardedNode

    def get_queue(self, hostname: str) -> Queue:
        """Build a worker's mailbox, under a name that says of what type it is: a queue cannot change it."""
        queue = super().get_queue(hostname)
        queue.name = f"{hostname}.{self.namespace}.{load_settings().queue_type}.pidbox"
        queue.queue_arguments = {"x-queue-type": load_settings().queue_type}
        return queue

    def get_reply_queue(self) -> Queue:
        """Build the queue that answers come back on, which goes with its connection."""
        queue = super().get_reply_queue()
        queue.durable, queue.exclusive, queue.auto_delete = False, True, True
        return queue


class ReplicatedControl(Control):
    """Celery's remote control, with these mailboxes."""

    Mailbox = ReplicatedMailbox
