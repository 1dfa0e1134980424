"""What ``dispatch_due`` may expect of a publisher: the fake, RabbitMQ and the folder alike."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import pytest
from celery import Celery
from kombu import Connection
from kombu.transport import filesystem

from tests.harness.processes import find_free_port
from tests.harness.wait import wait_until
from tests.publishers import FakePublisher
from ticketflow.errors import BrokerUnavailableError
from ticketflow.services.dispatch_due import Publisher
from ticketflow.storage.due import Dispatch
from ticketflow.tasks.publisher import ChainPublisher
from ticketflow.workflow.graph import LINEAGE

TIMEOUT_S = 3


@dataclass
class Post:
    """A publisher, a way to read what arrived, and one whose broker is away."""

    publisher: Publisher
    read: Callable[[], list[Dispatch]]
    away: Publisher


@pytest.fixture(params=["fake", "rabbitmq", "filesystem"])
def post(request) -> Iterator[Post]:
    if request.param == "fake":
        fake = FakePublisher()
        yield Post(fake, lambda: fake.sent, FakePublisher(is_away=True))
        return
    app = new_app(request)
    with app.connection_for_write() as connection:
        publisher = ChainPublisher(app, LINEAGE, TIMEOUT_S)
        publisher.connect()
        drain(connection, app)  # what an earlier test left
        yield Post(publisher, lambda: drain(connection, app), ChainPublisher(away_app(), LINEAGE, TIMEOUT_S))
        publisher.close()


def new_app(request) -> Celery:
    app = Celery("contract", set_as_current=False)
    app.config_from_object("celeryconfig")
    if request.param == "rabbitmq":
        app.conf.update(broker_url=request.getfixturevalue("rabbitmq_server").url, broker_transport_options={})
        return app
    folder = request.getfixturevalue("tmp_path")
    # kombu remembers bindings per process, whatever folder they were written to.
    filesystem.Transport.global_state.clear()
    folders = {f"data_folder_{way}": str(folder) for way in ("in", "out")}
    app.conf.update(broker_transport_options={**folders, "control_folder": str(folder / "exchanges")})
    return app


def away_app() -> Celery:
    app = Celery("away", set_as_current=False)
    app.config_from_object("celeryconfig")
    app.conf.update(broker_url=f"amqp://127.0.0.1:{find_free_port()}//", broker_transport_options={})
    return app


def drain(connection: Connection, app: Celery) -> list[Dispatch]:
    """Read every message at the broker; the chain must hold the remaining steps and nothing else."""
    dispatched = []
    for queue in app.conf.task_queues:
        bound = queue.bind(connection.default_channel)
        while message := bound.get(no_ack=True):
            (ticket_id, generation), _, embed = message.payload
            step = queue.name.removeprefix("steps.")
            links = [link["task"].rsplit(".", 1)[1] for link in reversed(embed["chain"] or ())]
            assert (step, *links) == LINEAGE.remaining(step)
            assert all(link["args"] == [ticket_id, generation] for link in embed["chain"] or ())
            dispatched.append(Dispatch(UUID(ticket_id), generation, step))
    return dispatched


def test_a_published_chain_is_with_the_broker(post):
    sent = [Dispatch(uuid4(), 1, "classify"), Dispatch(uuid4(), 7, "review"), Dispatch(uuid4(), 2, "finalize")]

    post.publisher.connect()
    for dispatched in sent:
        post.publisher.publish(dispatched)
    post.publisher.confirm()

    arrived = []
    wait_until(lambda: arrived.extend(post.read()) or len(arrived) >= len(sent), 10, "all chains arrive")
    assert sorted(arrived, key=str) == sorted(sent, key=str)


def test_connecting_again_is_harmless(post):
    post.publisher.connect()
    post.publisher.connect()


def test_a_broker_that_is_away_is_told_of_and_not_waited_for(post):
    with pytest.raises(BrokerUnavailableError):
        post.away.connect()
