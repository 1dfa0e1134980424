"""Keeps a worker from taking tickets before the database is migrated: it could not commit a single step."""

import time

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from ticketflow.observability.logging import get_logger
from ticketflow.settings import Settings
from ticketflow.storage.embedded import embedded_url
from ticketflow.storage.migrate import USABLE, find_schema_age
from ticketflow.storage.session import build_engine
from ticketflow.storage.session_settings import read_reason

log = get_logger(__name__)

LOOK_EVERY_S = 1.0


def wait_for_schema(settings: Settings) -> None:
    """Return when the database answers and has every migration that this version needs."""
    # Not the engine of the process: a prefork worker must not hold connections when it forks.
    engine = build_engine(settings.database_url or embedded_url(settings.data_dir), pool_size=1)
    said = ""
    try:
        while lacks := _find_lack(engine):
            if lacks != said:
                log.warning("worker.waiting", reason=lacks)
                said = lacks
            time.sleep(LOOK_EVERY_S)
    finally:
        engine.dispose()


def _find_lack(engine: Engine) -> str | None:
    """Say what is missing, if anything."""
    try:
        age = find_schema_age(engine)
    except SQLAlchemyError as error:
        return f"the database does not answer: {read_reason(error)}"
    return None if age in USABLE else "the database is not up to date; run `ticketflow db upgrade`"
