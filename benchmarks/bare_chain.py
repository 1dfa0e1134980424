"""A stock Celery chain of six tasks that do nothing: what ``throughput.py`` measures us against."""

import os

from celery import Celery, chain
from kombu import Exchange, Queue

LINKS = 6
DONE_QUEUE = "bare.done"

app = Celery("bare", broker=os.environ["BARE_BROKER_URL"])
_exchange = Exchange("bare", "topic")
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=4,
    worker_send_task_events=True,
    task_send_sent_event=True,
    task_queues=[
        Queue(f"bare.{link}", _exchange, f"bare.{link}", queue_arguments={"x-queue-type": "quorum"})
        for link in range(LINKS)
    ],
    task_routes={f"bare.{link}": {"queue": f"bare.{link}"} for link in range(LINKS)},
)


def _pass_on(number: int) -> None:
    """Do nothing."""


def _arrive(number: int) -> None:
    """Leave a mark that the chain came to its end."""
    with app.producer_or_acquire() as producer:
        producer.publish(number, routing_key=DONE_QUEUE, declare=[Queue(DONE_QUEUE)])


for _link in range(LINKS):
    app.task(_arrive if _link == LINKS - 1 else _pass_on, name=f"bare.{_link}")


def publish(number: int) -> None:
    """Start one chain."""
    chain(app.signature(f"bare.{link}", args=(number,), immutable=True) for link in range(LINKS)).apply_async()
