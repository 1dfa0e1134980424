"""The guide for Debian, typed under systemd. The name keeps it out of `make test`; `make debian-test` names it."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.chaos.history import History, read_history
from tests.compose.docker import engine
from tests.debian.machine import GUIDE, Machine, read_guide
from tests.harness.pages import list_commands, read_section
from tests.upgrades.traffic import Traffic

pytestmark = pytest.mark.timeout(1800)

RATE = 10
NEXT = "9.9.9"
WAYS_BACK = [(GUIDE, "Roll back"), ("how-to/upgrade.md", "If the steps were others")]
RUN_ONCE = ("ticketflow-migrate", "ticketflow-exporter", "ticketflow-api", "ticketflow-api.socket")
SERVICES = ("ticketflow-api", "ticketflow-worker@1", "ticketflow-worker@2", "ticketflow-exporter")


@pytest.fixture(scope="module")
def machine(server_directory: Path) -> Iterator[Machine]:
    """Install on a machine what the guide says, and uninstall it when the tests are done: nothing of it is left."""
    folder = server_directory / "debian"
    folder.mkdir()
    with engine(), Machine(folder) as machine, machine.installed():
        yield machine
        machine.type_in(read_guide("Uninstall"))
        assert machine.find_leftovers() == []


def test_tickets_are_completed_and_everything_runs(machine):
    ids = machine.submit(5)

    machine.wait_for_completed(ids)

    assert machine.list_in_state("active", SERVICES) == [*SERVICES]
    assert "ticketflow_database_up 1.0" in machine.type_in("curl -s http://127.0.0.1:9102/metrics")
    machine.type_in("ticketflow-run ticketflow doctor")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_is_killed_starts_again_and_costs_no_ticket(service, machine):
    ids = machine.submit(10)

    machine.type_in(f"systemctl kill --signal=KILL {service}")
    ids += machine.submit(5)

    machine.wait_for_completed(ids)
    machine.wait_for_active(SERVICES)


def test_a_machine_that_is_turned_off_and_on_goes_on_with_its_tickets(machine):
    ids = machine.submit(20)

    machine.restart()

    machine.wait_for_completed(ids)
    machine.wait_for_active(SERVICES)


def test_workers_are_added_some_for_some_steps_alone_and_what_a_machine_for_workers_lacks_is_masked(machine):
    machine.type_in(read_guide("Add workers"))

    machine.wait_for_active(["ticketflow-worker@3", "ticketflow-worker@writing"])
    queues = machine.type_in(
        "ticketflow-run celery -A ticketflow.tasks inspect active_queues --json --destination worker-writing@debian"
    )
    counted = machine.type_in("curl --silent --fail --retry 30 --retry-connrefused http://127.0.0.1:9103/metrics")
    machine.type_in("systemctl disable --now ticketflow-worker@3 ticketflow-worker@writing")
    masked = machine.list_in_state("masked", RUN_ONCE)
    machine.type_in(f"systemctl unmask {' '.join(RUN_ONCE)}")

    assert masked == [*RUN_ONCE]
    assert {"steps.draft", "steps.review"} <= set(re.findall(r'"name": "(steps\.\w+)"', queues))
    assert "ticketflow_steps_total" in counted


@pytest.mark.parametrize(("page", "heading"), WAYS_BACK)
def test_nobody_is_refused_in_an_upgrade_nor_on_either_way_back(page, heading, machine, tmp_path):
    first = machine.read_version()
    history = tmp_path / "history.jsonl"
    key = machine.api.headers["Authorization"].removeprefix("Bearer ")

    with Traffic([str(machine.api.base_url)], key, RATE, History(history)) as traffic:
        machine.prepare_release(NEXT)
        machine.type_in(read_guide("Upgrade"))
        assert machine.read_version() == NEXT
        commands, *_ = list_commands(read_section(page, heading))
        machine.type_in(commands.replace("releases/0.1.0", f"releases/{first}"))
        assert machine.read_version() == first

    assert Counter(sent.result for sent in traffic.sent) == {httpx.codes.ACCEPTED: len(traffic.sent)}
    machine.wait_for_completed([line["ticket"] for line in read_history(history)], 300)


def test_a_dump_brings_back_the_tickets_that_were_under_way(machine):
    dump, restore = (each for each in list_commands(read_section("operations.md", "A dump")) if "runuser" in each)
    before = machine.submit(10)

    machine.type_in(dump)
    after = machine.submit(5)
    machine.type_in(restore)

    machine.wait_for_completed(before)
    assert {machine.api.get(f"/tickets/{ticket_id}").status_code for ticket_id in after} == {httpx.codes.NOT_FOUND}
    machine.type_in("runuser -u postgres -- dropdb ticketflow_before")


def test_services_are_held_in_as_the_guide_says(machine):
    (said,) = re.findall(r"rates that ([\d.]+)", read_section(GUIDE, "How it is held in"))

    rated = machine.type_in("systemd-analyze security --no-pager ticketflow-worker@1")

    assert re.findall(r"Overall exposure level for \S+: ([\d.]+)", rated) == [said]
