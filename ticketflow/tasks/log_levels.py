"""Keeps what a process logs as operators want it: they say so in the database, while processes run."""

from sqlalchemy.exc import SQLAlchemyError

from ticketflow.observability.logging import ROOT, get_logger, set_levels
from ticketflow.storage.log_levels import list_log_levels
from ticketflow.storage.session import Sessions
from ticketflow.tasks.loop import Loop

log = get_logger(__name__)

# One look costs a primary key lookup in a table of at most a few rows.
LOOK_EVERY_S = 5.0


class LevelWatch(Loop):
    """Looks what is wanted; while the database is away, things stay as they are."""

    def __init__(self, sessions: Sessions, level: str) -> None:
        """Bind to a database; ``start`` begins.

        Args:
            level: What holds where operators want nothing else: the setting.
        """
        super().__init__("log-levels")
        self._sessions = sessions
        self._settings = {ROOT: level}
        self._current = self._settings

    def look(self) -> None:
        """Look once for log levels that operators set."""
        with self._sessions() as session:
            wanted = self._settings | list_log_levels(session)
        if wanted != self._current:
            set_levels(wanted)
            self._current = wanted
            log.warning("log.levels_changed", levels={name or "root": level for name, level in wanted.items()})

    def make_pass(self) -> float:
        """Look once, if the database is there."""
        try:
            self.look()
        except SQLAlchemyError as error:
            log.debug("log.levels_unknown", error=type(error).__name__)
        return LOOK_EVERY_S
