"""An application that sends tickets to a whole system, and judges what became of them."""

import time
from collections.abc import Sequence
from typing import Any

import httpx

from tests.chaos.trail import ORDER, Event, walk
from tests.harness.wait import wait_until

STEPS = 6


class Caller:
    """Speaks to the API of a system.

    Attributes:
        api: Carries a key.
    """

    api: httpx.Client

    def describe(self) -> str:
        """Say how the system is, for when it is not well."""
        raise NotImplementedError

    def submit(self, count: int) -> list[str]:
        """Post tickets; return the ids of those that were accepted. The others are as if never sent."""
        ids = []
        for number in range(count):
            body = {"subject": f"Password {number}", "body": "How do I reset my password?"}
            try:
                answer = self.api.post("/tickets", json=body, timeout=10)
            except httpx.TransportError:
                continue
            if answer.status_code == 202:
                ids.append(answer.json()["id"])
        return ids

    def count_steps(self, ids: Sequence[str], event: str, step: str = ORDER[0]) -> int:
        """Count the tickets to which something happened at a step."""
        return sum(any((each.type, each.step) == (event, step) for each in self.read_trail(one)) for one in ids)

    def wait_for_started(self, ids: Sequence[str], count: int, step: str = ORDER[0]) -> None:
        """Wait until so many of the tickets have begun a step."""
        wait_until(lambda: self.count_steps(ids, "step.started", step) >= count, 60, lambda: f"{count} are at {step}")

    def wait_for_completed(self, ids: Sequence[str], timeout_s: float = 120) -> None:
        """Wait until all tickets are completed, and judge their trails: nothing lost, nothing twice."""
        deadline = time.monotonic() + timeout_s
        for ticket_id in ids:
            wait_until(
                lambda ticket_id=ticket_id: self._get(f"/tickets/{ticket_id}?wait=5")["status"] == "completed",
                max(1, deadline - time.monotonic()),
                lambda ticket_id=ticket_id: (
                    f"{ticket_id} is completed: {self.read_trail(ticket_id)}\n{self.describe()}"
                ),
            )
        flaws = {ticket_id: walk(self.read_trail(ticket_id), "completed") for ticket_id in ids}
        assert not any(flaws.values()), flaws
        ledgers = {ticket_id: self._get(f"/tickets/{ticket_id}/steps")["steps"] for ticket_id in ids}
        assert all(len({(row["step"], row["round"]) for row in rows}) == len(rows) for rows in ledgers.values())
        assert all(len({row["step"] for row in rows}) == STEPS for rows in ledgers.values())

    def read_trail(self, ticket_id: str) -> list[Event]:
        """Return a ticket's events, oldest first."""
        found = self._get(f"/tickets/{ticket_id}/events?limit=200")["events"]
        return [Event(each["type"], each["step"], each["round"], each["detail"]) for each in found]

    def _get(self, path: str) -> Any:
        return self.api.get(path).raise_for_status().json()
