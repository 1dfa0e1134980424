"""Log lines: one format for everybody's, no payment number in any of them, and a level that can change."""

import json
import logging
import warnings
from contextlib import contextmanager
from datetime import timedelta
from types import SimpleNamespace

import gunicorn.config
import pytest
import structlog

from ticketflow.observability.context import bound, unbind
from ticketflow.observability.gunicorn import Logger
from ticketflow.observability.logging import ROOT, _mask_short, configure_logging, get_logger, set_levels


@contextmanager
def logging_as(log_format, level="info"):
    """Log in a format; not a fixture, since pytest puts its own handlers in place around the test itself."""
    handlers, before, configured = logging.root.handlers, logging.root.level, structlog.get_config()
    unbind()  # what an earlier test in this thread has bound
    configure_logging(level, log_format)
    yield get_logger("tests")
    set_levels({ROOT: level})
    logging.captureWarnings(capture=False)
    logging.root.handlers, logging.root.level = handlers, before
    structlog.configure(**configured)


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_payment_numbers_are_starred_in_events_fields_and_exceptions(log_format, capsys):
    error = ValueError("no such card: 4111 1111 1111 1111")

    with logging_as(log_format) as log:
        log.info("paid with 4111\u00a01111 1111 1111", card=4111111111111111, more={"a": ["DE89370400440532013000"]})
        logging.getLogger("library").warning("card %s", "4111-1111-1111-1111")
        log.error("step.failed", exc_info=error)

    written = capsys.readouterr().err
    assert "no such card: **** **** **** 1111" in written
    assert "DE****************3000" in written
    assert "4111" not in written
    assert written.count("1111") == 4


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_ids_and_instants_of_log_lines_stay_readable(log_format, capsys):
    with logging_as(log_format) as log:
        log.info("step.finished", ticket_id="018f6f2e-0000-7000-8000-000000000001", duration_s=0.4532015112830366)

    written = capsys.readouterr().err
    assert "018f6f2e-0000-7000-8000-000000000001" in written
    assert "0.4532015112830366" in written
    assert "*" not in written


@pytest.mark.parametrize("name", ["openai._base_client", "httpx", "httpx2", "httpcore2.http11"])
def test_what_is_sent_to_a_chat_model_is_in_no_log_however_much_is_logged(name, capsys):
    with logging_as("json", "debug"):
        logging.getLogger(name).debug("Request options: the customer's words")

    assert "customer" not in capsys.readouterr().err


def test_a_line_like_one_before_is_looked_through_for_numbers_no_more(capsys):
    configure_logging("info", "json")
    log = get_logger("tests.same")
    log.info("step.finished", next_step="draft")
    looked_through = _mask_short.cache_info().misses

    log.info("step.finished", next_step="draft")

    assert _mask_short.cache_info().misses == looked_through
    first, second = (json.loads(line)["timestamp"] for line in capsys.readouterr().err.splitlines())
    assert first < second


def test_what_a_caller_calls_a_timestamp_is_none(capsys):
    configure_logging("info", "json")
    get_logger("tests.same").info("step.finished", timestamp="4111 1111 1111 1111")

    assert "1111" not in capsys.readouterr().err


def read_lines(capsys):
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_lines_of_libraries_and_warnings_carry_what_is_bound_as_ours_do(capsys):
    with logging_as("json") as log, bound(request_id="r-1", step="draft"):
        log.info("ours")
        logging.getLogger("some.library").warning("theirs %s", 1)
        warnings.showwarning(UserWarning("Python's"), UserWarning, "somewhere.py", 1)  # what is not an error ends there

    lines = read_lines(capsys)
    assert [line["logger"] for line in lines] == ["tests", "some.library", "py.warnings"]
    assert [line["request_id"] for line in lines] == ["r-1"] * 3
    assert [line["level"] for line in lines] == ["info", "warning", "warning"]
    assert [line["event"].splitlines()[0][:8] for line in lines[:2]] == ["ours", "theirs 1"]


def test_what_a_line_says_itself_goes_before_what_is_bound(capsys):
    with logging_as("json") as log, bound(step="draft"):
        log.info("other", step="review")

    assert read_lines(capsys)[0]["step"] == "review"


def test_a_level_changes_while_the_process_runs_and_changes_back(capsys):
    with logging_as("json") as log:
        log.debug("before")
        set_levels({ROOT: "debug"})
        log.debug("during")
        set_levels({ROOT: "info"})
        log.debug("after")

    assert [line["event"] for line in read_lines(capsys)] == ["during"]


def test_one_logger_may_say_more_than_the_others(capsys):
    with logging_as("json") as log:
        set_levels({ROOT: "warning", "library.sql": "debug"})
        log.info("ours")
        logging.getLogger("library.sql.engine").debug("theirs")
        logging.getLogger("library").debug("not asked for")
        set_levels({ROOT: "warning"})
        logging.getLogger("library.sql.engine").debug("too late")

    assert [line["event"] for line in read_lines(capsys)] == ["theirs"]


def test_gunicorns_lines_have_our_format_and_its_access_lines_no_query(capsys):
    config = gunicorn.config.Config()
    config.set("accesslog", "-")
    with logging_as("json"):
        logger = Logger(config)
        configure_logging("info", "json")
        logger.info("Booting worker with pid: %s", 7)
        answered = SimpleNamespace(status="200 OK", headers=[("X-Request-ID", "r-2")], sent=5)
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/tickets", "QUERY_STRING": "q=secret", "REMOTE_ADDR": "::1"}
        logger.access(answered, None, environ, timedelta(seconds=0.25))

    booting, access = read_lines(capsys)
    assert (booting["logger"], booting["event"]) == ("gunicorn.error", "Booting worker with pid: 7")
    assert access.items() >= {"request_id": "r-2", "status": 200, "path": "/tickets", "duration_s": 0.25}.items()
    assert "secret" not in json.dumps(access)
