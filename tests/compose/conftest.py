"""What the drills of this folder share: docker-compose.yml, brought up once."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.compose.docker import docker
from tests.compose.stack import Stack
from tests.harness.wait import wait_until


@pytest.fixture(scope="session")
def stack(server_directory: Path) -> Iterator[Stack]:
    """Bring the file up once; nothing of it is left when the tests are done."""
    folder = server_directory / "compose"
    folder.mkdir()
    stack = Stack(folder)
    try:
        figures = {"up_to_healthy_s": round(stack.up(), 1)}
        with stack.opened():
            figures["api_start_s"] = time_start(stack, "api", lambda: is_ready(stack))
            figures["worker_start_s"] = time_start(stack, "worker", lambda: is_ready_again(stack, "worker"))
            yield stack
    finally:
        stack.down()
    assert not any(stack.list_leftovers().values()), stack.list_leftovers()
    Path(os.environ["COMPOSE_TEST_REPORT"]).write_text(json.dumps(figures))


def time_start(stack: Stack, service: str, is_up: Callable[[], bool]) -> float:
    """Start a container anew; return the seconds from its start until it works."""
    (container, *_) = stack.list_containers(service)
    docker("stop", container)
    begun_at = time.monotonic()
    docker("start", container)
    wait_until(is_up, 60, f"{service} is up")
    return round(time.monotonic() - begun_at, 1)


def is_ready(stack: Stack) -> bool:
    """Tell whether the API takes tickets."""
    try:
        return stack.api.get("/readyz").is_success
    except httpx.TransportError:
        return False


def is_ready_again(stack: Stack, service: str) -> bool:
    """Tell whether the first container of a service says for the second time that it is ready."""
    (container, *_) = stack.list_containers(service)
    said = subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=True)
    return (said.stdout + said.stderr).count("ready.") == 2


@pytest.fixture
def put_back(stack: Stack) -> Iterator[None]:
    """Bring the stack back to what it is by default, after a test that changes it."""
    yield
    stack.configure()
    stack.up("--remove-orphans")
