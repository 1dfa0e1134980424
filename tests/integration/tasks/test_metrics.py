"""What API, workers and exporter tell Prometheus about tickets that went through."""

import httpx
import psutil
from sqlalchemy import make_url

from tests.harness.processes import TICKETFLOW, RunningProgram, find_free_port, start_module
from tests.harness.proxy import Mode, Proxy
from tests.harness.wait import wait_until
from tests.numbers import Scrape, find_strangers, scrape
from ticketflow.services.keys import create_key
from ticketflow.workflow.plan import ticket_plan
from ticketflow.workflow.state import DEFAULT_TENANT

STEPS = ticket_plan().order


def test_all_processes_tell_of_the_tickets_that_went_through(fleet):
    worker_port, api_port, exporter_port = find_free_port(), find_free_port(), find_free_port()
    start_exporter(fleet, exporter_port)
    start_gunicorn(fleet, api_port, WEB_CONCURRENCY="1")
    fleet.start("one", TICKETFLOW_METRICS_PORT=worker_port)
    post_tickets(fleet, api_port, 5)
    fleet.wait_for_completed(5)
    fleet.start("two", TICKETFLOW_METRICS_PORT=worker_port)  # the port is taken: it works without

    worker, api, exporter = scrape(worker_port), scrape(api_port), scrape(exporter_port)

    assert worker.get("ticketflow_tickets_finished_total", outcome="answered") == 5
    assert worker.get("ticketflow_ticket_duration_seconds_count", outcome="answered") == 5
    assert worker.get("ticketflow_tickets_finished_total", outcome="failed") == 0
    for step in STEPS:
        assert worker.get("ticketflow_steps_total", step=step, outcome="committed") == 5
        assert worker.get("ticketflow_step_duration_seconds_count", step=step) == 5
        assert worker.get("ticketflow_queue_wait_seconds_count", step=step) == 5
    assert api.get("ticketflow_tickets_submitted_total", priority="normal") == 5
    assert count_posts(api) == 5
    assert worker.sum("ticketflow_chains_published_total") + api.sum("ticketflow_chains_published_total") == 5
    assert exporter.get("ticketflow_database_up") == 1
    assert exporter.get("ticketflow_migration_behind") == 0
    assert exporter.get("ticketflow_tickets", status="processing") == 0
    assert exporter.get("ticketflow_worker_slots") >= 4
    assert exporter.get("ticketflow_database_size_bytes") > 1_000_000
    for found in (worker, api, exporter):
        assert find_strangers(found) == []
        assert found.sum("ticketflow_build_info") == 1


def test_a_worker_of_child_processes_adds_up_what_they_count_and_outlives_them(fleet, tmp_path):
    port = find_free_port()
    fleet.start_dispatcher()
    settings = {"TICKETFLOW_METRICS_PORT": port, "TICKETFLOW_MAX_TASKS_PER_CHILD": 5, "TMPDIR": tmp_path}
    worker = fleet.start("one", concurrency=2, pool="prefork", **settings)
    assert scrape(port).get("ticketflow_steps_total", step=STEPS[0], outcome="committed") == 0
    fleet.submit(5)
    fleet.wait_for_completed(5)

    found = scrape(port)

    assert [found.get("ticketflow_steps_total", step=step, outcome="committed") for step in STEPS] == [5] * len(STEPS)
    assert found.get("ticketflow_tickets_finished_total", outcome="answered") == 5
    assert find_strangers(found) == []
    (folder,) = tmp_path.glob("ticketflow-metrics-*")
    places = {path.stem.rpartition("_")[2] for path in folder.iterdir()}
    assert places == {"None", "0", "1"}  # one set of files for each place in the pool, however many children had it
    worker.stop(timeout_s=60)  # a child that has had its share waits half a minute for a pool that listens no more
    assert not folder.exists()


def test_processes_of_the_api_add_up_what_they_count_and_outlive_each_other(fleet, tmp_path):
    port = find_free_port()
    gunicorn = start_gunicorn(fleet, port, TMPDIR=str(tmp_path))
    post_tickets(fleet, port, 4)
    victim, *_ = psutil.Process(gunicorn.pid).children()

    victim.kill()
    wait_until(lambda: len(list_children(gunicorn) - {victim.pid}) == 2, describe="another process takes its place")
    post_tickets(fleet, port, 4)
    found = scrape(port)

    assert found.get("ticketflow_tickets_submitted_total", priority="normal") == 8
    assert count_posts(found) == 8
    assert not any("pid" in dict(labels) for _, labels in found.series)
    (folder,) = tmp_path.glob("ticketflow-metrics-*")
    assert {path.stem.rpartition("_")[2] for path in folder.iterdir()} == {"0", "1"}
    gunicorn.stop()
    assert not folder.exists()


def test_an_exporter_lives_on_without_its_database(fleet):
    target = make_url(fleet.env["TICKETFLOW_DATABASE_URL"])
    port = find_free_port()
    with Proxy(str(target.host), target.port or 5432) as proxy:
        fleet.env["TICKETFLOW_DATABASE_URL"] = proxy.build_url(fleet.env["TICKETFLOW_DATABASE_URL"])
        start_exporter(fleet, port)
        assert scrape(port).get("ticketflow_database_up") == 1

        with proxy.misbehaving(Mode.CUT):
            away = scrape(port)

        assert away.get("ticketflow_database_up") == 0
        assert away.get("ticketflow_workers") is None
        wait_until(lambda: scrape(port).get("ticketflow_database_up"), describe="the database is back")


def start_exporter(fleet, port: int) -> RunningProgram:
    exporter = start_module(TICKETFLOW, ["exporter", "--port", str(port)], fleet.env, fleet.directory / "exporter.log")
    program = fleet.stack.enter_context(exporter)
    program.wait_for_port(port)
    return program


def start_gunicorn(fleet, port: int, **env: str) -> RunningProgram:
    options = ["-c", "deploy/gunicorn.conf.py", "wsgi:app"]
    settings = {"TICKETFLOW_PORT": str(port), "WEB_CONCURRENCY": "2", **env}
    program = start_module("gunicorn", options, fleet.env | settings, fleet.directory / "gunicorn.log")
    fleet.stack.enter_context(program)
    program.wait_for_port(port)
    return program


def post_tickets(fleet, port: int, count: int) -> None:
    """Post tickets, each over a connection of its own, so that any process may take it."""
    key = create_key(fleet.sessions, "metrics", DEFAULT_TENANT)
    for number in range(count):
        ticket = {"subject": f"Password {number}", "body": "How do I reset my password?"}
        headers = {"Authorization": f"Bearer {key}"}
        answer = httpx.post(f"http://127.0.0.1:{port}/tickets", json=ticket, headers=headers, timeout=60)
        assert answer.status_code == 202


def count_posts(found: Scrape) -> float:
    return found.get("flask_http_request_duration_seconds_count", method="POST", status="202", url_rule="/tickets")


def list_children(program: RunningProgram) -> set[int]:
    return {child.pid for child in psutil.Process(program.pid).children() if child.status() != psutil.STATUS_ZOMBIE}
