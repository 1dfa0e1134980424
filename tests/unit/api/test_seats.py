"""Seats to wait on: free as soon as a client hangs up, and shared between keys."""

import select
import socket
import time
from contextlib import ExitStack
from typing import ClassVar

import pytest
from flask import Flask

from ticketflow.api.seats import WAITING_SEATS, Seat, Seats, find_client
from ticketflow.server.config import threads

LONG_S = 30


@pytest.mark.parametrize("sent_ahead", [b"", b"GET / HTTP/1.1\r\n\r\n"])
def test_a_client_that_hangs_up_leaves_its_seat_at_once(sent_ahead):
    with socket.create_server(("127.0.0.1", 0)) as server:
        theirs = socket.create_connection(server.getsockname())
        ours, _ = server.accept()
    with ours:
        theirs.sendall(sent_ahead)
        theirs.close()
        began_at = time.monotonic()

        assert not Seat("ana", ours.fileno()).pause(LONG_S)
        assert time.monotonic() - began_at < LONG_S / 2


def test_a_client_that_is_still_there_goes_on_waiting():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert Seat("ana", ours.fileno()).pause(0.01)


def test_a_key_may_have_all_seats_while_nobody_else_wants_one():
    seats = Seats(3)
    with ExitStack() as stack:
        taken = [stack.enter_context(seats.take("ana", None)) for _ in range(4)]

    assert [seat is not None for seat in taken] == [True, True, True, False]


def test_who_has_fewer_gets_the_longest_wait_of_who_has_the_most():
    seats = Seats(4)
    with ExitStack() as stack:
        anas = [stack.enter_context(seats.take("ana", None)) for _ in range(4)]
        bobs = [stack.enter_context(seats.take("bob", None)) for _ in range(3)]

        assert [seat.pause(0) for seat in anas] == [False, False, True, True]
        assert [seat is not None for seat in bobs] == [True, True, False]
        with seats.take("cleo", None) as cleo:
            assert cleo is not None


@pytest.mark.parametrize(("anas", "bobs", "gets_one"), [(3, 1, True), (2, 1, False), (2, 2, False)])
def test_a_seat_is_worth_taking_only_from_who_has_two_more(anas, bobs, gets_one):
    seats = Seats(anas + bobs)
    with ExitStack() as stack:
        for caller in ["ana"] * anas + ["bob"] * bobs:
            stack.enter_context(seats.take(caller, None))

        assert (stack.enter_context(seats.take("bob", None)) is not None) is gets_one


def test_where_there_are_no_seats_nobody_gets_one():
    with Seats(0).take("ana", None) as seat:
        assert seat is None


def test_who_lost_a_seat_leaves_that_of_the_other_alone():
    seats = Seats(2)
    with seats.take("ana", None), ExitStack() as stack:
        with seats.take("ana", None):
            bob = stack.enter_context(seats.take("bob", None))
        assert bob is not None
        assert bob.pause(0)
        with seats.take("bob", None) as second:
            assert second is not None


def test_a_seat_that_is_given_up_is_left_even_if_the_client_stays():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        seat = Seat("ana", ours.fileno())
        seat.give_up()

        assert not seat.pause(0)


class Poller:
    """Waits for nothing, and tells for how long it was to."""

    waits: ClassVar[list[float]] = []

    def register(self, *_: int) -> None:
        """Watch nobody."""

    def poll(self, wait_ms: float) -> list[int]:
        self.waits.append(wait_ms)
        return []


def test_a_pause_is_told_to_the_system_in_milliseconds(monkeypatch):
    monkeypatch.setattr(select, "poll", Poller)

    assert Seat("ana", 7).pause(1.5)
    assert Poller.waits == [1500]


def test_the_connection_of_a_request_is_known_where_the_server_tells():
    ours, theirs = socket.socketpair()
    app = Flask(__name__)
    with ours, theirs, app.test_request_context("/", environ_overrides={"gunicorn.socket": ours}):
        assert find_client() == ours.fileno()
    with app.test_request_context("/"):
        assert find_client() is None


def test_waiting_leaves_threads_for_whoever_comes_with_a_ticket():
    assert threads - WAITING_SEATS == 8


def test_a_seat_is_free_again_after_its_wait():
    seats = Seats(1)
    with seats.take("ana", None):
        pass
    with seats.take("bob", None) as bob:
        assert bob is not None
        assert bob.pause(0)
