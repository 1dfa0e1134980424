"""How gunicorn serves the API in production: ``gunicorn -c python:ticketflow.server.production wsgi:app``.

The number of processes is gunicorn's own variable, ``WEB_CONCURRENCY``; unset means one.
"""

import os
from typing import Any

from gunicorn.systemd import sd_notify

from ticketflow.observability.shared_metrics import share_metrics
from ticketflow.own_folders import keep_folder
from ticketflow.server.config import *  # noqa: F403  # what holds wherever the API runs
from ticketflow.settings import load_settings

_settings = load_settings()

# TICKETFLOW_HOST is 127.0.0.1 unless somebody says otherwise; the image does, because there a published port leads in.
bind = f"{_settings.host}:{_settings.port}"


# Each process dispatches tickets from a thread that `wsgi` starts, and a thread does not survive a fork: every process
# loads the application itself.
preload_app = False

# A request that stores something takes milliseconds. A long poll or a stream that is cut short loses nothing: its
# caller asks again, so a restart need not wait for it.
graceful_timeout = 10


def on_starting(server: Any) -> None:
    """Make the folder in which the processes add up what they count for /metrics; empty at each start."""
    server.metrics_folder = keep_folder("metrics")
    # gunicorn would tell systemd that it is ready before any process has loaded the application.
    server.notify_socket = os.environ.pop("NOTIFY_SOCKET", None)


def pre_fork(server: Any, worker: Any) -> None:
    """Give a process the first free place: the numbers of the one that had it before are its own from now on."""
    taken = {other.place for other in server.WORKERS.values()}
    worker.place = min(set(range(len(taken) + 1)) - taken)


def post_fork(server: Any, worker: Any) -> None:
    """Let a process count in the common folder, before it loads the application."""
    share_metrics(server.metrics_folder, lambda: worker.place)
    if server.notify_socket is not None:
        os.environ["NOTIFY_SOCKET"] = server.notify_socket


def post_worker_init(worker: Any) -> None:
    """Tell systemd, if that is who started us, that requests are answered from now on."""
    sd_notify("READY=1", worker.log, unset_environment=True)
