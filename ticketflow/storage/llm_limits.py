"""How much a provider of chat models may be asked, over all workers; the database's clock decides."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from sqlalchemy import text
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Limits:
    """What we allow ourselves.

    Attributes:
        calls_per_minute: ``None`` for as many as there are.
        max_concurrency: Calls under way at one time.
    """

    calls_per_minute: float | None
    max_concurrency: int


@dataclass(frozen=True, slots=True)
class Refused:
    """No call may be made now.

    Attributes:
        seconds: When to ask again.
        is_blocked: The provider asked for it.
    """

    seconds: float
    is_blocked: bool


# A token bucket: it fills steadily and holds a minute's calls at most. The row is locked until the end of the
# transaction, so callers are let in one by one.
_REFILL = text("""
    INSERT INTO llm_providers AS known (name, allowance, refilled_at) VALUES (:name, :burst, clock_timestamp())
    ON CONFLICT (name) DO UPDATE
    SET allowance = least(:burst, known.allowance
                    + :per_second * extract(epoch FROM greatest(clock_timestamp() - known.refilled_at, interval '0'))),
        refilled_at = clock_timestamp()
    RETURNING allowance, extract(epoch FROM blocked_until - clock_timestamp())
""")

# A statement of its own, after the lock: only then does it see what those before us have taken.
_TAKE = text("""
    WITH abandoned AS (
        DELETE FROM llm_calls WHERE provider = :name AND until <= clock_timestamp()
    ), taken AS (
        INSERT INTO llm_calls (id, provider, until)
        SELECT :id, :name, clock_timestamp() + :hold
        WHERE (SELECT count(*) FROM llm_calls WHERE provider = :name AND until > clock_timestamp()) < :max_concurrency
        RETURNING id
    )
    UPDATE llm_providers SET allowance = allowance - 1 FROM taken WHERE name = :name RETURNING taken.id
""")

_GIVE_BACK = text("DELETE FROM llm_calls WHERE id = :id")

_BLOCK = text("""
    UPDATE llm_providers SET blocked_until = greatest(blocked_until, clock_timestamp() + :pause) WHERE name = :name
""")

# All slots are taken: how long a call takes nobody knows, so look again soon.
LOOK_AGAIN_S = 0.2
_SECONDS_A_MINUTE = 60.0


def take_call(session: Session, provider: str, limits: Limits, hold: timedelta) -> UUID | Refused:
    """Take leave to make a call, in the transaction at hand, which should end at once.

    Args:
        hold: How long the leave counts if nobody gives it back.
    """
    rate = limits.calls_per_minute
    per_second = (rate or 0.0) / _SECONDS_A_MINUTE
    values = {"name": provider, "burst": max(rate or 1.0, 1.0), "per_second": per_second if rate else 1e6}
    allowance, blocked_for_s = session.execute(_REFILL, values).one()
    if blocked_for_s is not None and blocked_for_s > 0:
        return Refused(float(blocked_for_s), is_blocked=True)
    if allowance < 1:
        return Refused((1 - allowance) / per_second, is_blocked=False)
    taken: UUID | None = session.scalar(
        _TAKE, {"id": uuid4(), "name": provider, "hold": hold, "max_concurrency": limits.max_concurrency}
    )
    return Refused(LOOK_AGAIN_S, is_blocked=False) if taken is None else taken


def give_call_back(session: Session, call_id: UUID) -> None:
    """Say that a call has ended."""
    session.execute(_GIVE_BACK, {"id": call_id})


def block_provider(session: Session, provider: str, pause: timedelta) -> None:
    """Let nobody call a provider for so long; a longer pause that is there stays."""
    session.execute(_BLOCK, {"name": provider, "pause": pause})
