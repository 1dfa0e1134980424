import os
import threading

import pytest

from ticketflow.tasks.canary import build_fork_gate


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # Python 3.12 and newer
def test_a_fork_waits_until_the_thread_under_the_gate_holds_nothing():
    gate, held, is_held, is_forking = build_fork_gate(), threading.Lock(), threading.Event(), threading.Event()
    os.register_at_fork(before=is_forking.set)  # what is registered last is called first

    def work() -> None:
        with gate, held:
            is_held.set()
            is_forking.wait(30)

    thread = threading.Thread(target=work)
    thread.start()
    assert is_held.wait(30)
    is_copied = is_held_in_a_child(held)
    thread.join()

    assert not is_copied
    assert not gate.locked()


def is_held_in_a_child(lock: threading.Lock) -> bool:
    child = os.fork()
    if child == 0:
        os._exit(lock.locked())
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 1
