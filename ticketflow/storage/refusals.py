"""What an error of the database means to who waits for an answer: come back later, or a fault of ours."""

from collections.abc import Mapping

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# PostgreSQL, appendix A. Nothing is wrong with the statement: the same one succeeds once the server is well again.
REFUSALS: Mapping[str, str] = {
    "25006": "takes no writes just now",
    "53100": "has no room left on its disk",
    "55P03": "is held up by a lock",
    "42501": "does not let this service in everywhere it must go",
    "42P01": "is not up to date yet",  # no such table
    "42703": "is not up to date yet",  # no such column
    "XX": "has met a fault of its own",  # a broken page or index
}
AWAY = "does not answer"


def explain_refusal(error: Exception) -> str | None:
    """Say what the database does, to go after its name; ``None`` when the statement itself is at fault."""
    state = getattr(error.orig, "sqlstate", None) or "" if isinstance(error, DBAPIError) else ""
    for start, why in REFUSALS.items():
        if state.startswith(start):
            return why
    # psycopg's operational errors are those of connections, resources, operators and rivals (classes 08, 53, 57, 40).
    is_away = isinstance(error, OperationalError | InterfaceError | PoolTimeoutError)
    return AWAY if is_away or (isinstance(error, DBAPIError) and error.connection_invalidated) else None


def describe_refusal(error: Exception) -> str:
    """Describe an error for the log, in one line and without the statement."""
    cause = (error.orig if isinstance(error, DBAPIError) else None) or error
    return f"{type(cause).__name__}: {str(cause).partition(chr(10))[0]}"
