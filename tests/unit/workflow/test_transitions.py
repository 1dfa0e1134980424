from ticketflow.workflow.transitions import MOVES, RUNNABLE, TERMINAL, Status


def test_every_status_says_where_it_may_go():
    assert set(MOVES) == set(Status)


def test_every_live_ticket_can_reach_an_end():
    def ends_of(status, seen=frozenset()):
        if status in TERMINAL:
            return {status}
        return set().union(*(ends_of(following, seen | {status}) for following in MOVES[status] - seen))

    assert all(Status.COMPLETED in ends_of(status) for status in set(Status) - TERMINAL)


def test_completed_and_cancelled_are_final_and_failed_may_be_tried_again():
    assert MOVES[Status.COMPLETED] == MOVES[Status.CANCELLED] == frozenset()
    assert Status.QUEUED in MOVES[Status.FAILED]


def test_a_runnable_ticket_is_never_an_ended_one():
    assert not RUNNABLE & TERMINAL
