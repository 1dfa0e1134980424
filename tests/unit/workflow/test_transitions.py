from ticketflow.workflow.transitions import MOVES, RUNNABLE, TERMINAL, Status


def test_every_status_says_where_it_may_go():
    assert set(MOVES) == set(Status)


def test_every_live_ticket_can_reach_an_end():
    def ends_of(status, seen=frozenset()):
        if status in TERMINAL:
            return {status}
        return set().union(*(ends_of(following, seen | {status}) for following in MOVES[status] - seen))

    assert all(Status.COMPLETED in ends_of(status) for status in set(Status) - TERMINAL)


def test_cancelled_is_final_and_whatever_else_has_ended_may_be_taken_up_again():
    assert MOVES[Status.CANCELLED] == frozenset()
    assert all(Status.QUEUED in MOVES[status] for status in TERMINAL - {Status.CANCELLED})


def test_whatever_has_not_ended_can_be_cancelled():
    assert all(Status.CANCELLED in MOVES[status] for status in set(Status) - TERMINAL)


def test_a_runnable_ticket_is_never_an_ended_one():
    assert not RUNNABLE & TERMINAL
