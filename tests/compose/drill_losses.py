"""Containers of docker-compose.yml killed, taken away and replaced with tickets under way: none of these is lost."""

import re
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

from tests.compose.docker import docker
from tests.compose.stack import Stack
from tests.harness.llm_server import find_weights
from tests.harness.wait import wait_until

pytestmark = pytest.mark.timeout(600)

SERVICES = (
    "api", "worker", "exporter", "flower", "postgres", "rabbitmq", "proxy", "celery-exporter", "prometheus", "grafana"
)  # fmt: skip
NEW = {"subject": "Password", "body": "How do I reset my password?"}
# Steps that a worker takes at a time.
THREADS = 4
# It asks for its turn twice a second, and rolls back.
MIGRATION = "SELECT pid FROM pg_stat_activity WHERE application_name = '' AND query ~ 'ticketflow.migrations|ROLLBACK'"
# Twenty calls a second.
CALLERS, PACE_S = 4, 0.2


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_container_costs_no_ticket(service, stack):
    with stack.commits_held():
        ids = stack.submit(10)
        stack.wait_for_started(ids, 2 * THREADS)
        kill(stack, service)

    bring_back(stack, ids)


def test_killed_members_of_groups_cost_no_ticket(stack, put_back):
    stack.configure(WORKERS="0", QUICK_WORKERS="1", WRITING_WORKERS="1", DISPATCHERS="1", TICKETFLOW_DISPATCHER="false")
    stack.up()

    for service in ("worker-quick", "dispatcher"):
        with stack.commits_held():
            ids = stack.submit(5)
            stack.wait_for_started(ids, THREADS)
            kill(stack, service)
        bring_back(stack, ids)

    stack.compose("stop", "worker-writing")
    ids = stack.submit(5)
    wait_until(lambda: stack.count_steps(ids, "step.completed", "research") == 5, 60, "all wait for a draft")
    with stack.commits_held():
        stack.compose("start", "worker-writing")
        stack.wait_for_started(ids, THREADS, "draft")
        kill(stack, "worker-writing")
    bring_back(stack, ids)


def test_a_killed_model_costs_no_ticket(stack, put_back, server_directory):
    stack.configure(**stack.describe_model(find_weights(server_directory)))
    stack.up()

    with stack.commits_held():
        ids = stack.submit(3)
        stack.wait_for_started(ids, 3)
        kill(stack, "llm")

    bring_back(stack, ids)
    stack.compose("rm", "--stop", "--force", "llm")


def test_a_killed_migration_costs_no_ticket_and_is_run_again(stack):
    ids = stack.submit(5)
    with stack.held("SELECT pg_advisory_lock(hashtext('ticketflow.migrations'))"):
        stack.compose("up", "--detach", "--no-deps", "--no-build", "--force-recreate", "migrate")
        wait_until(lambda: stack.query(MIGRATION), 60, "it waits for its turn")
        migration = kill(stack, "migrate")

    assert docker("inspect", "--format", "{{.State.ExitCode}}", migration) == f"{128 + signal.SIGKILL}\n"
    bring_back(stack, ids)
    assert docker("inspect", "--format", "{{.State.ExitCode}}", migration) == "0\n"


def test_a_worker_that_was_started_again_is_not_well_before_it_consumes(stack):
    kill(stack, "rabbitmq")
    worker = kill(stack, "worker")
    docker("start", worker)

    asked = subprocess.run(
        ["docker", "exec", worker, "python", "deploy/ping_worker.py"], capture_output=True, text=True, check=False
    )

    stack.up()
    assert asked.returncode == 1
    assert re.search(r"was last seen 0:00:\S+ ago", asked.stderr)


def kill(stack: Stack, service: str) -> str:
    """Kill the first container of a service; return its id."""
    (container, *_) = stack.list_containers(service)
    docker("kill", container)
    return container


def bring_back(stack: Stack, ids: list[str]) -> None:
    """Send tickets, bring back what is away, and wait for these and those that were under way."""
    while_away = stack.submit(5)
    stack.up()

    stack.wait_for_completed([*ids, *while_away, *stack.submit(2)])


def test_a_power_cut_costs_no_ticket(stack):
    with stack.commits_held():
        ids = stack.submit(20)
        stack.wait_for_started(ids, 2 * THREADS)
        stack.compose("kill")

    stack.up()

    stack.wait_for_completed(ids)


def test_taking_all_containers_away_costs_no_ticket(stack):
    ids = stack.submit(20)

    stack.compose("down")
    stack.up()

    stack.wait_for_completed(ids)


@pytest.mark.parametrize("keys", [["Idempotency-Key"], []], ids=["with Idempotency-Key", "without"])
def test_api_and_workers_are_replaced_and_callers_of_the_proxy_only_wait(keys, stack):
    """What an upgrade does, in the order of docs/how-to/compose.md."""
    is_over = threading.Event()

    with ThreadPoolExecutor(CALLERS) as hands:
        callers = [hands.submit(keep_calling, stack, is_over, keys) for _ in range(CALLERS)]
        try:
            for service in ("worker", "api"):
                stack.up("--force-recreate", "--no-deps", service)
        finally:
            is_over.set()
        answers = [answer for caller in callers for answer in caller.result()]

    refused = [f"{each.status_code} {each.text}" for each in answers if each.status_code != httpx.codes.ACCEPTED]
    assert refused == [], stack.read_logs("proxy", 20)
    ids = {answer.json()["id"] for answer in answers}
    assert len(ids) == len(answers)
    stack.wait_for_completed(sorted(ids))


def keep_calling(stack: Stack, is_over: threading.Event, keys: list[str]) -> list[httpx.Response]:
    """Open tickets over connections that stay open, until it is over; return the answers."""
    answers = []
    with stack.open_proxy(headers={"Authorization": stack.api.headers["Authorization"]}) as caller:
        while not is_over.wait(PACE_S):
            answers.append(caller.post("/tickets", json=NEW, headers={key: str(uuid4()) for key in keys}))
    return answers
