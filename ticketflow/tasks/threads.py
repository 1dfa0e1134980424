"""The pool of threads, with an end that does not wait for ever.

A thread cannot be killed. Celery's pool therefore fails when it is asked to (celery#10490), and a cold
shutdown waits for steps that hang. Here it ends the process instead: what was under way was not
acknowledged, so the broker gives it to another worker, and the fence keeps its effect single.
"""

import logging
import os

from celery import concurrency
from celery.concurrency import thread
from celery.platforms import EX_FAILURE
from celery.worker import state

LOOK_S = 0.1


class TaskPool(thread.TaskPool):
    """Celery's pool; a cold shutdown ends the process under its threads."""

    def on_stop(self) -> None:
        """Wait for steps under way, until somebody asks for a cold shutdown."""
        self.executor.shutdown(wait=False, cancel_futures=True)
        for worker in tuple(self.executor._threads):  # noqa: SLF001  # as Celery's own pool does
            while worker.is_alive():
                worker.join(LOOK_S)
                if state.should_terminate is not None:
                    self.on_terminate()
        super().on_stop()

    def on_terminate(self) -> None:
        """End the process; an exit in order would wait for every thread."""
        logging.shutdown()
        os._exit(EX_FAILURE)


concurrency.ALIASES["threads"] = f"{__name__}:TaskPool"
