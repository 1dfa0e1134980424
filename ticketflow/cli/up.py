"""``ticketflow up``: the whole system on one machine, as one foreground command."""

import fcntl
import os
import shutil
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType

import click

from ticketflow.cli.first_start import (
    greet,
    load_sample_articles,
    make_cli_key,
    own_client,
    submit_sample_tickets,
)
from ticketflow.cli.processes import Child, CommonLog, say, stop_all
from ticketflow.errors import ConfigurationError, TicketFlowError
from ticketflow.settings import Settings, load_settings
from ticketflow.storage.embedded import LOCK_FILE, make_private

# After a crash, the API of the run before needs a moment to notice and let go of its port.
PORT_WAIT_S = 6.0
LOG_FILE = "ticketflow.log"
_WATCH_S = 0.5


_API = (
    *(sys.executable, "-m", "gunicorn", "wsgi:app", "-c", "python:ticketflow.server.config"),
    *("--graceful-timeout", "5", "--log-level", "warning"),
)
# Celery warns root at length; in a container that is nobody's mistake.
_WORKER = (
    *(sys.executable, "-W", "ignore::UserWarning:celery.platforms", "-m", "celery", "--quiet"),
    *("-A", "ticketflow.tasks", "worker", "--without-gossip", "--without-mingle"),
)


class _Stopped(Exception):  # noqa: N818  # a signal, not an error
    """Somebody asked us to stop."""


@click.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port to serve the API on [default: 8080].")
@click.option("--samples/--no-samples", default=True, help="Load sample articles and tickets on the first start.")
@click.option("--logs", is_flag=True, help="Show the log here, too; it is kept in a file in any case.")
def up(port: int | None, *, samples: bool, logs: bool) -> None:
    """Run everything here: database, messages, API and worker. Ctrl-C stops it."""
    if port is not None:
        os.environ["TICKETFLOW_PORT"] = str(port)
        load_settings.cache_clear()
    settings = load_settings()

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise _Stopped

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    try:
        with (
            _only_one(settings.data_dir),
            _database(settings),
            closing(CommonLog(settings.data_dir / LOG_FILE, is_shown=logs)) as log,
        ):
            _serve(settings, log, samples=samples)
    except _Stopped:
        say("stopped; everything accepted is kept and goes on with the next start")
    except OSError as error:
        raise ConfigurationError(
            f"cannot use {error.filename or settings.data_dir}: {error.strerror}; set TICKETFLOW_DATA_DIR"
        ) from error


@contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """Hold the data directory for this run; the kernel lets go of it however we end."""
    make_private(data_dir)
    with (data_dir / LOCK_FILE).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(f"`ticketflow up` is running on {data_dir} already; stop it first") from None
        yield


@contextmanager
def _database(settings: Settings) -> Iterator[None]:
    """Have a migrated database for as long as the block runs."""
    from ticketflow.storage.embedded import EmbeddedPostgres
    from ticketflow.storage.migrate import upgrade  # keeps `--help` quick

    if settings.database_url is not None:
        upgrade(settings.database_url)
        yield
        return
    say(f"starting PostgreSQL in {settings.data_dir}")
    server = EmbeddedPostgres(settings.data_dir)
    try:
        server.start()
        upgrade(server.url)
        yield
    finally:
        server.stop()


def _serve(settings: Settings, log: CommonLog, *, samples: bool) -> None:
    from ticketflow.adapters.tools import check_engine  # keeps `--help` quick
    from ticketflow.tasks.runtime import runtime

    check_engine(settings)
    _wait_for_port(settings)
    sessions = runtime().sessions
    is_first = load_sample_articles(sessions) if samples else False
    key, is_new = make_cli_key(sessions, settings.data_dir)
    if settings.is_broker_embedded:
        _empty_broker(settings)
        _resume_work()

    resume = _resume_work if settings.is_broker_embedded else None
    children = [
        Child("api", [*_API, "--bind", f"{settings.host}:{settings.port}"], log),
        Child("worker", [*_WORKER, "-n", f"local-{os.getpid()}@%h"], log, resume),
    ]
    try:
        for child in children:
            child.start()
        with own_client(settings, key) as client:
            if is_first:
                submit_sample_tickets(client)
        greet(settings, settings.data_dir / LOG_FILE, new_key=key if is_new else None)
        while all(child.restart_if_ended() for child in children):
            time.sleep(_WATCH_S)
        raise ConfigurationError("a process ends again and again; its lines above say why")
    except TicketFlowError:
        for child in children:
            child.show_last_lines()
        raise
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # stopping is under way; asking again does not speed it up
        say("stopping")
        stop_all(children)


def _empty_broker(settings: Settings) -> None:
    """Start with empty queues; Postgres knows what was in them."""
    from ticketflow.tasks import app
    from ticketflow.tasks.publisher import declare_queues

    for folder in ("messages", "exchanges", "processed"):
        shutil.rmtree(settings.data_dir / folder, ignore_errors=True)
        (settings.data_dir / folder).mkdir()
    # Before there are two processes: kombu's files of bindings are not safe against two first writers.
    with app.connection_for_write() as connection:
        declare_queues(connection, app)


def _resume_work() -> None:
    """Make what was under way due again at once: the only worker there was has ended."""
    from ticketflow.storage.due import wake_in_flight
    from ticketflow.tasks.runtime import runtime

    with runtime().sessions.begin() as session:
        woken = wake_in_flight(session)
    if woken:
        say(f"going on with {woken} tickets that were under way")


def _wait_for_port(settings: Settings) -> None:
    deadline = time.monotonic() + PORT_WAIT_S
    while True:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.host, settings.port))
            except OSError as error:
                if time.monotonic() > deadline:
                    raise ConfigurationError(
                        f"port {settings.port} on {settings.host}: {error.strerror}; choose another with --port"
                    ) from None
            else:
                return
        time.sleep(_WATCH_S)
