"""From the release before this one to this one and back, with tickets under way all the while."""

import httpx
import pytest

from tests.harness.wait import wait_until
from tests.upgrades.releases import CURRENT
from tests.upgrades.traffic import Traffic

RATE = 4


@pytest.mark.timeout(600)
def test_two_releases_side_by_side_fail_no_ticket_whichever_comes_first(previous, rollout):
    old_door, new_door = rollout.open_door(), rollout.open_door()
    rollout.migrate(previous)
    old = rollout.start_worker(previous, "old")
    rollout.start_api(previous, "old-api", old_door)
    with Traffic([old_door.url], rollout.create_key(), RATE, rollout.history) as traffic:
        # The program before the database: it says so, takes nothing, and spoils nothing.
        new = rollout.start_worker(CURRENT, "new", waits=True)
        rollout.start_api(CURRENT, "new-api", new_door)
        ready, refused = (httpx.get(f"{new_door.url}/{path}", timeout=60) for path in ("readyz", "articles"))
        assert (ready.status_code, ready.json()["status"]) == (503, "unavailable")
        assert refused.status_code == 401
        rollout.wait_for_work_of(old)

        # The database before the rest: both releases work on it.
        rollout.migrate(CURRENT)
        new.wait_for_log("ready.")
        wait_until(lambda: httpx.get(f"{new_door.url}/readyz", timeout=60).status_code == 200, 60, "it is ready")
        traffic.urls.append(new_door.url)
        rollout.wait_for_work_of(old)
        rollout.wait_for_work_of(new)

        # All is new, and then it is not: back to the release before, on the schema of this one.
        rollout.stop("old")
        again = rollout.start_worker(previous, "again")
        rollout.stop("new")
        rollout.wait_for_work_of(again)
        traffic.stop()
        report = rollout.finish()

    assert report.problems == []
    assert {sent.result for sent in traffic.sent} == {202}
    assert rollout.query("SELECT count(*), min(status), max(status) FROM tickets") == [
        (len(traffic.sent), "completed", "completed")
    ]
