"""One that refuses does not keep the others from it, and the worst outcome is the exit code."""

import threading
from uuid import UUID

import click
import pytest

from ticketflow.cli.each_ticket import do_to_each
from ticketflow.errors import ConflictError, NotFoundError

TICKET, CONFLICT, MISSING, LAST = (UUID(int=number) for number in range(1, 5))


@pytest.fixture
def done():
    return []


@pytest.fixture
def do(done):
    def act(ticket_id):
        done.append(ticket_id)
        if ticket_id == CONFLICT:
            raise ConflictError("it is completed")
        if ticket_id == MISSING:
            raise NotFoundError("no ticket")
        return {"id": str(ticket_id), "status": "queued"}

    return act


def test_each_ticket_is_done_once_and_all_is_well(do, done):
    do_to_each([TICKET, LAST, TICKET], do, as_json=True)

    assert sorted(done) == [TICKET, LAST]


def test_tickets_are_told_in_the_order_they_were_named_in_whichever_is_done_first(do, capsys):
    last_is_done = threading.Event()

    def wait_for_the_last(ticket_id):
        last_is_done.set() if ticket_id == LAST else last_is_done.wait(30)
        return do(ticket_id)

    do_to_each([TICKET, LAST], wait_for_the_last, as_json=True)

    said = capsys.readouterr().out
    assert 0 < said.index(str(TICKET)) < said.index(str(LAST))


@pytest.mark.parametrize(
    ("ticket_ids", "code"),
    [
        ([CONFLICT, LAST], 1),
        ([MISSING, LAST], 4),
        ([CONFLICT, MISSING, LAST], 4),
        ([MISSING, CONFLICT, LAST], 4),
    ],
)
def test_what_refuses_is_told_and_the_worst_of_it_is_the_exit_code(do, done, capsys, ticket_ids, code):
    with pytest.raises(click.exceptions.Exit) as ended:
        do_to_each(ticket_ids, do, as_json=True, missing=4)

    said = capsys.readouterr()
    assert (ended.value.exit_code, sorted(done)) == (code, sorted(ticket_ids))
    assert said.err.count("error: ") == len(ticket_ids) - 1
    assert str(LAST) in said.out


def test_without_another_code_a_missing_ticket_is_a_failure(do):
    with pytest.raises(click.exceptions.Exit) as ended:
        do_to_each([MISSING], do)

    assert ended.value.exit_code == 1
