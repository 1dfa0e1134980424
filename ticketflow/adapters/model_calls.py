"""What all workers remember together of their calls to chat models: answers, limits, pauses."""

from datetime import timedelta

from sqlalchemy.exc import DBAPIError

from ticketflow.engines.llm.calls import Answer, Pause, Slot
from ticketflow.errors import TransientError
from ticketflow.observability.logging import get_logger
from ticketflow.storage.llm_answers import find_answer, record_answer
from ticketflow.storage.llm_limits import Limits, Refused, block_provider, give_call_back, take_call
from ticketflow.storage.models import LlmAnswer
from ticketflow.storage.session import Sessions

log = get_logger(__name__)


class StoredAnswers:
    """The engine's ``AnswerCache`` in Postgres; a database that is away makes nothing worse than a second call."""

    def __init__(self, sessions: Sessions, keep_for: timedelta) -> None:
        """Bind to a database.

        Args:
            keep_for: Answers older than this are deleted; they hold what the model read out of tickets.
        """
        self._sessions = sessions
        self._keep_for = keep_for

    def find(self, key: str) -> Answer | None:
        """Return the answer kept under a key, or ``None``."""
        try:
            with self._sessions() as session:
                row = find_answer(session, key)
        except DBAPIError as error:
            log.warning("model.answers_away", error=type(error).__name__)
            return None
        if row is None:
            return None
        return Answer(
            model=row.model,
            prompt_version=row.prompt_version,
            content=row.answer,
            input_tokens=row.input_tokens,
            output_tokens=row.output_tokens,
            cost_usd=row.cost_usd,
            ticket_id=row.ticket_id,
            tenant=row.tenant,
        )

    def keep(self, key: str, answer: Answer) -> None:
        """Remember an answer; one that is there already stays."""
        row = LlmAnswer(
            key=key,
            tenant=answer.tenant,
            ticket_id=answer.ticket_id,
            model=answer.model,
            prompt_version=answer.prompt_version,
            answer=answer.content,
            input_tokens=answer.input_tokens,
            output_tokens=answer.output_tokens,
            cost_usd=answer.cost_usd,
        )
        try:
            with self._sessions.begin() as session:
                record_answer(session, row, self._keep_for)
        except DBAPIError as error:
            log.warning("model.answers_away", error=type(error).__name__)


class StoredLimiter:
    """The engine's ``CallLimiter`` in Postgres; nothing is held there while a model thinks but a row."""

    def __init__(self, sessions: Sessions, limits: Limits) -> None:
        """Bind to a database."""
        self._sessions = sessions
        self._limits = limits

    def take(self, provider: str, hold_s: float) -> Slot | Pause:
        """Ask for leave to make a call that takes at most ``hold_s`` seconds.

        Raises:
            TransientError: The database does not answer; without it nobody knows what others call.
        """
        try:
            with self._sessions.begin() as session:
                leave = take_call(session, provider, self._limits, timedelta(seconds=hold_s))
        except DBAPIError as error:
            raise TransientError(f"the limits of model calls cannot be read: {type(error).__name__}") from error
        return Pause(leave.seconds, leave.is_blocked) if isinstance(leave, Refused) else Slot(leave)

    def give_back(self, slot: Slot) -> None:
        """Say that the call has ended; if that fails, the slot runs out by itself."""
        try:
            with self._sessions.begin() as session:
                give_call_back(session, slot.id)
        except DBAPIError as error:
            log.warning("model.slot_not_given_back", error=type(error).__name__)

    def block(self, provider: str, pause_s: float) -> None:
        """Let nobody call the provider for so many seconds.

        Raises:
            TransientError: The database does not answer, so the others do not know; the step is tried again later.
        """
        try:
            with self._sessions.begin() as session:
                block_provider(session, provider, timedelta(seconds=pause_s))
        except DBAPIError as error:
            raise TransientError(f"a provider's pause cannot be noted: {type(error).__name__}") from error
