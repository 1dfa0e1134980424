"""The product's Celery app with steps that do nothing, and threads that tell the kernel their names."""

import ctypes
import threading

from tests.fakes import fake_tools
from ticketflow.tasks import app, runtime
from ticketflow.workflow.approval import ApprovalPolicy

__all__ = ["app"]

PR_SET_NAME = 15  # prctl(2)
_libc = ctypes.CDLL(None)
_run_thread = threading.Thread._bootstrap_inner  # noqa: SLF001  # CPython names threads for the kernel from 3.14 on


def _run_named(thread: threading.Thread) -> None:
    _libc.prctl(PR_SET_NAME, thread.name.encode()[:15], 0, 0, 0)
    _run_thread(thread)


threading.Thread._bootstrap_inner = _run_named  # noqa: SLF001
runtime.build_tools = lambda *_: fake_tools(approval=ApprovalPolicy(mode="never"))
