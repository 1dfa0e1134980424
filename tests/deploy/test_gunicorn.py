"""How deploy/gunicorn.conf.py has the API begin and end connections."""

import os
import runpy
import selectors
import socket
from contextlib import closing

import pytest
from gunicorn.config import Config

from tests.harness.processes import REPOSITORY

SETTINGS = runpy.run_path(str(REPOSITORY / "deploy/gunicorn.conf.py"))
CADDY_KEEPS_S = 120


def test_a_proxy_is_the_first_to_hang_up():
    assert SETTINGS["keepalive"] > CADDY_KEEPS_S


def test_a_process_that_stops_serves_who_has_come_and_refuses_who_comes_later():
    class Worker(SETTINGS["worker_class"]):
        def enqueue_req(self, conn):
            served.append(conn.client)
            conn.close()

    served = []
    with socket.create_server(("127.0.0.1", 0)) as listener, selectors.DefaultSelector() as poller:
        door = listener.getsockname()
        worker = Worker(0, os.getpid(), [listener], None, 30, Config(), None)
        worker.poller = poller
        worker.set_accept_enabled(True)
        with closing(worker.tmp), socket.create_connection(door) as caller:
            worker.alive = False
            worker.set_accept_enabled(False)

            assert served == [caller.getsockname()]
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(door)
