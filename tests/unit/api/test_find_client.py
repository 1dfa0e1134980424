"""Whom the log names."""

import pytest

from ticketflow.api.request_log import find_client

CALLER = "203.0.113.7"


@pytest.mark.parametrize(
    ("peer", "named", "trusted", "client"),
    [
        (CALLER, None, (), CALLER),
        (CALLER, "198.51.100.1", (), CALLER),
        (CALLER, "198.51.100.1", ("10.0.0.0/8",), CALLER),
        ("10.0.0.1", CALLER, (), "10.0.0.1"),
        ("10.0.0.1", CALLER, ("10.0.0.0/8",), CALLER),
        ("10.0.0.1", f"198.51.100.1, {CALLER}", ("10.0.0.0/8",), CALLER),
        ("10.0.0.1", f"{CALLER}, 10.0.0.2", ("10.0.0.0/8",), CALLER),
        ("10.0.0.1", f"198.51.100.1,{CALLER},10.9.9.9", ("10.0.0.0/8",), CALLER),
        ("10.0.0.1", f"{CALLER}:4711", ("10.0.0.1",), CALLER),
        ("::1", "[2001:db8::7]:4711", ("::1/128",), "2001:db8::7"),
        ("::ffff:10.0.0.1", CALLER, ("10.0.0.1",), CALLER),
        ("10.0.0.1", "unknown", ("10.0.0.1",), "10.0.0.1"),
        ("10.0.0.1", "", ("10.0.0.1",), "10.0.0.1"),
        ("10.0.0.1", "10.0.0.2", ("10.0.0.0/8",), "10.0.0.2"),
        ("", CALLER, ("10.0.0.0/8",), "unix"),
    ],
)
def test_a_client_is_who_a_trusted_proxy_says(peer, named, trusted, client):
    environ = {"REMOTE_ADDR": peer} | ({"HTTP_X_FORWARDED_FOR": named} if named is not None else {})

    assert find_client(environ, trusted) == client
