"""Processes that hold leases, and what became of those that let one go without a word.

A lease that was taken over or ran out proves nothing: its holder may be dead, or only cut off from broker or database.
The ticket keeps its holder's id as an open question, in ``lost_holders``. It is settled when the holder is seen again,
which drops it, or when its end is proven, which makes a death of it.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from ticketflow.workflow.policy import SUSPECT_WAIT_S
from ticketflow.workflow.transitions import RUNNABLE

# What a ticket knows of the holders that it lost, where it may just have lost one more: their ids, each with when and
# whether it counts as dead. A lease of a release that does not name its holder has none.
WITH_LOST_HOLDER = """
    lost_holders || CASE WHEN lease_token IS NULL OR tickets.holder IS NULL THEN '{}' ELSE
        jsonb_build_object(tickets.holder, coalesce(lost_holders -> CAST(tickets.holder AS text), '{}')
                                           || jsonb_build_object('at', extract(epoch FROM now()))) END
"""
# Whoever was sent the first try of a step and said nothing may have died with it, or never have begun: nobody knows who
# that was. It is kept under the ticket's own id, proves nothing by itself, and counts beside a death that is proven.
UNSEEN_HOLDER = """
    CASE WHEN :is_redelivered AND lease_token IS NULL AND attempt = 0
         THEN jsonb_build_object(tickets.id, jsonb_build_object('at', extract(epoch FROM now()))) ELSE '{}' END
"""
# How many of them may be dead: nobody knows yet.
IN_DOUBT = "(SELECT count(*) FROM jsonb_each(lost_holders) WHERE value -> 'is_dead' IS NULL)"
# Questions that one look at them settles; whatever is left comes next.
LOOKED_AT = 1000


@dataclass(frozen=True, slots=True)
class Process:
    """A process, named so that it can be recognised on its own machine.

    Attributes:
        id: Of this life of it: a child forked later has another.
        host: Machine, boot and namespace in which its number means it.
        born: When it was started, in the machine's own measure: numbers are used again.
    """

    id: UUID
    host: str
    pid: int
    born: int


@dataclass(frozen=True, slots=True)
class LostHolder:
    """A process that may have died with a step.

    Attributes:
        process: ``None`` where it never said what it is.
        is_back: It was seen after it was lost.
        silent_s: Seconds since it was last seen, or lost.
    """

    id: UUID
    process: Process | None
    is_back: bool
    silent_s: float


# A process that did not end in order leaves its row behind; a day is long enough for every question about it.
_BEAT = text("""
    WITH forgotten AS (
        DELETE FROM holders WHERE id IN (
            SELECT id FROM holders WHERE seen_at < now() - interval '1 day' AND id <> :id FOR UPDATE SKIP LOCKED
        )
    )
    INSERT INTO holders (id, host, pid, born) VALUES (:id, :host, :pid, :born)
    ON CONFLICT (id) DO UPDATE SET seen_at = now()
""")

_LIST = text("""
    SELECT lost.id, known.host, known.pid, known.born,
           coalesce(known.seen_at > to_timestamp(lost.at), false) AS is_back,
           CAST(extract(epoch FROM now()) - greatest(lost.at, extract(epoch FROM known.seen_at)) AS double precision)
               AS silent_s
    FROM (
        SELECT CAST(key AS uuid) AS id, max(CAST(value ->> 'at' AS double precision)) AS at
        FROM (SELECT id, lost_holders FROM tickets WHERE lost_holders <> '{}' LIMIT :limit) AS in_doubt
        CROSS JOIN LATERAL jsonb_each(lost_holders) WHERE key <> CAST(in_doubt.id AS text) GROUP BY key
    ) AS lost LEFT JOIN holders AS known ON known.id = lost.id
""")

_DROP = text("""
    UPDATE tickets
    SET deaths = greatest(deaths - CASE WHEN lost_holders #> ARRAY[:id, 'is_dead'] IS NULL THEN 0 ELSE 1 END, 0),
        lost_holders = lost_holders - CAST(:id AS text)
    FROM (SELECT id FROM tickets WHERE lost_holders <> '{}' AND jsonb_exists(lost_holders, :id)
          FOR NO KEY UPDATE SKIP LOCKED) AS free
    WHERE tickets.id = free.id
""")

_HAS_UNSEEN = (
    "(jsonb_exists(lost_holders, CAST(id AS text)) AND lost_holders #> ARRAY[CAST(id AS text), 'is_dead'] IS NULL)"
)
# Of two deaths it cannot be told who is guilty: the next try is at a random moment of the ticket's own.
_CONVICT = text(f"""
    UPDATE tickets
    SET deaths = free.deaths + 1, lost_holders = jsonb_set(free.lost_holders, ARRAY[:id, 'is_dead'], 'true'),
        wake_at = CASE WHEN free.deaths > 0 AND NOT is_in_flight
                       THEN greatest(wake_at, now() + random() * power(2, free.deaths)
                                                      * make_interval(secs => :suspect_wait_s))
                       ELSE wake_at END
    FROM (SELECT id, deaths + CASE WHEN {_HAS_UNSEEN} THEN 1 ELSE 0 END AS deaths,
                 CASE WHEN {_HAS_UNSEEN} THEN jsonb_set(lost_holders, ARRAY[CAST(id AS text), 'is_dead'], 'true')
                      ELSE lost_holders END AS lost_holders
          FROM tickets WHERE lost_holders <> '{{}}' AND jsonb_exists(lost_holders, :id)
          AND lost_holders #> ARRAY[:id, 'is_dead'] IS NULL AND status = ANY(:runnable)
          FOR NO KEY UPDATE SKIP LOCKED) AS free
    WHERE tickets.id = free.id
    RETURNING tickets.id
""")

_FIND = text("""
    SELECT known.id, known.host, known.pid, known.born FROM tickets JOIN holders AS known ON known.id = tickets.holder
    WHERE tickets.id = :ticket_id AND lease_token IS NOT NULL
""")


def beat(session: Session, process: Process) -> None:
    """Put down that a process that may hold leases is alive."""
    session.execute(_BEAT, {"id": process.id, "host": process.host, "pid": process.pid, "born": process.born})


def find_holder(session: Session, ticket_id: UUID) -> Process | None:
    """Find the process that holds a ticket, if any does that has said what it is."""
    row = session.execute(_FIND, {"ticket_id": ticket_id}).one_or_none()
    return None if row is None else Process(*row)


def list_lost_holders(session: Session, limit: int = LOOKED_AT) -> list[LostHolder]:
    """List the processes that live tickets lost and may have died, by some of these tickets."""
    rows = session.execute(_LIST, {"limit": limit})
    return [
        LostHolder(
            row.id,
            None if row.host is None else Process(row.id, row.host, row.pid, row.born),
            row.is_back,
            row.silent_s,
        )
        for row in rows
    ]


def drop_question(session: Session, holder: UUID) -> None:
    """Take back every doubt about a process, and every death that was put down for it: it is alive."""
    session.execute(_DROP, {"id": str(holder)})


def convict(session: Session, holder: UUID) -> int:
    """Count a death for every step that a process died with.

    Returns:
        How many there were.
    """
    values = {"id": str(holder), "suspect_wait_s": SUSPECT_WAIT_S, "runnable": sorted(RUNNABLE)}
    return len(session.execute(_CONVICT, values).all())
