"""``celery -A ticketflow.tasks log-level``, and the processes that follow it."""

import logging
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from ticketflow.observability.logging import ROOT, set_levels
from ticketflow.tasks.log_levels import LevelWatch


@pytest.fixture
def watch(sessions) -> Iterator[LevelWatch]:
    handlers, level = [(handler, handler.level) for handler in logging.root.handlers], logging.root.level
    yield LevelWatch(sessions, "info")
    set_levels({ROOT: "info"})
    logging.root.setLevel(level)
    for handler, before in handlers:
        handler.setLevel(before)


def test_a_running_process_logs_as_operators_say_until_they_say_otherwise(operate, watch):
    quiet = logging.getLogger("ticketflow.tests")

    said = operate("log-level", "debug")
    watch.look()
    assert said.exit_code == 0
    assert quiet.isEnabledFor(logging.DEBUG)

    operate("log-level", "reset")
    watch.look()
    assert not quiet.isEnabledFor(logging.DEBUG)


def test_a_level_for_one_logger_leaves_the_others_alone(operate, watch):
    operate("log-level", "info", "--logger", "sqlalchemy.engine")
    watch.look()

    assert logging.getLogger("sqlalchemy.engine").isEnabledFor(logging.INFO)
    assert not logging.getLogger("sqlalchemy.pool").isEnabledFor(logging.INFO)
    assert operate("log-level").stdout == "sqlalchemy.engine: info\n"


def test_a_level_goes_back_by_itself_when_its_time_is_up(operate, watch, sessions):
    operate("log-level", "error", "--minutes", "5")
    watch.look()
    assert logging.root.level == logging.ERROR

    with sessions.begin() as session:
        session.execute(text("UPDATE log_levels SET until = now() - interval '1 s'"))
    watch.look()

    assert logging.root.level == logging.INFO
    assert operate("log-level").stdout == "as the settings say\n"


def test_what_would_log_prompts_and_keys_stays_as_it_is(operate):
    refused = operate("log-level", "debug", "--logger", "httpcore.http11")

    assert refused.exit_code == 2
    assert "stays at warning" in refused.stderr
