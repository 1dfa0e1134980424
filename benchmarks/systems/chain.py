"""A Celery chain of six tasks, as somebody would write it who has no Ticket Flow; as a program, what submits to it.

Environment:
    CHAIN_BROKER_URL: Its broker.
    CHAIN_DATABASE_URL: Its database, which has the table of `schema.py`.
    CHAIN_DONE: File that gets a byte for each ticket that is through.
    CHAIN_KIND: ``stock`` is Celery as it comes and writes nothing; ``orm`` the same with one transaction of
        SQLAlchemy's ORM a step; ``statement`` acknowledges late, publishes with confirms and updates the ticket with
        one prepared statement a step, fenced by the step before.
    CHAIN_QUEUE: Type of the queue of ``statement``: ``quorum`` or ``classic``.
"""

import os
from functools import cache

import psycopg_pool
from answering import answer
from celery import Celery, chain
from kombu import Exchange, Queue
from psycopg.types.json import Jsonb
from sqlalchemy import create_engine, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

STEPS = 6
INSERT = "INSERT INTO chained (body) VALUES (%s) RETURNING id"
ADVANCE = """
    UPDATE chained SET state = state || %s, step = step + 1, updated_at = now() WHERE id = %s AND step = %s
"""
OUTPUT = {"category": "account", "confidence": 0.9, "summary": "Somebody wants to reset a password."}

kind = os.environ["CHAIN_KIND"]
database_url = os.environ["CHAIN_DATABASE_URL"]
app = Celery("chain", broker=os.environ["CHAIN_BROKER_URL"])
if kind == "statement":
    arguments = {"x-queue-type": os.environ["CHAIN_QUEUE"]}
    app.conf.update(
        broker_transport_options={"confirm_publish": True},
        task_acks_late=True,
        task_ignore_result=True,
        task_queues=[Queue("chain", Exchange("chain"), "chain", queue_arguments=arguments)],
        task_default_queue="chain",
    )


class Base(DeclarativeBase):
    """Everybody's declarative base."""


class Chained(Base):
    """A ticket."""

    __tablename__ = "chained"

    id: Mapped[int] = mapped_column(primary_key=True)
    body: Mapped[str]
    state: Mapped[dict] = mapped_column(JSONB)
    step: Mapped[int]
    updated_at: Mapped[str]


@cache
def open_engine():  # noqa: ANN201  # Engine
    """Return the process's engine, made after the fork."""
    return create_engine(database_url)


@cache
def open_pool() -> psycopg_pool.ConnectionPool:
    """Return the process's connections."""
    return psycopg_pool.ConnectionPool(database_url.replace("+psycopg", ""), min_size=8, kwargs={"autocommit": True})


@cache
def open_done() -> int:
    """Return the file that counts tickets."""
    return os.open(os.environ["CHAIN_DONE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)


def write_orm(ticket_id: int, step: int) -> None:
    """Note what a step gave, as a user of an ORM does."""
    with Session(open_engine()) as session, session.begin():
        ticket = session.get_one(Chained, ticket_id)
        ticket.state = {**ticket.state, f"step{step}": OUTPUT}
        ticket.step = step + 1
        ticket.updated_at = func.now()


def write_statement(ticket_id: int, step: int) -> None:
    """Note what a step gave, unless it is noted."""
    with open_pool().connection() as connection:
        connection.execute(ADVANCE, (Jsonb({f"step{step}": OUTPUT}), ticket_id, step), prepare=True)


write = {"stock": None, "orm": write_orm, "statement": write_statement}[kind]


def run(step: int, ticket_id: int) -> None:
    """Do nothing, note it, and count the ticket if this was its last step."""
    if write:
        write(ticket_id, step)
    if step == STEPS - 1:
        os.write(open_done(), b".")


def add_task(step: int) -> None:
    """Register the task of a step."""

    @app.task(name=f"chain.{step}")
    def take_step(ticket_id: int) -> None:
        run(step, ticket_id)


for each in range(STEPS):
    add_task(each)


def submit(_number: int) -> None:
    """Take a ticket in and start its chain."""
    ticket_id = 0
    if write:
        with open_pool().connection() as connection:
            ticket_id = connection.execute(INSERT, ["How do I reset my password?"]).fetchone()[0]
    chain(app.signature(f"chain.{step}", args=(ticket_id,), immutable=True) for step in range(STEPS)).apply_async()


if __name__ == "__main__":
    answer(submit)
