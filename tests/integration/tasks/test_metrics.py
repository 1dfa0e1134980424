import httpx

from tests.harness.processes import find_free_port
from tests.harness.wait import wait_until


def test_a_worker_shows_how_many_results_came_too_late(fleet):
    port = find_free_port()
    fleet.start("one", TICKETFLOW_METRICS_PORT=port)
    fleet.submit(1)
    fleet.wait_for_completed(1)

    def read() -> str:
        return httpx.get(f"http://127.0.0.1:{port}/metrics").text

    shown = wait_until(lambda: "ticketflow_stale_commits_total{" in (text := read()) and text)
    assert 'ticketflow_stale_commits_total{step="classify"} 0.0' in shown
