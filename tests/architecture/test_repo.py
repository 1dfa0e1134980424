"""The repository is complete, and knows nothing of the machine it was written on."""

import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.harness.processes import REPOSITORY

REQUIRED = (
    ".ci/run",
    ".gitignore",
    "LICENSE",
    "Makefile",
    "docker-compose.yml",
    "deploy/Dockerfile",
    "grafana/dashboards/ticket-flow.json",
    "README.md",
    "alembic/env.py",
    "alembic/script.py.mako",
    "alembic/versions",
    "celeryconfig.py",
    "deploy",
    "docs",
    "grafana",
    "pyproject.toml",
    "setup.cfg",
    "tests",
    "ticketflow",
    "wsgi.py",
)

# Taken apart, so that this file does not name them itself.
MACHINE_PATHS = re.compile(r"(?<![\w.}/-])/(?:wo" r"rk|ro" r"ot)/\w")
REGISTRY_HOSTS = re.compile(
    r"\b(?:pypi\." r"org|pythonhosted\." r"org|registry\.npmjs\." r"org|deb\.debian\." r"org)\b"
)


@pytest.mark.parametrize("entry", REQUIRED)
def test_the_repository_has(entry: str):
    assert (REPOSITORY / entry).exists()


@pytest.mark.parametrize("pattern", [MACHINE_PATHS, REGISTRY_HOSTS], ids=["path of a machine", "registry host"])
def test_no_file_names_a(pattern: re.Pattern[str]):
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}: {match.group()}"
        for path in list_files()
        for number, line in enumerate(read_text(path).splitlines(), start=1)
        if (match := pattern.search(line))
    ]

    assert found == []


def test_setup_cfg_lists_every_package():
    config = ConfigParser(interpolation=None)
    config.read(REPOSITORY / "setup.cfg")
    packages = {
        ".".join(path.parent.relative_to(REPOSITORY).parts) for path in (REPOSITORY / "ticketflow").rglob("*.py")
    }

    assert set(config["options"]["packages"].split()) == packages | {
        "ticketflow.migrations",
        "ticketflow.migrations.versions",
    }


def test_the_folder_of_migrations_does_not_shadow_the_library():
    code = "import alembic.command; print(alembic.__file__)"

    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, text=True, capture_output=True)

    assert not Path(done.stdout.strip()).is_relative_to(REPOSITORY / "alembic")


def list_files() -> list[Path]:
    """Return the files git tracks, or would track."""
    git = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(git, cwd=REPOSITORY, check=True, text=True, capture_output=True).stdout
    return [path for name in names.split("\0") if name and (path := REPOSITORY / name).is_file()]


def read_text(path: Path) -> str:
    """Return a file's text; nothing for a binary one."""
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""
