"""The pool of threads, with an end that does not wait for ever.

A thread cannot be killed. Celery's pool therefore fails when it is asked to (celery#10490), and any shutdown
waits for steps that hang. Here it ends the process instead: what was under way was not acknowledged, so the
broker gives it to another worker, and the fence keeps its effect single.
"""

import logging
import os
import time
from concurrent.futures import Future
from typing import Any

from celery import concurrency
from celery.concurrency import thread
from celery.platforms import EX_FAILURE
from celery.worker import state
from celery.worker.request import Request

from ticketflow.tasks.under_way import under_way

LOOK_S = 0.1


class TaskPool(thread.TaskPool):
    """Celery's pool; it ends the process under threads that hang, and at a cold shutdown under all."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begin with no task under way."""
        super().__init__(*args, **kwargs)
        self._requests: dict[Future[Any], Request] = {}

    def on_apply(self, target: Any, *args: Any, callback: Any = None, **options: Any) -> thread.ApplyResult:
        """Have the next free thread work on a request, and remember which for as long as it takes."""
        result = super().on_apply(target, *args, callback=callback, **options)
        self._requests[result.f] = callback.__self__
        result.f.add_done_callback(lambda done: self._requests.pop(done, None))
        return result

    def give_back(self) -> None:
        """Give the broker back every message that no thread has begun with."""
        for future, request in tuple(self._requests.items()):
            if future.cancel():
                request.reject(requeue=True)

    def is_hopeless(self) -> bool:
        """Tell whether nothing is under way but steps that hang."""
        return len(self._requests) <= under_way.count_hopeless(time.monotonic())

    def on_stop(self) -> None:
        """Wait for steps under way, but not for those that hang, and for none once there is a cold shutdown."""
        self.executor.shutdown(wait=False, cancel_futures=True)
        while self._requests:
            if state.should_terminate is not None or self.is_hopeless():
                self.on_terminate()
            time.sleep(LOOK_S)
        super().on_stop()

    def on_terminate(self) -> None:
        """End the process; an exit in order would wait for every thread."""
        logging.shutdown()
        os._exit(EX_FAILURE)


concurrency.ALIASES["threads"] = f"{__name__}:TaskPool"
