"""Learn from what people approved: keep resolved tickets without personal data, and find similar ones."""

import re
import threading
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from ticketflow.engines.embedded.encoder.vectors import Encoder, Vectors
from ticketflow.errors import TransientError
from ticketflow.masking import find_cards, find_ibans
from ticketflow.storage.models import ResolvedTicket, Ticket
from ticketflow.storage.resolved_tickets import (
    Progress,
    keep_vector,
    list_resolved,
    read_progress,
    record_resolution,
)
from ticketflow.storage.session import Sessions
from ticketflow.storage.tickets import build_request
from ticketflow.workflow.state import Entity, SimilarTicket, question_of
from ticketflow.workflow.steps.personal_data import find_emails, find_links, find_phones

# StackFAQ dev: 98 % of the questions find one of the same thread from here on, and the nearest is of the same thread
# for 99 %; where nobody has asked it before, 21 % find another question.
MIN_SIMILARITY = 0.65
EXCERPT_LENGTH = 200
MIN_NAME_LENGTH = 2

_FLOAT = np.dtype("<f4")
_FINDERS = (
    ("[e-mail]", find_emails),
    ("[card]", find_cards),
    ("[account]", find_ibans),
    ("[phone]", find_phones),
    ("[link]", find_links),
)


def remember_resolution(session: Session, ticket: Ticket, reply: str) -> None:
    """Keep a ticket that a person answered, for the tickets like it that follow; commits with the caller.

    Nothing is computed here: the next search does, in whichever process it is.

    Args:
        ticket: The ticket; its state tells which names and numbers are personal.
        reply: What a person approved: the draft as it was, or as they changed it.
    """
    state: dict[str, Any] = ticket.state
    known = list_personal_words(ticket.customer_name, ticket.customer_email, state.get("entities", []))
    question = question_of(build_request(ticket))
    record_resolution(
        session, ticket.tenant, ticket.id, remove_personal_data(question, known), remove_personal_data(reply, known)
    )


def list_personal_words(name: str | None, email: str | None, entities: Iterable[Entity]) -> list[str]:
    """List what of a ticket belongs to its customer alone: names, address and every number that was found."""
    names = [name or "", *(name or "").split()]
    facts = [each["text"] for each in entities if each["type"] not in {"amount", "date", "product", "error_code"}]
    words = [*names, email or "", *facts]
    return sorted({word for word in words if len(word) >= MIN_NAME_LENGTH}, key=lambda word: (-len(word), word))


def remove_personal_data(text: str, known: Sequence[str]) -> str:
    """Put placeholders in the place of addresses, numbers and links, and of the words given."""
    for placeholder, find in _FINDERS:
        for start, end in sorted(find(text), reverse=True):
            text = text[:start] + placeholder + text[end:]
    for word in known:
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "[…]", text, flags=re.IGNORECASE)
    return text


class ResolvedTickets:
    """One tenant's resolved tickets by vector; what was kept a moment ago is found by the next search."""

    def __init__(self, sessions: Sessions, encoder: Encoder, tenant: str) -> None:
        """Start empty; the first search loads what is stored."""
        self._sessions = sessions
        self._encoder = encoder
        self._tenant = tenant
        self._lock = threading.Lock()
        self._progress = Progress(0, 0)
        self._held: dict[str, tuple[ResolvedTicket, Vectors]] = {}
        self._matrix: Vectors | None = None

    def find(self, query: str, limit: int) -> list[SimilarTicket]:
        """List the tickets most like a question, the most alike first.

        Raises:
            TransientError: The database does not answer.
        """
        try:
            rows, matrix = self._follow()
        except DBAPIError as error:
            raise TransientError(f"resolved tickets cannot be read just now: {type(error).__name__}") from error
        if not rows or not query.strip():
            return []
        scores = np.round(matrix @ self._encoder.encode([query])[0], 4)
        best = [at for at in np.argsort(-scores, kind="stable")[:limit] if scores[at] >= MIN_SIMILARITY]
        return [
            SimilarTicket(
                ticket_id=str(rows[at].ticket_id),
                score=round(float(scores[at]), 4),
                question=rows[at].question[:EXCERPT_LENGTH],
                reply=rows[at].reply,
            )
            for at in best
        ]

    def _follow(self) -> tuple[list[ResolvedTicket], Vectors]:
        """Take over what changed since the last look; all of it when some were deleted."""
        with self._lock:
            with self._sessions() as session:
                progress = read_progress(session, self._tenant)
                is_news = progress != self._progress
                changed = list_resolved(session, self._tenant, self._progress.revision) if is_news else []
                known = {*self._held, *(str(row.ticket_id) for row in changed)}
                if is_news and len(known) != progress.count:  # some were deleted
                    self._held.clear()
                    self._matrix = None
                    changed = list_resolved(session, self._tenant, 0)
                session.expunge_all()
            for row in changed:
                if row.encoder == self._encoder.name:
                    vector = np.frombuffer(row.vector, dtype=_FLOAT).astype(np.float32)
                else:  # the first process that needs it computes and stores it
                    vector = self._encoder.encode([row.question])[0]
                    with self._sessions.begin() as session:
                        keep_vector(session, row, self._encoder.name, vector.astype(_FLOAT).tobytes())
                self._held[str(row.ticket_id)] = row, vector
            if changed or self._matrix is None:
                self._matrix = np.array([vector for _, vector in self._held.values()], dtype=np.float32)
            self._progress = progress
            return [row for row, _ in self._held.values()], self._matrix
