"""How gunicorn serves the API: ``gunicorn -c deploy/gunicorn.conf.py wsgi:app``, from a checkout and in the image.

The number of processes is gunicorn's own variable, ``WEB_CONCURRENCY``; unset means one.
"""

import os
import select
import shutil
import tempfile
from pathlib import Path
from typing import Any

from gunicorn.systemd import sd_notify
from gunicorn.workers.gthread import ThreadWorker

from ticketflow.observability.shared_metrics import share_metrics
from ticketflow.settings import load_settings

_settings = load_settings()

# TICKETFLOW_HOST is 127.0.0.1 unless somebody says otherwise; the image does, because there a published port leads in.
bind = f"{_settings.host}:{_settings.port}"


class Worker(ThreadWorker):
    """Lets nobody in any more once it is told to stop.

    gunicorn's own leaves the door open until it is done: who comes meanwhile waits for nobody, and is cut off at last.
    Who is refused can safely come again, as a proxy does.
    """

    def set_accept_enabled(self, enabled: bool | None) -> None:  # noqa: FBT001  # gunicorn's signature
        """Begin or cease to let in; for good, after those who are at the door already, when the worker stops."""
        super().set_accept_enabled(enabled)
        while not self.alive and self.sockets:
            listener = self.sockets.pop()
            while select.select([listener], [], [], 0)[0]:
                self.accept(listener)
            listener.close()


# Requests wait for Postgres or for a ticket, hardly ever for the processor: threads. Long polls and streams may take
# 24 of them (WAITING_SEATS in ticketflow/api/backend.py); the other eight keep taking tickets in.
worker_class = Worker
threads = 32

# Longer than proxies keep an idle connection (nginx and AWS a minute, Caddy two): who sends the requests has to be the
# one that hangs up, or some are sent to nobody.
keepalive = 150

# Each process dispatches tickets from a thread that `wsgi` starts, and a thread does not survive a fork: every process
# loads the application itself.
preload_app = False

# A request that stores something takes milliseconds. A long poll or a stream that is cut short loses nothing: its
# caller asks again, so a restart need not wait for it.
graceful_timeout = 10

# Its lines go where ours go, in the same format. `accesslog = "-"` adds its own line per request to `request.finished`.
logger_class = "ticketflow.observability.gunicorn.Logger"

# gunicorn 27 opens a control socket in the home folder, which is read-only in the image, and nothing here uses it.
control_socket_disable = True


def on_starting(server: Any) -> None:
    """Make the folder in which the processes add up what they count for /metrics; empty at each start."""
    server.metrics_folder = tempfile.mkdtemp(prefix="ticketflow-metrics-")
    # gunicorn would tell systemd that it is ready before any process has loaded the application.
    server.notify_socket = os.environ.pop("NOTIFY_SOCKET", None)


def pre_fork(server: Any, worker: Any) -> None:
    """Give a process the first free place: the numbers of the one that had it before are its own from now on."""
    taken = {other.place for other in server.WORKERS.values()}
    worker.place = min(set(range(len(taken) + 1)) - taken)


def post_fork(server: Any, worker: Any) -> None:
    """Let a process count in the common folder, before it loads the application."""
    share_metrics(Path(server.metrics_folder), lambda: worker.place)
    if server.notify_socket is not None:
        os.environ["NOTIFY_SOCKET"] = server.notify_socket


def post_worker_init(worker: Any) -> None:
    """Tell systemd, if that is who started us, that requests are answered from now on."""
    sd_notify("READY=1", worker.log, unset_environment=True)


def on_exit(server: Any) -> None:
    """Remove the folder."""
    shutil.rmtree(server.metrics_folder, ignore_errors=True)
