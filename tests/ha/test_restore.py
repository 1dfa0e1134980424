"""A small restore in every `make test`; the drill with a thousand tickets is `make ha`."""

import pytest

from tests.ha.restoring import DATABASE, filled, go_on, live_on, note
from tests.harness.postgres import Postgres
from tests.receiver import receiving

TICKETS = 60


@pytest.mark.timeout(120)
def test_tickets_go_on_from_a_dump_though_the_broker_has_messages_of_what_came_after(
    server_directory, postgres_server, rabbitmq_server, broker_url, tmp_path
):
    source = Postgres(server_directory / "lost")
    dump = source.directory / "ticketflow.dump"
    with receiving() as receiver:
        with source, filled(source, receiver) as old:
            old.make(TICKETS)
            backup = note(old)
            source.run("pg_dump", "--format=custom", f"--file={dump}", source.get_conninfo(DATABASE))
            live_on(old, broker_url)
            source.kill()
        postgres_server.execute("CREATE DATABASE {}", DATABASE)
        where = f"--dbname={postgres_server.get_conninfo(DATABASE)}"
        postgres_server.run("pg_restore", "--exit-on-error", "--no-owner", where, dump)

        outcome = go_on(postgres_server, broker_url, receiver, backup, tmp_path)
        postgres_server.execute("DROP DATABASE {} WITH (FORCE)", DATABASE)

    assert outcome.report.problems == []
    assert outcome.report.figures.accepted == TICKETS
    assert outcome.report.figures.effects == TICKETS * 6
    assert outcome.again == set()
    assert min(outcome.repaired.values()) > 0
    assert set(outcome.told) == set(backup.tickets)
    assert set(outcome.told.values()) == {1}
