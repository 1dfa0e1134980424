"""The API as a test talks to it: over WSGI, with a key, on a database of the test's own."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from typing import Any, NoReturn
from uuid import UUID

from sqlalchemy import func, select
from werkzeug.test import TestResponse

from tests.fakes import FakeKnowledge, fake_passage, fake_tools
from ticketflow.api import Backend, create_app
from ticketflow.errors import PermanentError
from ticketflow.services.keys import create_key
from ticketflow.services.queue_wait import QueueWait
from ticketflow.services.run_step import StepRunner
from ticketflow.settings import Settings
from ticketflow.storage.leases import Claim
from ticketflow.storage.models import Base, Ticket
from ticketflow.storage.session import Sessions, build_engine, build_session_factory
from ticketflow.workflow.approval import ApprovalPolicy
from ticketflow.workflow.outcomes import Committed, Failed, StepOutcome
from ticketflow.workflow.plan import ticket_plan
from ticketflow.workflow.ports import Tools
from ticketflow.workflow.state import DEFAULT_TENANT

SECOND = "Call us to reset your password."
TICKET = {"subject": "Password", "body": "How do I reset my password? 10021"}


@contextmanager
def serve_one_database(new_database: Callable[[], AbstractContextManager[str]], **changes: Any) -> Iterator["Served"]:
    """Serve a database that many tests share; ``changes`` are as for ``Served``."""
    with new_database() as url:
        engine = build_engine(url)
        yield Served(build_session_factory(engine), **changes)
        engine.dispose()


class BrokenKnowledge:
    """Fails in a way that no repeat cures."""

    def search(self, query: str, limit: int, tenant: str) -> NoReturn:
        raise PermanentError("the index is broken")


class Served:
    """An application and a caller of it.

    Attributes:
        wakes: How often a dispatcher was told that a ticket is due.
    """

    def __init__(self, sessions: Sessions, **changes: Any) -> None:
        self.sessions = sessions
        self.wakes = 0
        self.searched: list[str] = []
        parts = {
            "settings": Settings(dispatcher=False),
            "sessions": sessions,
            "wake": self._wake,
            "knowledge": self._find_knowledge,
            "check_broker": lambda: None,
        }
        self.app = create_app(Backend(**parts | changes))
        self.key = create_key(sessions, "tests", DEFAULT_TENANT)

    def call(self, method: str, path: str, headers: Mapping[str, str] | None = None, **how: Any) -> TestResponse:
        """Send a request with the key, unless ``headers`` say otherwise."""
        sent = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        return self.app.test_client().open(path, method=method, headers=sent, **({"buffered": True} | how))

    def get(self, path: str, **how: Any) -> TestResponse:
        return self.call("GET", path, **how)

    def post(self, path: str, **how: Any) -> TestResponse:
        return self.call("POST", path, **how)

    def put(self, path: str, **how: Any) -> TestResponse:
        return self.call("PUT", path, **how)

    def patch(self, path: str, **how: Any) -> TestResponse:
        return self.call("PATCH", path, **how)

    def delete(self, path: str, **how: Any) -> TestResponse:
        return self.call("DELETE", path, **how)

    def submit(self, **changes: Any) -> dict[str, Any]:
        """Send a good ticket and return it as accepted."""
        answer = self.post("/tickets", json=TICKET | changes)
        assert answer.status_code == 202, answer.text
        return answer.json

    def finish(self, ticket_id: str) -> None:
        """Run every step that a ticket still has, with fakes."""
        assert all(isinstance(outcome, Committed) for outcome in self._run(ticket_id, fake_tools()))

    def propose(self, ticket_id: str) -> None:
        """Run a ticket, with fakes, up to where a person is asked about its draft."""
        passages = [fake_passage(), fake_passage(article_id="018f6f2e-0000-7000-8000-00000000000b", text=SECOND)]
        self._run(ticket_id, fake_tools(passages=passages, approval=ApprovalPolicy("always")))
        assert self.get(f"/tickets/{ticket_id}").json["status"] == "awaiting_approval"

    def fail(self, ticket_id: str) -> None:
        """Run a ticket up to research, which fails for good."""
        *_, last = self._run(ticket_id, fake_tools(knowledge=BrokenKnowledge()))
        assert isinstance(last, Failed)

    def count(self, table: str) -> int:
        """Count the rows of a table."""
        with self.sessions() as session:
            return session.scalar(select(func.count()).select_from(Base.metadata.tables[table]))

    def _run(self, ticket_id: str, tools: Tools) -> list[StepOutcome]:
        """Run a ticket's steps until one does not take effect."""
        runner = StepRunner(self.sessions, ticket_plan(), tools, QueueWait(timedelta(hours=1)))
        with self.sessions() as session:
            ticket = session.get_one(Ticket, UUID(ticket_id))
        outcomes: list[StepOutcome] = []
        for step in ticket_plan().lineage.remaining(str(ticket.next_step)):
            outcomes.append(runner.run(Claim(ticket.id, step, ticket.generation)))
            if not isinstance(outcomes[-1], Committed):
                break
        return outcomes

    def _wake(self) -> None:
        self.wakes += 1

    def _find_knowledge(self, tenant: str) -> FakeKnowledge:
        self.searched.append(tenant)
        return FakeKnowledge([fake_passage()])
