"""Sessions that cannot change anything, for engines that keep what they work out."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from ticketflow.storage.session import Sessions

READ_ONLY_SQL_TRANSACTION = "25006"  # PostgreSQL, appendix A: error codes


class ReadOnlySessions(sessionmaker[Session]):
    """PostgreSQL refuses every change; a transaction that wanted one ends without it.

    What engines write of their own accord are vectors and fitted models: they have them in memory
    and go on with that.
    """

    @contextmanager
    def begin(self) -> Iterator[Session]:
        """Open a transaction; one that is refused a change is rolled back, and that is all."""
        try:
            with super().begin() as session:
                yield session
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != READ_ONLY_SQL_TRANSACTION:
                raise


def read_only(sessions: Sessions) -> Sessions:
    """Return sessions on the same database that change nothing."""
    engine = sessions.kw["bind"].execution_options(postgresql_readonly=True)
    return ReadOnlySessions(engine, expire_on_commit=False)
