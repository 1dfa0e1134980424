"""Messages that strangers put into every queue stop nobody, and ordinary tickets go on as quickly as before."""

import pytest
from kombu import Connection

from tests.chaos.ordinary import unharmed
from tests.chaos.run import IS_FULL
from tests.chaos.site import API, Setup
from tests.garbage import build_garbage
from tests.harness.wait import wait_until
from ticketflow.workflow.plan import ticket_plan

BENT = 2000 if IS_FULL else 100


@pytest.mark.timeout(600)
@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_ordinary_tickets_after_a_flood_of_garbage(pool, new_site):
    queues = [f"steps.{step}" for step in ticket_plan().order]
    with new_site(Setup(workers={"one": pool, "two": pool})).prepared() as site:
        for name in (API, *site.setup.workers):
            site.start(name)
        with unharmed(f"garbage {pool}", site), Connection(site.broker_url, connect_timeout=60) as connection:
            channel = connection.default_channel
            for number, message in enumerate(build_garbage(bent=BENT)):
                message.publish(channel, "", queues[number % len(queues)])
            wait_until(lambda: not sum(channel.queue_declare(name, passive=True).message_count for name in queues), 120)
        for name in site.setup.workers:
            assert "Unrecoverable" not in site.programs[name].read_log()
