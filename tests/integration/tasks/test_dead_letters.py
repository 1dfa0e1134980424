"""Messages the broker gives up on become events of their tickets."""

from collections.abc import Callable
from uuid import UUID, uuid4

import pytest
from celery import Celery
from sqlalchemy import select, update

from tests.harness.wait import wait_until
from ticketflow.services.failed_tickets import collect_dead_letters
from ticketflow.services.submit_ticket import submit_ticket
from ticketflow.storage.due import Dispatch
from ticketflow.storage.events import record_event
from ticketflow.storage.models import Ticket, TicketEvent
from ticketflow.storage.tickets import NewTicket
from ticketflow.tasks.dead_letter_box import BrokerDeadLetters
from ticketflow.tasks.publisher import ChainPublisher
from ticketflow.workflow.graph import LINEAGE


@pytest.fixture
def app(broker_url) -> Celery:
    app = Celery("letters", set_as_current=False)
    app.config_from_object("celeryconfig")
    app.conf.update(broker_url=broker_url, broker_transport_options={})
    return app


@pytest.fixture
def publisher(app):
    publisher = ChainPublisher(app, LINEAGE, timeout_s=5)
    publisher.connect()
    yield publisher
    publisher.close()


@pytest.fixture
def box(app, publisher) -> BrokerDeadLetters:
    return BrokerDeadLetters(app, publisher)


@pytest.fixture
def ticket_id(sessions) -> UUID:
    return submit_ticket(sessions, "default", NewTicket("Hello", "Anybody?"), "classify").ticket_id


@pytest.fixture
def collect(sessions, box) -> Callable[[], list[dict]]:
    """Collect until one message came, and return the details of what is on the trails."""

    def wait_for_letter() -> list[dict]:
        wait_until(lambda: collect_dead_letters(sessions, box), describe="a dead letter arrives")
        with sessions() as session:
            events = session.scalars(select(TicketEvent).where(TicketEvent.type == "message.dead_lettered"))
            return [{"step": event.step, "generation": event.generation, **event.detail} for event in events]

    return wait_for_letter


def send(publisher, dispatched: Dispatch) -> None:
    publisher.publish(dispatched)
    publisher.confirm()


def send_undeclared(app, publisher, ticket_id) -> None:
    """Publish as a process does that has declared the queue before and does not do so again."""
    message = app.amqp.create_task_message(str(uuid4()), "ticketflow.steps.classify", [str(ticket_id), 1], {})
    where = {"exchange": "ticketflow", "routing_key": "steps.classify", "serializer": "json"}
    with app.amqp.Producer(publisher.open_channel(), auto_declare=False) as producer:
        producer.publish(message.body, headers=message.headers, **where, **message.properties)


def limit_queues(rabbitmq_server, broker_url, definition) -> None:
    vhost = broker_url.rsplit("/", 1)[1]
    rabbitmq_server.ctl("set_policy", "-p", vhost, "limit", "^steps", definition, "--apply-to", "queues")


def test_a_message_without_a_queue(app, publisher, ticket_id, collect):
    publisher.open_channel().queue_delete("steps.classify")
    send_undeclared(app, publisher, ticket_id)

    assert collect() == [{"step": "classify", "generation": 1, "reason": "unroutable", "queue": "steps.classify"}]


def test_a_message_that_waited_too_long(rabbitmq_server, broker_url, publisher, ticket_id, collect):
    limit_queues(rabbitmq_server, broker_url, '{"message-ttl": 1}')
    send(publisher, Dispatch(ticket_id, 1, "classify"))

    assert collect() == [{"step": "classify", "generation": 1, "reason": "expired", "queue": "steps.classify"}]


def test_a_message_that_was_given_back_too_often(publisher, rabbitmq_server, broker_url, ticket_id, collect):
    limit_queues(rabbitmq_server, broker_url, '{"delivery-limit": 1}')
    send(publisher, Dispatch(ticket_id, 1, "classify"))
    channel = publisher.open_channel()

    def give_back() -> bool:
        message = channel.basic_get("steps.classify")
        if message is not None:
            channel.basic_reject(message.delivery_tag, requeue=True)
        return channel.queue_declare("ticketflow.dead", passive=True).message_count > 0

    wait_until(give_back, describe="the broker gives the message up")
    assert collect() == [{"step": "classify", "generation": 1, "reason": "delivery_limit", "queue": "steps.classify"}]


def reject(publisher) -> None:
    channel = publisher.open_channel()
    message = wait_until(lambda: channel.basic_get("steps.classify"))
    channel.basic_reject(message.delivery_tag, requeue=False)


def test_the_message_of_a_failed_ticket_is_no_news(sessions, publisher, ticket_id, collect):
    with sessions.begin() as session:
        session.execute(update(Ticket).values(generation=1, status="failed", wake_at=None))
        record_event(session, session.get_one(Ticket, ticket_id), "ticket.failed", "classify")
    send(publisher, Dispatch(ticket_id, 1, "classify"))
    reject(publisher)

    assert collect() == []


def test_a_message_somebody_else_rejected_is_news(publisher, ticket_id, collect):
    send(publisher, Dispatch(ticket_id, 1, "classify"))
    reject(publisher)

    assert [letter["reason"] for letter in collect()] == ["rejected"]


def test_a_letter_that_comes_twice_is_written_once(publisher, ticket_id, collect):
    for _ in range(2):
        send(publisher, Dispatch(ticket_id, 1, "classify"))
        reject(publisher)
        letters = collect()

    assert len(letters) == 1


def test_letters_of_strangers_are_dropped(publisher, collect):
    send(publisher, Dispatch(uuid4(), 1, "classify"))
    reject(publisher)

    assert collect() == []


def test_what_is_no_letter_at_all_is_dropped(app, publisher, box):
    with app.amqp.Producer(publisher.open_channel()) as producer:
        producer.publish("hello", exchange="ticketflow.dead", routing_key="x")

    channel = publisher.open_channel()
    wait_until(lambda: channel.queue_declare("ticketflow.dead", passive=True).message_count)
    assert box.take(10) == []
    publisher.close()  # what is not acknowledged comes back
    assert publisher.open_channel().queue_declare("ticketflow.dead", passive=True).message_count == 0


def test_letters_that_could_not_be_written_down_are_taken_again(publisher, ticket_id, box, collect):
    send(publisher, Dispatch(ticket_id, 1, "classify"))
    reject(publisher)
    wait_until(lambda: box.take(10))  # and now the database is away

    assert len(collect()) == 1
    assert box.take(10) == []


def test_the_queue_of_the_dead_letters_is_made_again(publisher, ticket_id, collect, sessions, box):
    publisher.open_channel().queue_delete("ticketflow.dead")
    collect_dead_letters(sessions, box)
    send(publisher, Dispatch(ticket_id, 1, "classify"))
    reject(publisher)

    assert [letter["reason"] for letter in collect()] == ["rejected"]
