import socket


def test_a_port_that_is_taken_is_said_in_one_line(run):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        ended = run("exporter", "--port", str(port))

    assert ended.exit_code == 2
    assert ended.stderr.splitlines() == [
        f"error: port {port} on 127.0.0.1: Address already in use; choose another with --port"
    ]
