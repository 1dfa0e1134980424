"""What the log says of each request."""

import re

import pytest

from tests.served import Served
from ticketflow.settings import Settings

ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+")


@pytest.mark.parametrize(("trusted", "client"), [((), "10.0.0.1"), (("10.0.0.0/8",), "203.0.113.7")])
def test_lines_name_the_client_and_believe_nobody_but_a_trusted_proxy(sessions, capsys, caplog, trusted, client):
    api = Served(sessions, settings=Settings(dispatcher=False, trusted_proxies=trusted))
    named = {"X-Forwarded-For": "198.51.100.1, 203.0.113.7"}

    with caplog.at_level("INFO"):
        api.get("/tickets", headers=named, environ_overrides={"REMOTE_ADDR": "10.0.0.1"})

    # Where they go depends on whether a test before this one has configured logging.
    lines = [*capsys.readouterr().out.splitlines(), *caplog.messages]
    (line,) = (line for line in lines if "request.finished" in line)
    assert ADDRESS.findall(line) == [client]
