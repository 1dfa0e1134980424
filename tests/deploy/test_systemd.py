"""The systemd units, as systemd itself reads them."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.harness.processes import REPOSITORY
from ticketflow.settings import Settings
from ticketflow.workflow.plan import ticket_plan

FOLDER = REPOSITORY / "deploy/systemd"
UNITS = sorted(path.name for path in (FOLDER / "system").iterdir() if path.is_file())
SERVICES = [unit for unit in UNITS if unit.endswith(".service")]
GUIDE = REPOSITORY / "docs/how-to/debian.md"

# What the machine brings, in name only: systemd wants to see that it is there.
OF_THE_MACHINE = ("sysinit", "basic", "shutdown", "sockets", "network-online", "multi-user")
PROGRAMS = ("celery", "gunicorn", "ticketflow")
# 0: may do nothing; 10: may do everything. What is left is the network and files that everybody may read.
MOST_EXPOSED = 1.5


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """Make the root of a machine that the units are installed on."""
    root = tmp_path_factory.mktemp("machine")
    shutil.copytree(FOLDER / "system", root / "etc/systemd/system")
    for target in OF_THE_MACHINE:
        (root / f"etc/systemd/system/{target}.target").write_text(f"[Unit]\nDescription={target}\n")
    for program in PROGRAMS:
        path = root / "opt/ticketflow/current/bin" / program
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o755)
    return root


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_understands_every_line_of(unit, machine):
    done = analyze(machine, "verify", "--man=no", name_instance(unit))

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unit", SERVICES)
def test_little_is_open_to(unit, machine):
    done = analyze(machine, "security", "--offline=true", "--no-pager", name_instance(unit))

    (exposure,) = re.findall(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert float(exposure) <= MOST_EXPOSED


def test_a_line_that_systemd_does_not_know_is_noticed(machine, tmp_path):
    root = tmp_path / "machine"
    shutil.copytree(machine, root)
    common = root / "etc/systemd/system/ticketflow-.service.d/common.conf"
    common.write_text(common.read_text().replace("PrivateTmp", "PrivatTmp"))

    assert "Unknown key 'PrivatTmp'" in analyze(root, "verify", "--man=no", "ticketflow-api.service").stderr


def test_a_worker_has_time_for_its_longest_step_before_it_is_killed():
    stop_s = int(read("system/ticketflow-worker@.service", "TimeoutStopSec"))

    assert stop_s > max(step.time_limit_s for step in ticket_plan().steps.values())


@pytest.mark.parametrize("service", [service for service in SERVICES if "migrate" not in service])
def test_is_started_again_whatever_ended_it(service):
    assert read(f"system/{service}", "Restart") == "always"
    assert read("system/ticketflow-.service.d/common.conf", "StartLimitIntervalSec") == "0"


def test_the_settings_are_some_that_exist():
    known = {f"TICKETFLOW_{name.upper()}" for name in Settings.model_fields}

    named = re.findall(r"^(\w+)=", (FOLDER / "ticketflow.env").read_text(), re.MULTILINE)
    assert named
    assert set(named) <= known


def test_every_file_is_in_the_guide():
    guide = GUIDE.read_text()

    assert [unit for unit in UNITS if unit.replace("@", "@1").removesuffix(".service") not in guide] == []
    assert [
        name for name in ("sysusers.d", "tmpfiles.d", "ticketflow.env", "ticketflow-run") if name not in guide
    ] == []


def analyze(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run systemd-analyze on a machine that is a folder."""
    command = ["systemd-analyze", f"--root={root}", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=30)


def name_instance(unit: str) -> str:
    """Name a unit that can be started: of a template its first instance."""
    return unit.replace("@.", "@1.")


def read(path: str, key: str) -> str:
    """Return what a unit says for a key."""
    (value,) = re.findall(rf"^{key}=(.*)$", (FOLDER / path).read_text(), re.MULTILINE)
    return str(value)
