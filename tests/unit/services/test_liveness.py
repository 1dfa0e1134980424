"""What the system says of a process, read from a folder like /proc."""

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from ticketflow.services import liveness
from ticketflow.services.liveness import Pulse, describe_process, is_alive, read_birth
from ticketflow.storage.holders import Process

BOOT = "3f0c"
REST = " ".join(str(field) for field in range(4, 22))  # proc(5): what lies between a state and the 22nd field


@pytest.fixture
def proc(tmp_path, monkeypatch) -> Path:
    """Give a /proc that says nothing of any process."""
    (tmp_path / "sys/kernel/random").mkdir(parents=True)
    (tmp_path / "sys/kernel/random/boot_id").write_text(f"{BOOT}\n")
    (tmp_path / "self/ns").mkdir(parents=True)
    (tmp_path / "self/ns/pid").symlink_to("pid:[40]")
    monkeypatch.setattr(liveness, "_PROC", tmp_path)
    return tmp_path


def run(proc: Path, pid: int, born: int, name: str = "python", state: str = "S") -> None:
    """Let a process be seen."""
    (proc / f"{pid}").mkdir(exist_ok=True)
    (proc / f"{pid}/stat").write_text(f"{pid} ({name}) {state} {REST} {born} 23 24\n")


HERE = Process(uuid4(), f"{BOOT}/pid:[40]", 7, 99)


@pytest.mark.parametrize("name", ["python", "a b", "a) R 1 (b"])
def test_when_a_process_was_started_is_the_22nd_field_whatever_its_name(proc, name):
    run(proc, 7, 99, name)

    assert read_birth(7) == 99


@pytest.mark.parametrize(("state", "born"), [("R", 99), ("D", 99), ("T", 99), ("Z", None), ("X", None)])
def test_who_is_dead_and_not_yet_buried_is_gone(proc, state, born):
    run(proc, 7, 99, state=state)

    assert read_birth(7) == born
    assert read_birth(8) is None


def test_a_process_is_alive_that_has_its_number_since_it_was_started(proc):
    run(proc, 7, 99)

    assert is_alive(HERE) is True
    assert is_alive(replace(HERE, born=98)) is False
    assert is_alive(replace(HERE, pid=8)) is False


def test_of_a_process_elsewhere_or_unknown_nothing_is_known(proc):
    run(proc, 7, 99)

    assert is_alive(None) is None
    assert is_alive(replace(HERE, host=f"{BOOT}/pid:[41]")) is None
    assert is_alive(replace(HERE, host="else/pid:[40]")) is None
    assert is_alive(replace(HERE, born=0)) is None


def test_where_the_system_tells_nothing_nobody_is_known(monkeypatch, tmp_path):
    monkeypatch.setattr(liveness, "_PROC", tmp_path)

    process = describe_process()

    assert (process.host, process.born) == ("", 0)
    assert is_alive(process) is None
    assert is_alive(replace(process, born=1)) is None


def test_a_heart_beats_three_times_in_a_lease():
    assert Pulse(None, HERE, 15.0)._beat_s == 5.0  # noqa: SLF001  # it beats from a thread, for ever
