"""How each failure is made to happen. What repairs it stands in the runbook, not here."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import httpx

from tests.drills.plant import Plant
from tests.harness.wait import wait_until
from ticketflow.storage.migrate import downgrade

AT_RESEARCH = "SELECT count(*) FROM tickets WHERE next_step = 'research' AND lease_token IS NULL AND NOT is_in_flight"
BREAK_KNOWLEDGE = "ALTER TABLE articles RENAME TO lost"
SHIFT = "UPDATE tickets SET wake_at = wake_at + interval '1 h', updated_at = updated_at + interval '1 h'"
REPAIR_KNOWLEDGE = "ALTER TABLE lost RENAME TO articles"


def nothing(_: Plant) -> None:
    """Leave it as it is."""


@dataclass(frozen=True)
class Scenario:
    """A failure.

    Attributes:
        strike: Makes it happen.
        cure: Takes away what no command of ours can repair, before the repair.
        aftermath: Makes the system whole again after the repair, as the runbook says in words.
        env: What the runbook's command needs besides.
        supervised: The program whose supervisor starts it again when it ends, with this environment.
    """

    strike: Callable[[Plant], None]
    cure: Callable[[Plant], None] = nothing
    aftermath: Callable[[Plant], None] = nothing
    env: Mapping[str, str] = field(default_factory=dict)
    supervised: str | None = None


def freeze_worker(plant: Plant) -> None:
    """Have a worker that is there and does nothing."""
    plant.programs["worker"].pause()
    plant.submit(8)


def end_frozen_worker(plant: Plant) -> None:
    """Kill the worker that hangs."""
    plant.programs["worker"].kill()


def take_workers_away(plant: Plant) -> None:
    """Have no worker."""
    plant.stop("worker")
    plant.submit(3)


def let_tickets_pile_up(plant: Plant) -> None:
    """Have more tickets than may be out, and let ten minutes pass for them."""
    plant.stop("worker")
    plant.submit(40)
    plant.query("UPDATE tickets SET wake_at = now() - interval '10 min' WHERE status = 'queued' AND NOT is_in_flight")


def gather_at_research(plant: Plant, count: int) -> None:
    """Have tickets wait before research, which cannot work any more."""
    assert plant.ask("celery -A ticketflow.tasks tickets pause research").returncode == 0
    plant.submit(count)
    wait_until(lambda: plant.query(AT_RESEARCH) == [(count,)], 60, lambda: f"all wait; {plant.describe()}")
    plant.query(BREAK_KNOWLEDGE)


def resume_research(plant: Plant) -> None:
    """Let research go on."""
    assert plant.ask("celery -A ticketflow.tasks tickets resume research").returncode == 0


def fail(plant: Plant, count: int) -> None:
    """Have tickets that used up their attempts."""
    gather_at_research(plant, count)
    plant.query("UPDATE tickets SET attempt = 4 WHERE next_step = 'research'")
    resume_research(plant)
    failed = "SELECT count(*) FROM tickets WHERE status = 'failed'"
    wait_until(lambda: plant.query(failed) == [(count,)], 60, lambda: f"all failed; {plant.describe()}")


def let_research_fail(plant: Plant) -> None:
    """Have a step that fails again and again."""
    gather_at_research(plant, 8)
    resume_research(plant)


def repair_knowledge(plant: Plant) -> None:
    """Take the cause of research's failures away."""
    plant.query(REPAIR_KNOWLEDGE)


def let_tickets_end_late(plant: Plant) -> None:
    """Have tickets that waited ten minutes before they ended: one in ten, fewer than burn fast."""
    plant.submit(16)
    plant.wait_until_all_completed()
    assert plant.ask("celery -A ticketflow.tasks tickets pause classify").returncode == 0
    plant.submit(2)
    plant.query("UPDATE tickets SET created_at = now() - interval '10 min' WHERE status = 'queued'")
    assert plant.ask("celery -A ticketflow.tasks tickets resume classify").returncode == 0


def pause_draft(plant: Plant) -> None:
    """Pause a step and forget it."""
    assert plant.ask("celery -A ticketflow.tasks tickets pause draft --reason repairs").returncode == 0
    plant.submit(2)


def stop_consuming(plant: Plant) -> None:
    """Have a worker that takes no messages of one step."""
    done = plant.ask("celery -A ticketflow.tasks control cancel_consumer steps.draft")
    assert done.returncode == 0, done.stderr
    plant.submit(2)


def stop_dispatching(plant: Plant) -> None:
    """Have no process that dispatches."""
    for name in ("api", "worker"):
        plant.stop(name)
        plant.start(name, TICKETFLOW_DISPATCHER="false")
    wait_until(lambda: _takes_tickets(plant), 60, "the API answers")
    plant.submit(3)


def lose_the_model(plant: Plant) -> None:
    """Ask a chat model where nobody answers."""
    model = {"TICKETFLOW_LLM": "openai:gone", "TICKETFLOW_LLM_BASE_URL": "http://127.0.0.1:1/v1"}
    plant.stop("worker")
    plant.start("worker", **model, TICKETFLOW_LLM_API_KEY="none", TICKETFLOW_LLM_STEPS="draft")
    plant.wait_until_well()


def hang(plant: Plant) -> None:
    """Have a worker with a step that never ends, and nobody who starts it again."""
    plant.stop("worker")
    env = {"CHAOS_HANGS": "1", "CHAOS_TIME_LIMIT_S": "30", "CHAOS_HISTORY": str(plant.folder / "history")}
    plant.run("hanging", 'celery -A tests.chaos.app worker -n "hanging@%h"', env | {"TICKETFLOW_HUNG_GRACE_S": "40"})
    plant.submit(1, "hang: spin")
    wait_until(lambda: plant.query("SELECT FROM workers WHERE hung <> '[]'"), 120, "a step hangs")


def kill_broker(plant: Plant) -> None:
    """Kill RabbitMQ under the tickets."""
    plant.rabbitmq.flush_definitions()
    plant.rabbitmq.kill()
    plant.submit(3)


def fill_memory(plant: Plant) -> None:
    """Make RabbitMQ believe that its memory is full."""
    plant.rabbitmq.set_memory_alarm(is_on=True)
    plant.submit(3)


def kill_database(plant: Plant) -> None:
    """Kill PostgreSQL."""
    plant.submit(3)
    plant.postgres.kill()


def set_the_clock_back(plant: Plant) -> None:
    """Have tickets that wait for an hour, as they do when the database's clock is set back by one."""
    plant.stop("worker")
    plant.submit(3)
    plant.query(f"{SHIFT} WHERE wake_at IS NOT NULL")
    plant.start("worker")


def go_back_a_migration(plant: Plant) -> None:
    """Have a database as the last release left it."""
    downgrade(plant.database_url, "-1")


def answer_with_errors(plant: Plant) -> None:
    """Have requests that end in errors."""
    downgrade(plant.database_url, "0003")
    headers = {"Authorization": f"Bearer {plant.key}"}
    for _ in range(20):
        assert httpx.get(f"{plant.api_url}/tickets", headers=headers, timeout=10).is_server_error


def add_webhook(plant: Plant) -> None:
    """Have somebody who wants to be told, and refuses to listen."""
    plant.receiver.answers = [HTTPStatus.SERVICE_UNAVAILABLE] * 1000
    done = plant.ask(f"ticketflow webhooks add {plant.receiver.url} --json")
    assert done.returncode == 0, done.stderr
    plant.env["WEBHOOK"] = json.loads(done.stdout)["id"]


def refuse_webhooks(plant: Plant) -> None:
    """Have an endpoint that is broken."""
    add_webhook(plant)
    plant.submit(2)


def accept_webhooks(plant: Plant) -> None:
    """Have its owner repair it."""
    plant.receiver.answers = []


def deliver_nothing(plant: Plant) -> None:
    """Have a webhook that was due ten minutes ago, and nobody who delivers."""
    add_webhook(plant)
    accept_webhooks(plant)
    stop_dispatching(plant)
    plant.ask(f"ticketflow webhooks test {plant.env['WEBHOOK']} --timeout 0")
    plant.query("UPDATE webhook_deliveries SET next_attempt_at = now() - interval '10 min'")


def fill_disk(plant: Plant) -> None:
    """Have a log that was never deleted."""
    plant.disk.fill(plant.disk.folder / "logs/worker.log.1")


def stop_exporter(plant: Plant) -> None:
    """Have nobody who reads the database for Prometheus."""
    plant.stop("exporter")


def stop_api(plant: Plant) -> None:
    """Have nobody who takes tickets in."""
    plant.stop("api")


def _takes_tickets(plant: Plant) -> bool:
    try:
        return httpx.get(f"{plant.api_url}/readyz", timeout=5).is_success
    except httpx.TransportError:
        return False


SCENARIOS: Mapping[str, Scenario] = {
    "TicketsNotFlowing": Scenario(freeze_worker, aftermath=end_frozen_worker),
    "OldestDueTooOld": Scenario(let_tickets_pile_up),
    "CompletionBudgetBurnFast": Scenario(lambda plant: fail(plant, 12), cure=repair_knowledge),
    "CompletionBudgetBurnSlow": Scenario(let_tickets_end_late),
    "DeadLetters": Scenario(lambda plant: fail(plant, 2), cure=repair_knowledge),
    "StepFailureRate": Scenario(let_research_fail, aftermath=repair_knowledge, env={"STEP": "research"}),
    "PauseForgotten": Scenario(pause_draft, env={"STEP": "draft"}),
    "WorkerGone": Scenario(take_workers_away),
    "StepHangs": Scenario(hang),
    "ConnectedNotConsuming": Scenario(stop_consuming, supervised="worker"),
    "DispatcherLag": Scenario(stop_dispatching),
    "FallbackInUse": Scenario(lose_the_model, supervised="worker"),
    "BrokerAway": Scenario(kill_broker),
    "BrokerAlarm": Scenario(fill_memory),
    "DatabaseAway": Scenario(kill_database),
    "ClockJumped": Scenario(set_the_clock_back),
    "MigrationBehind": Scenario(go_back_a_migration),
    "DiskFillingUp": Scenario(fill_disk),
    "ApiAway": Scenario(stop_api),
    "ApiErrors": Scenario(answer_with_errors),
    "WebhookEndpointFailing": Scenario(refuse_webhooks, cure=accept_webhooks),
    "WebhooksLate": Scenario(deliver_nothing),
    "ExporterAway": Scenario(stop_exporter),
}
"""A scenario for every alert of the runbook."""
