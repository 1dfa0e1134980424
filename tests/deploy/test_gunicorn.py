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


def test_nobody_is_believed_unless_the_settings_say_so():
    settings = Config()
    for name in ("forwarded_allow_ips", "forwarder_headers"):
        settings.set(name, SETTINGS[name])

    assert (settings.forwarded_allow_ips, settings.forwarder_headers) == ([], [])


def test_a_process_that_stops_serves_who_has_come_and_refuses_who_comes_later():
    with socket.create_server(("127.0.0.1", 0)) as listener, selectors.DefaultSelector() as poller:
        door = listener.getsockname()
        worker = SETTINGS["worker_class"](0, os.getpid(), [listener], None, 30, Config(), None)
        worker.poller = poller
        worker.set_accept_enabled(True)
        with closing(worker.tmp), socket.create_connection(door):
            worker.alive = False
            worker.set_accept_enabled(False)

            assert worker.nr_conns == 1
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(door)
            worker.murder_keepalived(force=True)
