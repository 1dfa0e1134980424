"""Workers replaced one after another while tickets keep coming."""

import socket
import threading
from uuid import uuid4

import pytest

from tests.harness.wait import wait_until


def test_workers_are_replaced_under_load_and_nothing_is_lost_or_done_twice(fleet):
    first = [fleet.start(name, CHAOS_STEP_S=0.05) for name in ("one", "two")]
    is_enough, submitted = threading.Event(), 0

    def submit_until_enough() -> None:
        nonlocal submitted
        while not is_enough.wait(0.1):
            fleet.submit(1)
            submitted += 1

    load = threading.Thread(target=submit_until_enough)
    load.start()
    for old, name in zip(first, ("three", "four"), strict=True):
        done = fleet.count_completed()
        wait_until(lambda done=done: fleet.count_completed() > done, describe="tickets are completed")
        fleet.start(name, CHAOS_STEP_S=0.05)
        old.stop()
    is_enough.set()
    load.join()

    assert [old.popen.returncode for old in first] == [0, 0]
    fleet.wait_for_completed(submitted)


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_systemd_is_told_that_a_worker_takes_tickets(fleet, pool):
    address = f"ticketflow-test-{uuid4()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind(f"\0{address}")
        notices.settimeout(30)

        fleet.start("one", pool=pool, NOTIFY_SOCKET=f"@{address}")

        assert notices.recv(1024) == b"READY=1"
