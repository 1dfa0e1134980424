"""A stock Celery chain over the same six steps, which leaves its effects where the checker looks.

``celery -A tests.chaos.bare worker``: nothing but Celery carries a ticket from step to step.
"""

import os
import time

import psycopg
from celery import Celery, chain
from kombu import Exchange, Queue

from tests.chaos.history import History

ORDER = ("classify", "extract", "research", "draft", "review", "finalize")
STEP_S = float(os.environ.get("CHAOS_STEP_S", "0"))

TELL = "INSERT INTO ticket_events (ticket_id, type, step, round, generation) VALUES (%s, %s, %s, 1, 0)"
KEEP = """
    INSERT INTO ticket_steps (ticket_id, step, round, generation, attempts, input_hash, output, engines, started_at,
                              duration_s, ticket_version)
    VALUES (%s, %s, 1, 0, 1, '', '{}', '[]', now(), 0, 1)
"""
END = "UPDATE tickets SET status = 'completed', next_step = NULL, wake_at = NULL WHERE id = %s"

app = Celery("bare", broker=os.environ.get("TICKETFLOW_BROKER_URL"))
_exchange = Exchange("bare", "topic")
app.conf.update(
    task_acks_late=True,
    task_ignore_result=True,
    worker_prefetch_multiplier=4,
    task_queues=[
        Queue(f"bare.{step}", _exchange, f"bare.{step}", queue_arguments={"x-queue-type": "quorum"}) for step in ORDER
    ],
    task_routes={f"bare.{step}": {"queue": f"bare.{step}"} for step in ORDER},
)


def work(step: str, ticket: str) -> None:
    """Think, and take effect in one transaction."""
    history = History(os.environ["CHAOS_HISTORY"])
    history.record("executing", ticket=ticket, step=step, pid=os.getpid())
    time.sleep(STEP_S)
    url = os.environ["TICKETFLOW_DATABASE_URL"].replace("+psycopg", "")
    with psycopg.connect(url) as connection:
        connection.execute(KEEP, (ticket, step))
        connection.execute(TELL, (ticket, "step.completed", step))
        if step == ORDER[-1]:
            connection.execute(END, (ticket,))
            connection.execute(TELL, (ticket, "ticket.completed", step))
    history.record("committed", ticket=ticket, step=step, pid=os.getpid())


def build_task(step: str):
    def task(ticket: str) -> None:
        work(step, ticket)

    return app.task(task, name=f"bare.{step}")


for _step in ORDER:
    build_task(_step)


def publish(broker_url: str, ticket: str) -> None:
    """Start one chain."""
    links = (app.signature(f"bare.{step}", args=(ticket,), immutable=True) for step in ORDER)
    with app.connection_for_write(broker_url) as connection:
        chain(links, app=app).apply_async(connection=connection)
