"""The token bucket and the seats of a provider; both go by ``clock_timestamp()``, which does not stand still."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from tests.integration.storage.rows import DAY, HOUR, NOW, SECOND, add
from ticketflow.storage.llm_answers import find_answer, record_answer
from ticketflow.storage.llm_limits import LOOK_AGAIN_S, Limits, Refused, block_provider, give_call_back, take_call
from ticketflow.storage.models import LlmAnswer, LlmCall, LlmProvider

SIXTY = Limits(calls_per_minute=60, max_concurrency=100)


@pytest.fixture
def bucket(session):
    """Make a provider whose bucket holds so much."""

    def make(allowance, name="openai", **values) -> LlmProvider:
        return add(session, LlmProvider, name=name, **{"allowance": allowance, "refilled_at": NOW + HOUR, **values})

    return make


def take(session, limits=SIXTY, name="openai") -> UUID | Refused:
    return take_call(session, name, limits, HOUR)


def read(session, name="openai") -> LlmProvider:
    return session.scalars(select(LlmProvider).where(LlmProvider.name == name), execution_options=FRESH).one()


FRESH = {"populate_existing": True}


def test_a_new_provider_may_be_asked_a_minute_s_calls_at_once_and_no_more(session):
    few = Limits(calls_per_minute=3, max_concurrency=100)

    taken = [take(session, few) for _ in range(4)]

    assert [isinstance(each, UUID) for each in taken] == [True, True, True, False]
    assert 19 < taken[3].seconds <= 20
    assert not taken[3].is_blocked


def test_without_a_rate_only_the_seats_count(session):
    free = Limits(calls_per_minute=None, max_concurrency=3)

    taken = [take(session, free) for _ in range(4)]

    assert [isinstance(each, UUID) for each in taken] == [True, True, True, False]
    assert taken[3] == Refused(LOOK_AGAIN_S, is_blocked=False)


@pytest.mark.parametrize(("allowance", "is_taken"), [(1.0, True), (0.99, False)])
def test_a_whole_call_must_be_in_the_bucket(session, bucket, allowance, is_taken):
    bucket(allowance)  # filled "in an hour": a clock that was set back adds nothing

    taken = take(session)

    assert isinstance(taken, UUID) is is_taken
    assert is_taken or taken.seconds == pytest.approx(0.01, abs=1e-6)
    assert read(session).allowance == pytest.approx(allowance - is_taken)


def test_the_bucket_fills_steadily_and_holds_a_minute_s_calls(session, bucket):
    bucket(0, refilled_at=NOW - 10 * SECOND)
    bucket(50, name="other", refilled_at=NOW - HOUR)

    take(session)
    take(session, name="other")

    assert 9 <= read(session).allowance < 20
    assert read(session, "other").allowance == 59
    assert read(session).refilled_at > session.scalar(select(NOW))


def test_a_slow_rate_still_lets_single_calls_through(session):
    slow = Limits(calls_per_minute=0.5, max_concurrency=100)

    first, second = take(session, slow), take(session, slow)

    assert isinstance(first, UUID)
    assert 110 < second.seconds <= 120


def test_seats_are_a_provider_s_own_and_those_of_the_dead_are_free(session, bucket):
    one = Limits(calls_per_minute=60, max_concurrency=1)
    bucket(60)
    bucket(60, name="other")
    dead = add(session, LlmCall, id=UUID(int=1), provider="openai", until=NOW - SECOND)
    elsewhere = add(session, LlmCall, id=UUID(int=2), provider="other", until=NOW - SECOND)

    first, second = take(session, one), take(session, one)

    assert isinstance(first, UUID)
    assert second == Refused(LOOK_AGAIN_S, is_blocked=False)
    held = {call.id: call.until for call in session.scalars(select(LlmCall), execution_options=FRESH)}
    assert held.keys() == {first, elsewhere.id}
    assert dead.id not in held
    assert held[first] >= session.scalar(select(NOW + HOUR))
    assert (read(session).allowance, read(session, "other").allowance) == (pytest.approx(59, abs=0.9), 60)


def test_a_call_that_ended_leaves_its_seat(session):
    one = Limits(calls_per_minute=60, max_concurrency=1)
    first = take(session, one)
    elsewhere = take(session, one, "other")

    give_call_back(session, first)

    assert session.scalars(select(LlmCall.id)).all() == [elsewhere]
    assert isinstance(take(session, one), UUID)


def test_a_blocked_provider_is_not_called_until_its_pause_is_over(session, bucket):
    for name in ("openai", "other"):
        bucket(60, name=name)

    block_provider(session, "openai", timedelta(minutes=1))

    refused = take(session)
    assert refused.is_blocked
    assert 59 < refused.seconds <= 60
    assert isinstance(take(session, name="other"), UUID)
    assert session.scalar(select(func.count()).select_from(LlmCall)) == 1


def test_a_pause_that_is_over_blocks_nobody(session, bucket):
    bucket(60, blocked_until=NOW - SECOND)

    assert isinstance(take(session), UUID)


def test_the_longer_pause_stays(session, bucket):
    bucket(60)
    block_provider(session, "openai", HOUR)
    long = read(session).blocked_until
    block_provider(session, "openai", SECOND)
    still = read(session).blocked_until
    block_provider(session, "openai", DAY)

    assert (still, read(session).blocked_until - still > 22 * HOUR) == (long, True)


def make_answer(key: str, **values) -> LlmAnswer:
    basic = {"model": "m", "prompt_version": "v1", "answer": {"key": key}}
    basic |= {"input_tokens": 1, "output_tokens": 2, "cost_usd": 0.5}
    return LlmAnswer(key=key, **{"tenant": "other", **basic, **values})


def test_an_answer_is_kept_whole_and_the_first_one_stays(session):
    record_answer(session, make_answer("a"), HOUR)
    record_answer(session, make_answer("a", model="second"), HOUR)

    kept = find_answer(session, "a")

    assert (kept.tenant, kept.model, kept.prompt_version, kept.answer) == ("other", "m", "v1", {"key": "a"})
    assert (kept.input_tokens, kept.output_tokens, kept.cost_usd) == (1, 2, 0.5)
    assert find_answer(session, "b") is None


def test_answers_that_are_older_are_forgotten_with_the_next_one(session):
    for key in ("old", "at"):
        record_answer(session, make_answer(key), HOUR)
    for key, age in (("old", 61), ("at", 60)):
        aged = update(LlmAnswer).where(LlmAnswer.key == key)
        session.execute(aged.values(created_at=NOW - age * SECOND))

    record_answer(session, make_answer("new"), timedelta(minutes=1))

    assert set(session.scalars(select(LlmAnswer.key))) == {"at", "new"}
