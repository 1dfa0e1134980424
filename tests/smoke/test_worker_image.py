"""Our worker's image with a RabbitMQ of its own: what becomes of tickets when either is stopped or killed."""

import signal

import pytest

from tests.harness.wait import wait_until

# A container for each server, and a fresh broker for each test.
pytestmark = pytest.mark.timeout(600)
# Only the broker can bring back what was lost: our own clock would do so after these.
slow_clock = pytest.mark.parametrize(
    "worker_settings", [{"TICKETFLOW_REDISPATCH_AFTER_S": "600", "TICKETFLOW_LEASE_S": "600"}], ids=["a slow clock"]
)


def test_a_worker_answers_and_completes_tickets(plant):
    ids = plant.submit(5)

    plant.wait_for_completed(ids)

    assert plant.setup.app.control.ping() == [{plant.worker.hostname(): {"ok": "pong"}}]


@slow_clock
def test_a_killed_worker_goes_on_where_it_was_when_it_is_started_again(plant, worker_settings):
    with plant.commits_held():
        ids = plant.submit(3)
        plant.wait_for_started(3)
        plant.stop(signal.SIGKILL)
        assert plant.wait_for_exit() == 128 + signal.SIGKILL

    plant.worker.restart()

    plant.wait_for_completed(ids)


@slow_clock
def test_what_a_killed_worker_held_is_delivered_to_another(plant, worker_settings, request):
    with plant.commits_held():
        ids = plant.submit(2)
        plant.wait_for_started(2)
        plant.stop(signal.SIGKILL)
        plant.wait_for_exit()

    request.getfixturevalue("second_worker_container")

    plant.wait_for_completed(ids)
    assert not plant.is_running()


def test_a_restarted_worker_finishes_what_it_was_given(plant):
    ids = plant.submit(10)

    plant.worker.restart()

    plant.wait_for_completed(ids)


def test_a_restarted_broker_costs_no_ticket(plant):
    ids = plant.submit(10)
    plant.wait_for_started()

    plant.setup.broker.restart()

    plant.wait_for_completed([*ids, *plant.submit(2)])


def test_a_killed_broker_costs_no_ticket(plant):
    ids = plant.submit(10)
    plant.wait_for_started()

    plant.setup.broker.kill()
    ids += plant.submit(2)
    plant.setup.broker.restart()

    plant.wait_for_completed(ids)


def test_a_warm_shutdown_lets_steps_under_way_end(plant):
    with plant.commits_held():
        ids = plant.submit(2)
        plant.wait_for_started(2)
        plant.stop(signal.SIGTERM)
        wait_until(lambda: "Warm shutdown" in plant.worker.logs(), 30, plant.worker.logs)
        assert plant.is_running()
        assert plant.count("step.completed") == 0

    assert plant.wait_for_exit() == 0
    assert plant.count("step.completed") >= 2
    plant.worker.restart()
    plant.wait_for_completed(ids)


def test_a_soft_shutdown_lets_quick_steps_end(plant):
    with plant.commits_held():
        ids = plant.submit(2)
        plant.wait_for_started(2)
        plant.stop(signal.SIGQUIT)
        wait_until(lambda: "Shutdown" in plant.worker.logs(), 30, plant.worker.logs)

    plant.wait_for_exit()
    assert plant.count("step.completed") >= 2
    plant.worker.restart()
    plant.wait_for_completed(ids)


@pytest.mark.parametrize("worker_settings", [{"TICKETFLOW_SOFT_SHUTDOWN_S": "0"}], ids=["no patience"])
def test_a_cold_shutdown_waits_for_nothing(plant, worker_settings):
    with plant.commits_held():
        ids = plant.submit(2)
        plant.wait_for_started(2)
        plant.stop(signal.SIGQUIT)
        plant.wait_for_exit()
        assert plant.count("step.completed") == 0

    plant.worker.restart()
    plant.wait_for_completed(ids)
