"""What an error of the database means to who waits: each kind by its code, and what is our own fault by none."""

import psycopg
import pytest
from psycopg import errors
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, NoResultFound, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from ticketflow.storage.refusals import AWAY, describe_refusal, explain_refusal


def wrap(cause: psycopg.Error, kind: type[DBAPIError] = DBAPIError, **how: bool) -> DBAPIError:
    """Wrap an error as SQLAlchemy does."""
    return kind("SELECT secret", None, cause, **how)


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (errors.ReadOnlySqlTransaction(), "takes no writes just now"),
        (errors.DiskFull(), "has no room left on its disk"),
        (errors.LockNotAvailable(), "is held up by a lock"),
        (errors.InsufficientPrivilege(), "does not let this service in everywhere it must go"),
        (errors.UndefinedTable(), "is not up to date yet"),
        (errors.UndefinedColumn(), "is not up to date yet"),
        (errors.InternalError_(), "has met a fault of its own"),
        (errors.DataCorrupted(), "has met a fault of its own"),
        (errors.IndexCorrupted(), "has met a fault of its own"),
    ],
)
def test_what_is_known_by_its_code_is_told(cause, said):
    assert explain_refusal(wrap(cause)) == said
    assert explain_refusal(wrap(cause, OperationalError)) == said


@pytest.mark.parametrize(
    "error",
    [
        wrap(psycopg.OperationalError("the connection is closed"), OperationalError),
        wrap(errors.OutOfMemory(), OperationalError),
        wrap(errors.QueryCanceled(), OperationalError),
        wrap(errors.SerializationFailure(), OperationalError),
        wrap(psycopg.InterfaceError("the connection is lost"), InterfaceError),
        wrap(psycopg.DatabaseError("consuming input failed"), connection_invalidated=True),
        PoolTimeoutError("QueuePool limit of size 10 overflow 10 reached"),
    ],
    ids=lambda error: type(getattr(error, "orig", error)).__name__,
)
def test_a_server_that_is_not_there_for_this_one_does_not_answer(error):
    assert explain_refusal(error) == AWAY


@pytest.mark.parametrize(
    "error",
    [
        wrap(errors.UniqueViolation(), IntegrityError),
        wrap(errors.SyntaxError()),
        wrap(errors.UndefinedFunction()),
        wrap(psycopg.DataError("no code at all")),
        NoResultFound(),
        ValueError("XX000"),
    ],
    ids=lambda error: type(getattr(error, "orig", error)).__name__,
)
def test_a_wrong_statement_is_nobody_else_s_fault(error):
    assert explain_refusal(error) is None


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (wrap(errors.DiskFull("could not extend\nDETAIL: a customer's words")), "DiskFull: could not extend"),
        (PoolTimeoutError("limit reached\nand more"), "TimeoutError: limit reached"),
    ],
)
def test_the_log_has_the_cause_in_one_line_without_the_statement(error, said):
    assert describe_refusal(error) == said
