"""The broker is away for long: workers stay, and go on by themselves when it is back."""

import os
import time

import pytest

from tests.harness.wait import wait_until

IS_LONG = os.environ.get("CHAOS_LONG") == "1"
OUTAGE_S = 600 if IS_LONG else 20
# What operators are promised; most of it is the pause Celery makes between two tries to connect.
BACK_WITHIN_S = 60


@pytest.mark.slow
@pytest.mark.timeout(OUTAGE_S + 200)
def test_workers_go_on_by_themselves_after_the_broker_was_away(fleet, rabbitmq_server):
    workers = [fleet.start(name, TICKETFLOW_CANARY_TIMEOUT_S=60 if IS_LONG else OUTAGE_S) for name in ("one", "two")]
    fleet.submit(5)
    fleet.wait_for_completed(5)

    rabbitmq_server.stop()
    fleet.submit(5)
    back_at = time.monotonic() + OUTAGE_S
    wait_until(lambda: time.monotonic() > back_at, OUTAGE_S + 10, "the outage is over")
    rabbitmq_server.start()

    fleet.wait_for_completed(10, BACK_WITHIN_S)
    wait_until(lambda: fleet.list_workers() == {"one": 4, "two": 4}, BACK_WITHIN_S, "both consume again")
    assert all(worker.is_running() for worker in workers)
