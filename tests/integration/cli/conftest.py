import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from celery.bin.celery import celery
from click.testing import CliRunner, Result
from sqlalchemy import select
from werkzeug.serving import make_server

from tests.served import Served
from ticketflow.cli import main
from ticketflow.observability.logging import configure_logging
from ticketflow.settings import load_settings
from ticketflow.storage.models import Ticket

Run = Callable[..., Result]


@pytest.fixture
def run(database_url: str, tmp_path: Path, monkeypatch) -> Iterator[Run]:
    """Run `ticketflow` on a database of this test alone, with nobody at its API."""
    monkeypatch.setenv("TICKETFLOW_DATABASE_URL", database_url)
    monkeypatch.setenv("TICKETFLOW_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("TICKETFLOW_API_URL", "http://127.0.0.1:1")
    load_settings.cache_clear()
    handlers, level, configured = logging.root.handlers, logging.root.level, structlog.get_config()
    # The API runs in this process too: unconfigured, it would log to the command's standard output.
    configure_logging("error", "console")

    def invoke(*args: str | Path, text: str | bytes | None = None) -> Result:
        return CliRunner().invoke(main, [str(arg) for arg in args], input=text, prog_name="ticketflow")

    yield invoke
    load_settings.cache_clear()
    logging.captureWarnings(capture=False)
    logging.root.handlers, logging.root.level = handlers, level
    structlog.configure(**configured)


@pytest.fixture
def served(sessions, run, monkeypatch) -> Iterator[Served]:
    """Serve the API over HTTP; a ticket is worked off with fakes as soon as it is in."""

    def finish_all() -> None:
        waiting = select(Ticket.id).where(Ticket.status == "queued", Ticket.not_before.is_(None))
        with working:
            with sessions() as session:
                ids = session.scalars(waiting).all()
            for ticket_id in ids:
                served.finish(str(ticket_id))

    working = threading.Lock()
    served = Served(sessions, wake=finish_all)
    server = make_server("127.0.0.1", 0, served.app, threaded=True)
    server.daemon_threads = False  # closing waits for requests under way: the database goes next
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.setenv("TICKETFLOW_API_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("TICKETFLOW_API_KEY", served.key)
    load_settings.cache_clear()
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def operate(run: Run) -> Run:
    """Run `celery -A ticketflow.tasks` on a database of this test alone."""

    def invoke(*args: str | Path, text: str | None = None) -> Result:
        command = ["-A", "ticketflow.tasks", *(str(arg) for arg in args)]
        return CliRunner().invoke(celery, command, input=text, prog_name="celery")

    return invoke
