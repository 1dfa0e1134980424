"""A Docker engine where none answers, and stand-ins for images that cannot be had."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.processes import REPOSITORY

FOLDER = Path(__file__).parent
ENGINE = REPOSITORY / "build/docker"


@contextmanager
def engine() -> Iterator[None]:
    """Find a Docker engine, or start one for as long as the block lasts."""
    if shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:
        yield
        return
    os.environ["DOCKER_HOST"] = f"unix://{ENGINE}/docker.sock"
    subprocess.run([FOLDER / "engine", "up", ENGINE], check=True)
    try:
        yield
    finally:
        subprocess.run([FOLDER / "engine", "down", ENGINE], check=True)


def find_image(name: str) -> str:
    """Return an image that is here, can be had, or stands in."""
    for command in (["image", "inspect", name], ["pull", "--quiet", name]):
        if subprocess.run(["docker", *command], capture_output=True, check=False).returncode == 0:
            return name
    built = subprocess.run([FOLDER / "stand_ins/build", name], check=True, stdout=subprocess.PIPE, text=True)
    return built.stdout.strip()


def docker(*args: str) -> str:
    """Run Docker; return what it printed."""
    return subprocess.run(["docker", *args], capture_output=True, text=True, check=True).stdout
