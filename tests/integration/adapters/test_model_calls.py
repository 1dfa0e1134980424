"""What all workers remember together of their calls to chat models."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, text

from tests.harness.model_stub import ModelStub, Refusal
from tests.harness.wait import wait_until
from ticketflow.adapters.model_calls import StoredAnswers, StoredLimiter
from ticketflow.engines.llm.calls import Answer, Pause, Slot
from ticketflow.engines.llm.chat import Chat, Question
from ticketflow.engines.llm.failures import ModelBusyError
from ticketflow.engines.llm.models import LlmOptions, ModelSpec, open_model
from ticketflow.engines.llm.prompt_files import load_prompt
from ticketflow.engines.llm.provider import Provider
from ticketflow.engines.llm.schemas import Facts
from ticketflow.storage.llm_limits import Limits
from ticketflow.storage.models import LlmAnswer, LlmCall
from ticketflow.storage.session import build_engine, build_session_factory
from ticketflow.workflow.state import DEFAULT_TENANT
from ticketflow.workflow.usage import collect_usage

ANSWER = Answer(
    "stub",
    "extract.v1-00000000",
    {"facts": []},
    input_tokens=100,
    output_tokens=10,
    cost_usd=0.5,
    tenant=DEFAULT_TENANT,
)
A_WEEK = timedelta(days=7)


def count(sessions, table):
    with sessions() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_an_answer_is_kept_once(sessions):
    answers = StoredAnswers(sessions, A_WEEK)

    answers.keep("key", ANSWER)
    answers.keep("key", Answer("other", "x", {}, 0, 0, 0.0, DEFAULT_TENANT))

    assert answers.find("key") == ANSWER
    assert answers.find("another") is None


def test_an_answer_belongs_to_its_tickets_tenant(sessions):
    answers = StoredAnswers(sessions, A_WEEK)

    answers.keep("key", replace(ANSWER, tenant="acme"))

    assert answers.find("key").tenant == "acme"


def test_old_answers_go_when_a_new_one_comes(sessions):
    answers = StoredAnswers(sessions, A_WEEK)
    answers.keep("old", ANSWER)
    with sessions.begin() as session:
        session.execute(text("UPDATE llm_answers SET created_at = now() - interval '8 days'"))

    answers.keep("new", ANSWER)

    assert answers.find("old") is None
    assert count(sessions, LlmAnswer) == 1


def test_only_so_many_calls_are_under_way_however_many_ask(sessions):
    limiter = StoredLimiter(sessions, Limits(None, max_concurrency=3))

    with ThreadPoolExecutor(8) as pool:
        leaves = list(pool.map(lambda _: limiter.take("stub", 60.0), range(24)))

    slots = [leave for leave in leaves if isinstance(leave, Slot)]
    assert len(slots) == count(sessions, LlmCall) == 3
    limiter.give_back(slots[0])
    assert isinstance(limiter.take("stub", 60.0), Slot)


def test_a_call_whose_process_died_stops_counting(sessions):
    limiter = StoredLimiter(sessions, Limits(None, max_concurrency=1))
    limiter.take("stub", 60.0)
    with sessions.begin() as session:
        session.execute(text("UPDATE llm_calls SET until = now() - interval '1 s'"))

    assert isinstance(limiter.take("stub", 60.0), Slot)
    assert count(sessions, LlmCall) == 1


def test_only_so_many_calls_are_made_a_minute_by_all_workers_together(sessions, database_url):
    engine = build_engine(database_url)
    limits = Limits(calls_per_minute=6, max_concurrency=100)
    workers = [StoredLimiter(sessions, limits), StoredLimiter(build_session_factory(engine), limits)]

    with ThreadPoolExecutor(8) as pool:
        leaves = list(pool.map(lambda turn: workers[turn % 2].take("stub", 60.0), range(20)))

    pauses = [leave for leave in leaves if isinstance(leave, Pause)]
    assert len(leaves) - len(pauses) == 6
    assert all(0 < pause.seconds <= 10 and not pause.is_from_provider for pause in pauses)
    engine.dispose()


def test_a_blocked_provider_is_left_alone_and_others_are_not(sessions):
    limiter = StoredLimiter(sessions, Limits(None, max_concurrency=8))
    for provider in ("stub", "other"):
        limiter.give_back(limiter.take(provider, 60.0))

    limiter.block("stub", 30.0)
    limiter.block("stub", 5.0)

    leave = limiter.take("stub", 60.0)
    assert isinstance(leave, Pause)
    assert leave.is_from_provider
    assert 20 < leave.seconds <= 30
    assert isinstance(limiter.take("other", 60.0), Slot)


def test_the_end_of_a_pause_is_the_databases_to_tell(sessions):
    limiter = StoredLimiter(sessions, Limits(None, max_concurrency=8))
    limiter.give_back(limiter.take("stub", 60.0))
    limiter.block("stub", 30.0)

    with sessions.begin() as session:
        session.execute(text("UPDATE llm_providers SET blocked_until = now()"))

    assert isinstance(limiter.take("stub", 60.0), Slot)


class RefusesOnce:
    """Answers 429 to the first request, and well to the others."""

    def __init__(self, pause_s: int) -> None:
        self.pause_s = pause_s
        self._lock = threading.Lock()
        self._has_refused = False

    def __call__(self, _body):
        with self._lock:
            if self._has_refused:
                return {"facts": []}
            self._has_refused = True
        return Refusal(429, {"Retry-After": str(self.pause_s)})


@pytest.mark.parametrize("pause_s", [1, 2])
def test_nobody_calls_between_429_and_its_retry_after(sessions, database_url, pause_s):
    """Two workers of four threads each ask as fast as they can, and do not even heed the pause they are told of."""
    engine = build_engine(database_url)
    options = LlmOptions()
    with ModelStub(RefusesOnce(pause_s)) as stub, ThreadPoolExecutor(8) as pool:
        chats = [
            Chat(
                Provider(open_model(ModelSpec("openai:stub", stub.base_url, "key")), "openai:stub", options),
                options,
                limiter=StoredLimiter(each, Limits(None, max_concurrency=1)),
            )
            for each in (sessions, build_session_factory(engine))
        ]

        list(pool.map(lambda turn: ask_until_answered(chats[turn % 2], turn), range(8)))

    engine.dispose()
    refused, *others = sorted(stub.arrivals, key=lambda arrival: arrival.came_at)
    assert (refused.status, {arrival.status for arrival in others}) == (429, {200})
    assert len(others) == 8
    assert min(arrival.came_at for arrival in others) - refused.answered_at >= pause_s


def ask_until_answered(chat, turn):
    question = Question("extract", "extractor", load_prompt("extract.v1"), [("Ticket", f"number {turn}")], Facts)

    def is_answered():
        with collect_usage(DEFAULT_TENANT, UUID(int=turn), attempt=1):
            try:
                chat.ask(question)
            except ModelBusyError:
                return False
        return True

    wait_until(is_answered)
