"""Log lines: no payment number is in any of them, whatever the format."""

import logging
from contextlib import contextmanager

import pytest
import structlog

from ticketflow.observability.logging import configure_logging, get_logger


@contextmanager
def logging_as(log_format, level="info"):
    """Log in a format; not a fixture, since pytest puts its own handlers in place around the test itself."""
    handlers, before, configured = logging.root.handlers, logging.root.level, structlog.get_config()
    configure_logging(level, log_format)
    yield get_logger("tests")
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


@pytest.mark.parametrize("name", ["openai._base_client", "httpx", "httpcore.http11"])
def test_what_is_sent_to_a_chat_model_is_in_no_log_however_much_is_logged(name, capsys):
    with logging_as("json", "debug"):
        logging.getLogger(name).debug("Request options: the customer's words")

    assert "customer" not in capsys.readouterr().err
