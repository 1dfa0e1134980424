"""What the log says of each request."""

import pytest

from tests.served import Served
from ticketflow.settings import Settings


@pytest.mark.parametrize(("trusted", "client"), [((), "10.0.0.1"), (("10.0.0.0/8",), "203.0.113.7")])
def test_lines_name_the_client_and_believe_nobody_but_a_trusted_proxy(sessions, capsys, trusted, client):
    api = Served(sessions, settings=Settings(dispatcher=False, trusted_proxies=trusted))
    named = {"X-Forwarded-For": "198.51.100.1, 203.0.113.7"}

    api.get("/tickets", headers=named, environ_overrides={"REMOTE_ADDR": "10.0.0.1"})

    (line,) = (line for line in capsys.readouterr().out.splitlines() if "request.finished" in line)
    assert f"client={client} " in line
