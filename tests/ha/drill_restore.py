"""A thousand tickets in flight are lost with their disk, and restored; a small one is in `make test`."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.chaos.figures import publish
from tests.ha.in_flight import InFlight
from tests.ha.restoring import DATABASE, Archive, Backup, Outcome, filled, go_on, live_on, note
from tests.harness.postgres import Postgres
from tests.receiver import receiving

TICKETS = 1112  # a tenth of them is completed, and waits only to be told of

Restore = Callable[[], Postgres]


def back_up_by_dump(source: Postgres, old: InFlight, folder: Path) -> tuple[Backup, Restore]:
    """Take a dump; return how to restore it."""
    old.make(TICKETS)
    backup, dump = note(old), source.directory / "ticketflow.dump"
    source.run("pg_dump", "--format=custom", f"--file={dump}", source.get_conninfo(DATABASE))

    def restore() -> Postgres:
        target = Postgres(folder / "restored")
        target.start()
        target.execute("CREATE DATABASE {}", DATABASE)
        where = f"--dbname={target.get_conninfo(DATABASE)}"
        target.run("pg_restore", "--exit-on-error", "--no-owner", where, dump)
        return target

    return backup, restore


def back_up_by_log(source: Postgres, old: InFlight, folder: Path) -> tuple[Backup, Restore]:
    """Take a base backup of half the tickets and let the log tell of the rest; return how to restore a moment."""
    archive = Archive(folder / "archive")
    target = Postgres(folder / "restored")
    old.make(TICKETS // 2)
    target.copy(source, "-X", "stream")
    old.make(TICKETS - TICKETS // 2)
    backup, moment = note(old), str(source.ask("SELECT clock_timestamp()"))

    def restore() -> Postgres:
        archive.recover(target, moment)
        return target

    return backup, restore


@pytest.mark.timeout(900)
@pytest.mark.parametrize("is_broker_empty", [True, False], ids=["empty-broker", "broker-of-later"])
@pytest.mark.parametrize("back_up", [back_up_by_dump, back_up_by_log])
def test_a_thousand_tickets_in_flight_go_on_where_they_were(
    back_up, is_broker_empty, server_directory, rabbitmq_server
):
    folder = server_directory / f"{back_up.__name__}-{is_broker_empty}"
    folder.mkdir(mode=0o755)
    old_broker, new_broker = (rabbitmq_server.add_vhost(f"{folder.name}-{age}") for age in ("old", "new"))
    archive = Archive(folder / "archive")
    source = Postgres(folder / "lost", archive.settings)
    with ExitStack() as stack:
        receiver = stack.enter_context(receiving())
        with source, filled(source, receiver) as old:
            backup, restore = back_up(source, old, folder)
            standing = old.describe()
            live_on(old, old_broker)
            archive.hand_over(source)
            source.kill()
        began_at = time.monotonic()
        target = restore()
        stack.callback(target.kill)
        restored_s = time.monotonic() - began_at
        outcome = go_on(target, new_broker if is_broker_empty else old_broker, receiver, backup, folder)
    publish_restore(folder.name, outcome, {"restored_s": restored_s, "all_s": time.monotonic() - began_at}, standing)

    assert outcome.report.problems == []
    assert outcome.report.figures.accepted == TICKETS
    assert outcome.report.figures.effects == TICKETS * 6
    assert outcome.again == set()
    assert set(outcome.told) == set(backup.tickets)
    assert set(outcome.told.values()) == {1}


def publish_restore(name: str, outcome: Outcome, took: dict[str, float], standing: list) -> None:
    """Append the figures of a drill to the file that ``CHAOS_REPORT`` names, if it does."""
    line = {"run": f"restore {name}", **{what: round(value, 1) for what, value in took.items()}}
    line |= {"standing": standing, "repaired": outcome.repaired, **asdict(outcome.report.figures)}
    publish(line)
