"""A system that is lost and restored from a backup, as docs/operations.md says."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from celery import Celery

from tests.chaos.checker import Report, check
from tests.chaos.history import History, read_history
from tests.ha.in_flight import GRACE, InFlight
from tests.harness.postgres import SETTINGS, Postgres
from tests.harness.processes import REPOSITORY, start_worker
from tests.harness.wait import wait_until
from tests.receiver import Receiver
from ticketflow.services.webhooks import create_webhook
from ticketflow.storage.due import claim_due
from ticketflow.storage.migrate import upgrade
from ticketflow.storage.webhooks import NewEndpoint
from ticketflow.tasks.publisher import ChainPublisher
from ticketflow.workflow.graph import LINEAGE
from ticketflow.workflow.plan import ticket_plan
from ticketflow.workflow.state import DEFAULT_TENANT

OPERATIONS = REPOSITORY / "docs" / "operations.md"
DATABASE = "ticketflow"
COUNT_OPEN = "SELECT count(*) FROM tickets WHERE status NOT IN ('completed', 'cancelled')"
COUNT_UNTOLD = "SELECT count(*) FROM webhook_deliveries WHERE status <> 'delivered'"
WORKERS = ("one", "two")


@dataclass
class Backup:
    """What there is of a system after its disk is lost, and what the drill knows about that moment.

    Attributes:
        effects: Steps that had taken effect.
        tickets: Every ticket there was.
    """

    effects: set[tuple[str, str]]
    tickets: list[str]


@dataclass(frozen=True)
class Outcome:
    """What came of a restored system.

    Attributes:
        repaired: What people had to do.
        again: Steps that ran although the backup has their effect.
        told: How often each ticket's end was told to the webhook's receiver.
    """

    report: Report
    repaired: Counter[str]
    again: set[tuple[str, str]]
    told: Counter[str]


class Archive:
    """A folder that a server hands its log to, and from which it is read again."""

    def __init__(self, folder: Path) -> None:
        """Make the folder, unless it is there; the server's account must be able to write to it."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)

    @property
    def settings(self) -> dict[str, str]:
        """Return what the server that is backed up needs."""
        return SETTINGS | {"archive_mode": "on", "archive_command": self.command}

    @property
    def command(self) -> str:
        """Return ``archive_command`` as docs/operations.md has it, for this folder."""
        documented = re.search(r"^archive_command = '(.*)'$", OPERATIONS.read_text(), re.MULTILINE)
        assert documented, "docs/operations.md has an archive_command"
        return documented[1].replace("/backup/wal", str(self.folder))

    def hand_over(self, server: Postgres) -> None:
        """Have a server archive what it has written so far; ``archive_timeout`` would, a minute later."""
        segment = server.ask("SELECT pg_walfile_name(pg_switch_wal())")
        wait_until((self.folder / segment).exists, 60, "the log is archived")

    def recover(self, server: Postgres, moment: str) -> None:
        """Bring a server that has a base backup to a moment, and let it take writes."""
        server.settings |= {
            "restore_command": f"cp {self.folder}/%f %p",
            "recovery_target_time": moment,
            "recovery_target_action": "promote",
        }
        (server.data / "recovery.signal").touch()
        server.start()
        wait_until(lambda: not server.ask("SELECT pg_is_in_recovery()"), 60, "the recovery is done")


@contextmanager
def filled(server: Postgres, receiver: Receiver) -> Iterator[InFlight]:
    """Give an empty system whose tickets' ends are to be told to ``receiver``."""
    server.execute("CREATE DATABASE {}", DATABASE)
    url = server.build_url(DATABASE)
    upgrade(url)
    old = InFlight(url)
    create_webhook(old.sessions, DEFAULT_TENANT, NewEndpoint(receiver.url, ["ticket.completed"]), allow_private=True)
    yield old
    old.close()


def note(old: InFlight) -> Backup:
    """Write down what a backup of this moment must bring back."""
    return Backup(old.list_effects(), old.list_tickets())


def live_on(old: InFlight, broker_url: str) -> None:
    """Let the old system do more than the backup knows of, and leave messages of it in its broker."""
    old.wake_all()
    old.move_on()
    old.make(20)
    old.wake_all()
    app = Celery("old", set_as_current=False)
    app.config_from_object("celeryconfig")
    app.conf.update(broker_url=broker_url, broker_transport_options={})
    publisher = ChainPublisher(app, LINEAGE, 3)
    publisher.connect()
    with old.sessions.begin() as session:
        for dispatched in claim_due(session, 10_000, GRACE, ticket_plan().lineage):
            publisher.publish(dispatched)
    publisher.confirm()
    publisher.close()


def go_on(server: Postgres, broker_url: str, receiver: Receiver, backup: Backup, folder: Path) -> Outcome:
    """Start the restored system, do what people do, and wait until nothing is left to do."""
    url = server.build_url(DATABASE)
    path = folder / "history.jsonl"
    history = History(path)
    for ticket in backup.tickets:
        history.record("accepted", ticket=ticket)
    receiver.received.clear()
    restored = InFlight(url)
    env = {
        "TICKETFLOW_DATABASE_URL": url,
        "TICKETFLOW_BROKER_URL": broker_url,
        "TICKETFLOW_WEBHOOK_ALLOW_PRIVATE": "true",
        "CHAOS_HISTORY": str(path),
    }
    with ExitStack() as stack:
        stack.callback(restored.close)
        for name in WORKERS:
            worker = start_worker(env, name, folder / f"{name}.log", app="tests.chaos.app")
            stack.callback(worker.kill)
        repaired = restored.repair()
        wait_until(lambda: not restored.ask(COUNT_OPEN), 300, lambda: f"all have ended; {restored.describe()}")
        wait_until(lambda: not restored.ask(COUNT_UNTOLD), 60, "everybody was told")
    told = Counter(each.message["data"]["ticket_id"] for each in receiver.received)
    return Outcome(check(path, url), repaired, list_executed(path) & backup.effects, told)


def list_executed(history: Path) -> set[tuple[str, str]]:
    """Return every step that a worker began."""
    return {(line["ticket"], line["step"]) for line in read_history(history) if line["what"] == "executing"}
