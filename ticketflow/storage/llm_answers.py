"""Answers of chat models that are kept, so that a step that runs twice pays once."""

from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ticketflow.storage.models import LlmAnswer

# Old answers go a few at a time, with each new one: nobody waits for it, and the table stays as large as its use.
DELETE_AT_ONCE = 100


def find_answer(session: Session, key: str) -> LlmAnswer | None:
    """Find an answer by the digest of all it depends on."""
    return session.get(LlmAnswer, key)


def record_answer(session: Session, answer: LlmAnswer, keep_for: timedelta) -> None:
    """Keep an answer, unless there is one; forget some that are older than ``keep_for``."""
    old = select(LlmAnswer.key).where(LlmAnswer.created_at < func.now() - keep_for).limit(DELETE_AT_ONCE)
    session.execute(delete(LlmAnswer).where(LlmAnswer.key.in_(old.with_for_update(skip_locked=True))))
    values = {
        "key": answer.key,
        "tenant": answer.tenant,
        "ticket_id": answer.ticket_id,
        "model": answer.model,
        "prompt_version": answer.prompt_version,
        "answer": answer.answer,
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.output_tokens,
        "cost_usd": answer.cost_usd,
    }
    session.execute(insert(LlmAnswer).values(values).on_conflict_do_nothing())
