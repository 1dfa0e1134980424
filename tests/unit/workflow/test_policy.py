from datetime import timedelta

import pytest
from langgraph.types import RetryPolicy

from ticketflow.errors import BadModelOutputError, PermanentError, TransientError
from ticketflow.workflow.policy import backoff, is_retryable

POLICY = RetryPolicy(initial_interval=1, backoff_factor=2, max_interval=10, max_attempts=5, retry_on=TransientError)


def test_the_wait_grows_with_every_attempt_up_to_the_cap():
    steady = POLICY._replace(jitter=False)

    assert [backoff(steady, attempt).total_seconds() for attempt in range(1, 7)] == [1, 2, 4, 8, 10, 10]


def test_jitter_spreads_waits_between_nothing_and_the_ceiling():
    waits = {backoff(POLICY, attempt=3).total_seconds() for _ in range(200)}

    assert len(waits) > 100
    assert all(0 <= wait <= 4 for wait in waits)


def test_what_the_other_side_asked_for_is_a_floor():
    assert backoff(POLICY, attempt=1, retry_after_s=60) >= timedelta(seconds=60)


@pytest.mark.parametrize(
    "retry_on", [TransientError, (TransientError, OSError), lambda error: isinstance(error, TransientError)]
)
def test_a_policy_may_name_a_class_several_or_a_function(retry_on):
    policy = POLICY._replace(retry_on=retry_on)

    assert is_retryable(policy, BadModelOutputError("nonsense"))
    assert not is_retryable(policy, PermanentError("never"))
