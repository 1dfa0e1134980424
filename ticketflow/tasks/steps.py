"""One registered task per step of the graph: thin shells that turn outcomes into broker verbs."""

from typing import Any

from celery import Task
from celery.exceptions import Reject, Retry, TimeLimitExceeded
from celery.worker.request import Request
from pydantic import ValidationError
from sqlalchemy.exc import InterfaceError, OperationalError

from ticketflow.observability.context import bound, current_request_id
from ticketflow.observability.failpoints import failpoint
from ticketflow.observability.logging import get_logger
from ticketflow.observability.tracing import Attributes, describe_span, span, ticket_traceparent
from ticketflow.storage.leases import Claim
from ticketflow.tasks.broker import BROKER_ERRORS
from ticketflow.tasks.celery import app
from ticketflow.tasks.chain_message import REQUEST_ID, SENT_BY, TASK_PREFIX, TRACEPARENT, Ancestry, build_message
from ticketflow.tasks.envelope import StepArguments
from ticketflow.tasks.runtime import runtime
from ticketflow.tasks.under_way import under_way
from ticketflow.workflow.outcomes import Committed, Failed, Retrying, StepOutcome, Unchanged, name_outcome
from ticketflow.workflow.plan import ticket_plan

log = get_logger(__name__)

# A child process still has to commit what was ready in time, before its parent kills it.
KILL_AFTER_S = 5.0


def describe(claim: Claim) -> Attributes:
    """Say what a span of a step is about."""
    return {
        "ticketflow.ticket_id": str(claim.ticket_id),
        "ticketflow.request_id": current_request_id(),
        "ticketflow.step": claim.step,
        "ticketflow.generation": claim.generation,
        "messaging.operation.type": "process",
        "messaging.destination.name": f"steps.{claim.step}",
    }


class StepRequest(Request):
    """A message of a step in the worker, which alone says when a child process that works on it is killed.

    Celery's own way, ``Task.time_limit``, would write the limit into every message, where strangers can, too.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take a step's message in, with its time limit."""
        super().__init__(*args, **kwargs)
        self.time_limits = (ticket_plan().steps[self.task.step].time_limit_s + KILL_AFTER_S, None)


class StepTask(Task):
    """The edge between Celery and ``run_step``, the same for every step."""

    Request = StepRequest
    step: str

    def run(self, ticket_id: str, generation: int) -> str:
        """Run the step and tell the broker what came of it.

        Returns:
            The outcome's name, for Flower; the result itself is in Postgres.

        Raises:
            Retry: The step will be published again when the ticket's clock rings.
            Reject: The ticket failed, or there is none; the message goes to the dead letters.
        """
        is_redelivered = bool((self.request.delivery_info or {}).get("redelivered"))
        try:
            told = StepArguments(ticket_id=ticket_id, generation=generation)
        except ValidationError:
            log.warning("message.rejected", queue=f"steps.{self.step}", reason="it names no ticket")
            raise Reject("it names no ticket", requeue=False) from None
        claim = Claim(told.ticket_id, self.step, told.generation, is_redelivered)
        request_id = self.request.get(REQUEST_ID)
        with (
            bound(request_id=request_id, ticket_id=ticket_id, step=self.step, generation=generation),
            under_way.keep(claim.ticket_id, self.step, ticket_plan().steps[self.step].time_limit_s),
        ):
            return self.answer(self.run_step(claim))

    def run_step(self, claim: Claim) -> StepOutcome:
        """Run the step inside a span of its ticket's trace.

        Raises:
            Retry: The database is away; nothing took effect.
        """
        parent = ticket_traceparent(claim.ticket_id, self.request.get(TRACEPARENT))
        with span(f"step {self.step}", "consumer", describe(claim), parent=parent, links=[self.request.get(SENT_BY)]):
            try:
                outcome = runtime().runner.run(claim)
            except (OperationalError, InterfaceError) as error:
                # Nothing took effect; the clock that the dispatcher set brings the step back.
                log.warning("step.database_away", error=type(error).__name__)
                raise Retry("the database does not answer") from error
            describe_span({"ticketflow.outcome": outcome.label})
            return outcome

    def after_return(self, *_: Any, **__: Any) -> None:
        """Let a test end the process here: Celery has published the next link and acknowledges afterwards."""
        failpoint("link.after")

    def on_failure(self, exc: Exception, _id: str, args: Any, *_: Any) -> None:
        """Log whose step hung, when the child process that was at it has been killed for it."""
        if isinstance(exc, TimeLimitExceeded):
            log.error("step.hung", ticket_id=args[0], step=self.step, over_s=KILL_AFTER_S)

    def answer(self, outcome: StepOutcome) -> str:
        """Say to Celery what an outcome means for the message and for the rest of its chain."""
        match outcome:
            case Retrying(delay, reason):
                # No message is sent for it: a retry waits in Postgres, where it can be seen and stopped.
                raise Retry(reason, when=delay.total_seconds())
            case Failed(reason):
                raise Reject(reason, requeue=False)
            case Committed(is_chain_valid=True) | Unchanged.ALREADY_DONE:
                self.pass_on()
        self.request.chain = None  # or Celery would publish the next link, in its own, slower way
        return name_outcome(outcome)

    def pass_on(self, producer: Any = None) -> None:
        """Publish the next link of the chain, if there is one; one that is lost comes back by the ticket's clock."""
        request = self.request
        if not request.chain:
            return
        trail = {name: request.get(name) for name in (REQUEST_ID, TRACEPARENT, SENT_BY)}
        message = build_message(request.chain, trail, Ancestry(request.root_id or request.id, request.id))
        policy = app.conf.task_publish_retry_policy
        try:
            with app.producer_or_acquire(producer) as sender:
                sender.publish(exchange=app.conf.task_default_exchange, retry=True, retry_policy=policy, **message)
        except BROKER_ERRORS as error:
            log.warning("link.unsent", error=type(error).__name__)


for _step in ticket_plan().order:
    app.register_task(type(f"{_step.title()}Task", (StepTask,), {"name": TASK_PREFIX + _step, "step": _step})())
