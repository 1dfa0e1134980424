"""Every error this package raises on purpose.

Callers branch on the class, never on the text. Each class takes one positional message, because
Celery rebuilds exceptions from their positional arguments on the other side of the broker.
"""


class TicketFlowError(Exception):
    """Root of all errors raised by Ticket Flow."""

    def __init__(self, message: str) -> None:
        """Keep the message as the only argument, so that the error survives pickling."""
        super().__init__(message)

    def __str__(self) -> str:
        """Return the message as given."""
        return str(self.args[0])


class TransientError(TicketFlowError):
    """The same call may succeed later: the step is tried again with backoff.

    Attributes:
        retry_after_s: Seconds the other side asked us to wait (``Retry-After``), or ``None``.
    """

    retry_after_s: float | None = None


class PermanentError(TicketFlowError):
    """The same call can never succeed: the ticket fails and waits until its cause is repaired."""


class ConfigurationError(PermanentError):
    """A setting, taxonomy or installation is wrong; the message says what to change."""


class BadModelOutputError(TransientError):
    """A model answered something that does not fit its contract; asking again may help."""


class InvalidInputError(PermanentError):
    """A caller's value is wrong; the message names the field and says what to send instead."""


class NotFoundError(TicketFlowError):
    """The thing asked for does not exist for this caller."""


class ConflictError(TicketFlowError):
    """The thing asked for is in a state that does not allow the request now."""


class VersionConflictError(ConflictError):
    """Somebody changed the row since the caller read it; read again and decide anew."""


class IdempotencyConflictError(ConflictError):
    """The first request with this idempotency key is still running; repeat it shortly."""


class IdempotencyMismatchError(InvalidInputError):
    """The idempotency key was used before with another payload; use a new key."""


class UnplannableGraphError(ConfigurationError):
    """The graph has a shape that cannot run as a chain; the message names the node."""


class StepInterruptedError(TransientError):
    """The step's result is no longer wanted: let it pass, nothing has to be undone."""


class WorkerDiedError(PermanentError):
    """The step's worker ended without a word too often: it was killed, or the step kills it."""


class BrokerUnavailableError(TransientError):
    """The broker did not take a message in time; it is published again later."""


class MigrationError(TransientError):
    """A migration had to give way to the live system for too long; run it again."""
