import os
import threading
import time

from ticketflow.tasks.forks import build_fork_gate

FORKS = 30


def test_no_fork_takes_a_copy_of_what_a_thread_holds_under_the_gate():
    gate, held, is_over = build_fork_gate(), threading.Lock(), threading.Event()

    def work() -> None:
        while not is_over.is_set():
            with gate, held:
                time.sleep(0.001)  # lets go of the interpreter, as a socket or an import does

    thread = threading.Thread(target=work)
    thread.start()
    try:
        copies = [is_held_in_a_child(held) for _ in range(FORKS)]
    finally:
        is_over.set()
        thread.join()

    assert copies == [False] * FORKS
    assert not gate.locked()


def is_held_in_a_child(lock: threading.Lock) -> bool:
    child = os.fork()
    if child == 0:
        os._exit(lock.locked())
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 1
