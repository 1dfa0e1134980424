"""Remote control of workers (``celery inspect``, Flower) that outlives the loss of a broker's node."""

from celery.app.control import Control
from kombu import Queue
from kombu.pidbox import Mailbox

from ticketflow.settings import load_settings


class ReplicatedMailbox(Mailbox):
    """Keeps a worker's mailbox on several nodes, as its step queues are.

    A classic queue lives on one node. While that is away nobody can declare the queue, not even on another node, and
    a worker that cannot declare its mailbox ends.
    """

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
