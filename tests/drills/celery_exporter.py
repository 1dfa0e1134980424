"""The Celery exporter, in an environment of its own: it pins versions that are not ours."""

import subprocess
import venv
from pathlib import Path

from tests.harness.processes import REPOSITORY, RunningProgram, start_process

REQUIREMENT = "prometheus-exporter-celery==0.11.2"
ENVIRONMENT = REPOSITORY / "build/celery-exporter"
# The package brings no command, and a module that is called `src`.
CODE = "from src.cli import cli; cli(auto_envvar_prefix='CE')"


def start_celery_exporter(broker_url: str, port: int, log_path: Path, worker_timeout_s: int = 60) -> RunningProgram:
    """Start it on 127.0.0.1, after making its environment where there is none; it is not waited for."""
    python = ENVIRONMENT / "bin/python"
    if not python.exists():
        venv.create(ENVIRONMENT, with_pip=True)
        subprocess.run([python, "-m", "pip", "--quiet", "install", REQUIREMENT], check=True)
    env = {"CE_BROKER_URL": broker_url, "CE_HOST": "127.0.0.1", "CE_PORT": str(port)}
    more = {"CE_RETRY_INTERVAL": "1", "CE_WORKER_TIMEOUT": str(worker_timeout_s)}
    return start_process([python, "-c", CODE], env | more, log_path)
