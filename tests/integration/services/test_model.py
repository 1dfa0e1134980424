"""A ticket's life against a model of it; see ``tests/ticket_machine.py``.

``CHAOS_EXAMPLES`` says how many lives (100).
"""

import os
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.errors import FlakyStrategyDefinition
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import create_engine
from sqlalchemy.exc import IntegrityError

from tests.ticket_machine import TicketMachine
from ticketflow.services import heartbeat
from ticketflow.storage import commits, due, leases
from ticketflow.storage.session import build_session_factory

EXAMPLES = int(os.environ.get("CHAOS_EXAMPLES", "100"))
SAFEGUARDS = {
    "a commit presents its lease": (
        commits,
        "_COMMIT",
        "AND lease_token IS NOT DISTINCT FROM CAST(:token AS uuid)",
        "",
    ),
    "a message carries a generation": (leases, "_CLAIM", " AND generation = :generation", ""),
    "a live lease keeps others out": (leases, "_CLAIM", "(lease_token IS NULL OR", "(true OR"),
    "only what waits for a person is decided by the clock": (due, "_EXPIRE_APPROVALS", "status = :awaiting AND ", ""),
    "what somebody holds is not due": (due, "_CLAIM_DUE", "(lease_token IS NULL OR NOT is_in_flight) AND", ""),
}


@pytest.fixture
def machine(database_url, monkeypatch) -> Iterator[type[TicketMachine]]:
    monkeypatch.setattr(heartbeat, "CLAIM_AFTER_S", 3600.0)  # when a first try is claimed is the machine's to say
    engine = create_engine(database_url, isolation_level="AUTOCOMMIT")
    yield type("TicketMachineOnDatabase", (TicketMachine,), {"sessions": build_session_factory(engine)})
    engine.dispose()


def run_machine(machine: type[TicketMachine], examples: int, **how) -> None:
    chosen = settings(max_examples=examples, stateful_step_count=30, suppress_health_check=list(HealthCheck), **how)
    run_state_machine_as_test(machine, settings=chosen)


def look_closely(machine: type[TicketMachine]) -> None:
    for _ in range(3):
        # A row that two hold at once differs from one try to the next, which Hypothesis may stumble over first.
        with suppress(FlakyStrategyDefinition):
            run_machine(machine, 1000, phases=[Phase.generate], database=None)


@pytest.mark.timeout(7200)
def test_a_ticket_behaves_as_its_model_whatever_happens(machine):
    run_machine(machine, EXAMPLES)


@pytest.mark.timeout(600)
@pytest.mark.parametrize("safeguard", SAFEGUARDS)
def test_the_model_notices_when_it_is_not_true_that(machine, monkeypatch, safeguard):
    module, name, there, instead = SAFEGUARDS[safeguard]
    statement = getattr(module, name)
    assert statement.text.count(there) == 1
    monkeypatch.setattr(statement, "text", statement.text.replace(there, instead))

    with pytest.raises((AssertionError, IntegrityError)):
        look_closely(machine)
