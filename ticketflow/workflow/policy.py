"""When a failed step is tried again: reads the retry policy its node carries in the graph."""

import random
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # LangGraph takes over a second to load, and the tables' models want our numbers alone
    from langgraph.types import RetryPolicy

# A step whose worker ended without a word this often is not given to another one. Long enough to outlive
# bad luck (a rolling restart, the out-of-memory killer), short enough that few workers die.
MAX_DEATHS = 3
# From so many on a step is suspected of killing its workers, and runs by itself: the next death is its own doing.
SUSPECT_DEATHS = MAX_DEATHS - 1
# Who was near at a second death may be innocent, and the next worker to die should not take it along: suspects
# go on at random moments within this many seconds, doubled with each death.
SUSPECT_WAIT_S = 2.0


def is_retryable(policy: "RetryPolicy", error: Exception) -> bool:
    """Tell whether the policy expects another attempt to help."""
    wanted = policy.retry_on
    if isinstance(wanted, type):
        return isinstance(error, wanted)
    if isinstance(wanted, Sequence):
        return isinstance(error, tuple(wanted))
    return wanted(error)


def backoff(policy: "RetryPolicy", attempt: int, retry_after_s: float | None = None) -> timedelta:
    """Choose how long to wait after ``attempt`` (1 for the first) failed.

    Exponential with full jitter ("Exponential Backoff And Jitter", M. Brooker, AWS Architecture
    Blog, 2015): retries of many tickets that failed together spread out. What the other side
    asked for in ``Retry-After`` is a floor.
    """
    ceiling_s = min(policy.max_interval, policy.initial_interval * policy.backoff_factor ** (attempt - 1))
    wait_s = random.uniform(0, ceiling_s) if policy.jitter else ceiling_s  # noqa: S311  # not a secret
    return timedelta(seconds=max(wait_s, retry_after_s or 0.0))
