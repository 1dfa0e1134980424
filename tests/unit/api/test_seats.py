"""Seats to wait on: free as soon as a client hangs up, and shared between keys."""

import socket
import time
from contextlib import ExitStack

import pytest

from ticketflow.api.seats import Seat, Seats

LONG_S = 30


@pytest.mark.parametrize("sent_ahead", [b"", b"GET / HTTP/1.1\r\n\r\n"])
def test_a_client_that_hangs_up_leaves_its_seat_at_once(sent_ahead):
    ours, theirs = socket.socketpair()
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


def test_a_seat_is_free_again_after_its_wait():
    seats = Seats(1)
    with seats.take("ana", None):
        pass
    with seats.take("bob", None) as bob:
        assert bob is not None and bob.pause(0)  # noqa: PT018  # mypy wants both
