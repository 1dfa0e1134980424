from contextlib import contextmanager

import pytest
from werkzeug.exceptions import BadRequest

from ticketflow.api import event_stream
from ticketflow.api.event_stream import parse_event_id, write_stream
from ticketflow.api.seats import Seat


class FakeTrail:
    """Gives one batch of events per look and ends after the last."""

    def __init__(self, *batches: list[int]) -> None:
        self._batches = list(batches)
        self.has_ended = not batches

    def read(self) -> list[dict]:
        batch = self._batches.pop(0)
        self.has_ended = not self._batches
        return [event(number) for number in batch]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(event_stream, "POLL_S", 0)


def test_events_come_in_order_until_the_end():
    stream = "".join(write_stream(FakeTrail([], [2, 3], [4]), [event(1)], take_seat(free=True)))

    assert [line for line in stream.splitlines() if line.startswith("id")] == ["id: 1", "id: 2", "id: 3", "id: 4"]
    assert 'event: step.completed\ndata: {"id": 4, "type": "step.completed"}\n\n' in stream


def test_silence_is_broken_by_comments(monkeypatch):
    monkeypatch.setattr(event_stream, "HEARTBEAT_S", -1)

    assert ": still there\n\n" in list(write_stream(FakeTrail([], [1]), [], take_seat(free=True)))


def test_without_a_seat_the_client_is_asked_to_come_back():
    stream = list(write_stream(FakeTrail([2]), [event(1)], take_seat(free=False)))

    assert (stream[0], len(stream)) == ("retry: 1000\n\n", 2)


@pytest.mark.parametrize("given", ["", "-1", "x", "1.0", "٣", str(2**63), "9" * 5000])
def test_only_an_events_id_is_gone_on_from(given):
    with pytest.raises(BadRequest):
        parse_event_id(given)


def event(number: int) -> dict:
    return {"id": number, "type": "step.completed"}


def take_seat(*, free: bool):
    @contextmanager
    def seat():
        yield Seat("ana", None) if free else None

    return seat
