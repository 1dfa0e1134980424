"""Do the same to many things at a time, and stop at once when asked to."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from queue import Empty, SimpleQueue
from typing import TypeVar

_Input = TypeVar("_Input")
_Output = TypeVar("_Output")


def map_parallel(
    work: Callable[[_Input], _Output], inputs: Sequence[_Input], threads: int
) -> Iterator[tuple[int, _Output]]:
    """Call ``work`` on each input; unlike an executor's, these threads do not hold up Ctrl-C.

    Yields:
        Position and result, as they come. The first error of ``work`` is raised and ends it all.
    """
    waiting: SimpleQueue[int] = SimpleQueue()
    done: SimpleQueue[tuple[int, _Output | Exception]] = SimpleQueue()
    for position in range(len(inputs)):
        waiting.put(position)

    def serve() -> None:
        with contextlib.suppress(Empty):
            outcome: _Output | Exception | None = None
            while not isinstance(outcome, Exception):
                position = waiting.get_nowait()
                outcome = _attempt(work, inputs[position])
                done.put((position, outcome))

    for _ in range(min(threads, len(inputs))):
        threading.Thread(target=serve, daemon=True).start()
    try:
        for _ in inputs:
            position, outcome = done.get()
            if isinstance(outcome, Exception):
                raise outcome
            yield position, outcome
    finally:
        with contextlib.suppress(Empty):
            while True:
                waiting.get_nowait()


def _attempt(work: Callable[[_Input], _Output], given: _Input) -> _Output | Exception:
    try:
        return work(given)
    except Exception as error:  # noqa: BLE001  # raised again where the results are read
        return error
