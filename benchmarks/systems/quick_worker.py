"""The product's Celery app with steps that do nothing, and threads that tell the kernel their names.

Environment:
    BENCH_UNSEEN: Counts nothing and tells Flower nothing, to see what that costs; nobody needs a setting for it.
    BENCH_STEP_S: How long each step waits as if for a model, in seconds (not at all).
"""

import ctypes
import os
import threading
import time
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import other_checkout  # noqa: F401  # before any of tests is imported
from prometheus_client import Counter, Gauge, Histogram

from tests.fakes import fake_tools
from ticketflow.tasks import app, runtime
from ticketflow.workflow.approval import ApprovalPolicy
from ticketflow.workflow.plan import Plan
from ticketflow.workflow.ports import Tools

__all__ = ["app"]

PR_SET_NAME = 15  # prctl(2)
_libc = ctypes.CDLL(None)
_run_thread = threading.Thread._bootstrap_inner  # noqa: SLF001  # CPython names threads for the kernel from 3.14 on


def _run_named(thread: threading.Thread) -> None:
    _libc.prctl(PR_SET_NAME, thread.name.encode()[:15], 0, 0, 0)
    _run_thread(thread)


threading.Thread._bootstrap_inner = _run_named  # noqa: SLF001
runtime.build_tools = lambda *_: fake_tools(approval=ApprovalPolicy(mode="never"))

STEP_S = float(os.environ.get("BENCH_STEP_S", "0"))
_think = Plan.run


def _wait_and_think(plan: Plan, step: str, state: Mapping[str, Any], tools: Tools) -> Mapping[str, Any]:
    time.sleep(STEP_S)
    return _think(plan, step, state, tools)


if STEP_S:
    Plan.run = _wait_and_think


def _turn_off() -> None:
    app.conf.worker_send_task_events = app.conf.task_send_sent_event = False
    for kind in (Counter, Gauge, Histogram):
        kind.labels = lambda self, *_: self
    Counter.inc = Gauge.set = Gauge.set_to_current_time = Histogram.observe = lambda *_: None
    Histogram.time = lambda _: nullcontext()


if "BENCH_UNSEEN" in os.environ:
    _turn_off()
