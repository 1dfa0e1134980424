"""What each error means at the command line: one line and an exit code."""

import sys
from types import ModuleType
from typing import Literal

import click

from ticketflow.errors import BrokerUnavailableError, ConfigurationError, InvalidInputError, TicketFlowError

FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells count


class Failure(click.ClickException):
    """An explained error on its way to the user."""

    def __init__(self, message: str, exit_code: int) -> None:
        """Say what happened in one line, and with which code the process ends."""
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # click reads it from the instance


def explain(error: Exception) -> Failure:
    """Say what an error means and what to do about it."""
    if isinstance(error, InvalidInputError | ConfigurationError):
        return Failure(str(error), WRONG_USAGE)
    if isinstance(error, BrokerUnavailableError):
        return Failure(f"the broker does not answer: {error}; {_advise('broker')}", FAILED)
    if isinstance(error, TicketFlowError):
        return Failure(str(error), FAILED)
    database = sys.modules.get("sqlalchemy.exc")  # not imported: then the error cannot be one of its own
    if database is not None and isinstance(error, database.DBAPIError):
        return _explain_database(error, database)
    if isinstance(error, OSError) and error.filename:
        return Failure(f"{error.filename}: {error.strerror}", WRONG_USAGE)
    message = f"unexpected {type(error).__name__}: {error} (TICKETFLOW_LOG_LEVEL=debug shows where)"
    return Failure(message, FAILED)


def _explain_database(error: Exception, database: ModuleType) -> Failure:
    from ticketflow.storage.session_settings import read_reason, was_refused

    reason = read_reason(error)
    if isinstance(error, database.OperationalError) and was_refused(error):
        return Failure(f"the database refuses: {reason}; {_advise('database')}", FAILED)
    if isinstance(error, database.OperationalError):
        return Failure(f"the database does not answer: {reason}; {_advise('database')}", FAILED)
    if isinstance(error, database.ProgrammingError) and "does not exist" in reason:
        return Failure(f"the database is not up to date ({reason}); run `ticketflow db upgrade`", FAILED)
    return Failure(f"the database refused: {reason}", FAILED)


def _advise(part: Literal["database", "broker"]) -> str:
    from ticketflow.settings import load_settings

    variable = f"TICKETFLOW_{part.upper()}_URL"
    if getattr(load_settings(), f"is_{part}_embedded"):
        return f"start the embedded one with `ticketflow up`, or set {variable}"
    return f"check {variable}"
