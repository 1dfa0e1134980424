"""Every section of the runbook as a drill. The name keeps it out of `make test`; `make drills` names it."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drills.plant import Plant
from tests.drills.prometheus import Prometheus
from tests.drills.runbook import Section, read_runbook
from tests.drills.scenarios import SCENARIOS, Scenario
from tests.harness.processes import RunningProgram
from tests.harness.wait import wait_until

FIRES_WITHIN_S = 120.0
# The longest short window of a burn is 30 minutes: two, as fast as time goes here.
CALMS_WITHIN_S = 240.0
WELL = ("ticketflow-api", "ticketflow-worker", "ticketflow-exporter", "celery", "rabbitmq", "rabbitmq-queues")
RUNBOOK = read_runbook()


@pytest.fixture(scope="session")
def plant_of_all(server_directory: Path) -> Iterator[Plant]:
    """Run one plant for all drills: each leaves it as it was."""
    with Plant(server_directory / "plant").running() as plant:
        yield plant


@pytest.fixture
def plant(plant_of_all: Plant) -> Iterator[Plant]:
    """Give the plant, in order, and put in order afterwards what the drill has started."""
    yield plant_of_all
    plant_of_all.restore()


@pytest.mark.timeout(900)
@pytest.mark.parametrize("alert", SCENARIOS)
def test_the_runbook_repairs(alert: str, plant: Plant):
    scenario, section = SCENARIOS[alert], RUNBOOK[alert]
    if alert == "DiskFillingUp" and not plant.disk.is_own:
        pytest.skip("a disk to fill takes root and loop devices")
    with plant.watched() as prometheus:
        wait_until(lambda: prometheus.knows_everything(WELL), 60, "everything answers Prometheus")
        wait_until(lambda: not prometheus.find_firing(alert), 60, f"{alert} is quiet")
        plant.submit(2)

        scenario.strike(plant)

        wait_until(lambda: prometheus.find_firing(alert), FIRES_WITHIN_S, lambda: f"{alert} fires; {explain(plant)}")
        wait_until(lambda: find(plant, alert), 60, lambda: f"the doctor names it; it says {plant.consult()}")
        confirmed = plant.ask(section.commands["confirm"], **scenario.env)
        assert confirmed.stdout, confirmed.stderr

        scenario.cure(plant)
        repair(plant, section, scenario)
        wait_until_quiet(plant, prometheus, alert, scenario)
        scenario.aftermath(plant)
        if "after" in section.commands:
            done = plant.ask(section.commands["after"], **scenario.env)
            assert done.returncode == 0, done.stderr
        plant.wait_until_all_completed()
        assert not prometheus.find_firing(alert)


def find(plant: Plant, alert: str) -> bool:
    """Tell whether the doctor names what the alert is about."""
    return alert in {finding["alert"] for finding in plant.consult()}


def repair(plant: Plant, section: Section, scenario: Scenario) -> RunningProgram:
    """Type the runbook's command. What stays is another worker, the API or the exporter."""
    command = section.commands["repair"]
    ports = {"worker": plant.ports.workers[1], "exporter": plant.ports.exporter}
    port = next((port for word, port in ports.items() if word in command), plant.ports.workers[2])
    env = {"TICKETFLOW_METRICS_PORT": str(port), **scenario.env}
    return plant.run(f"repair-{section.name}", command, env)


def wait_until_quiet(plant: Plant, prometheus: Prometheus, alert: str, scenario: Scenario) -> None:
    """Wait until the alert's expression is false, as somebody who supervises programs would."""
    program = plant.programs[f"repair-{alert}"]

    def is_quiet() -> bool:
        assert program.popen.poll() in (None, os.EX_OK), program.read_log()
        if scenario.supervised and not plant.programs[scenario.supervised].is_running():
            plant.start(scenario.supervised)
        return not prometheus.find_firing(alert)

    wait_until(is_quiet, CALMS_WITHIN_S, lambda: f"{alert} is over; {explain(plant)}\n{program.read_log()[-3000:]}")


def explain(plant: Plant) -> str:
    """Say how things stand, for whoever reads why a drill failed."""
    try:
        return f"tickets: {plant.describe()}; the doctor says: {plant.consult()}"
    except Exception as error:  # noqa: BLE001  # the database may be what was broken
        return f"tickets: unknown ({error})"
