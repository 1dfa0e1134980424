"""A chain as it travels: Celery's second message protocol, and of it what somebody reads.

Celery's own way makes signatures of all links for each message, repeats the headers in every link, and routes, copies
and describes what is the same each time: four times the work, three times the bytes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kombu.utils.uuid import uuid

# Headers of every message of a chain: the request its ticket came with, the place that request had in a trace, and
# that of the dispatch that sent it.
REQUEST_ID = "request_id"
TRACEPARENT = "traceparent"
SENT_BY = "sent_by"

TASK_PREFIX = "ticketflow.steps."
QUEUE_PREFIX = "steps."
_WRITTEN_AS = {"content_type": "application/json", "content_encoding": "utf-8"}


@dataclass(frozen=True, slots=True)
class Ancestry:
    """The messages that led to one: Flower shows them."""

    root_id: str
    parent_id: str


def build_links(steps: Sequence[str], ticket_id: str, generation: int) -> list[dict[str, Any]]:
    """Build the links of a chain in the order of the protocol: the first step comes last."""
    return [
        {
            "task": f"{TASK_PREFIX}{step}",
            "args": [ticket_id, generation],
            "kwargs": {},
            "options": {},
            "immutable": True,
        }
        for step in reversed(steps)
    ]


def build_message(
    links: Sequence[Mapping[str, Any]], trail: Mapping[str, str | None], ancestry: Ancestry | None = None
) -> dict[str, Any]:
    """Build the message of a chain's next step, as a kombu producer publishes it.

    Args:
        links: As they stand in a message before it, or as ``build_links`` made them.
        trail: What the headers say of where it comes from; ``None`` is left out.
        ancestry: Left out for the first of a chain.
    """
    *rest, link = links
    task_id = uuid()
    ancestors = (
        {"root_id": task_id}
        if ancestry is None
        else {
            "root_id": ancestry.root_id,
            "parent_id": ancestry.parent_id,
        }
    )
    headers = {
        "task": link["task"],
        "id": task_id,
        **ancestors,
        "argsrepr": repr(tuple(link["args"])),
        "ignore_result": True,
        **{name: value for name, value in trail.items() if value is not None},
    }
    embed = {"callbacks": None, "errbacks": None, "chain": rest or None, "chord": None}
    return {
        "body": json.dumps([link["args"], link["kwargs"], embed]),
        "headers": headers,
        "routing_key": QUEUE_PREFIX + link["task"].removeprefix(TASK_PREFIX),
        "delivery_mode": 2,
        **_WRITTEN_AS,
    }
