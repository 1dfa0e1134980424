"""What operators want logged for a while."""

from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from ticketflow.storage.models import LogLevel


def record_log_level(session: Session, logger: str, level: str, lasts: timedelta) -> None:
    """Want a level of a logger for so long from now; what was wanted of it before is forgotten."""
    wanted = {"level": level, "until": func.now() + lasts}
    new = insert(LogLevel).values(logger=logger, **wanted)
    session.execute(new.on_conflict_do_update(index_elements=[LogLevel.logger], set_=wanted))


def remove_log_levels(session: Session) -> None:
    """Let the settings hold again."""
    session.execute(delete(LogLevel))


def list_log_levels(session: Session) -> dict[str, str]:
    """Return the levels wanted now, by logger."""
    wanted = session.scalars(select(LogLevel).where(LogLevel.until > func.now()))
    return {each.logger: each.level for each in wanted}
