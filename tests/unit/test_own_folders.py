"""What processes leave among the temporary files when they are killed."""

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from ticketflow.own_folders import keep_folder, temporary_folder

MAKE = "from ticketflow.own_folders import keep_folder as k; print(k('numbers'), flush=True); "
HOLD = MAKE + "input()"
# The child of a worker that is gone still counts.
FORK = MAKE + "import os; os.fork() and os._exit(0); input()"
# As gunicorn ends its processes.
CHILD = MAKE + "import os, sys; pid = os.fork(); pid or sys.exit(); os.wait(); print('gone', flush=True); input()"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@contextmanager
def running(code: str):
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.stdin.close()


def make_another(code: str = MAKE) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_a_folder_goes_with_its_process(folder):
    make_another()

    assert list(folder.iterdir()) == []


def test_what_killed_processes_left_is_removed_by_the_next_start(folder):
    for _ in range(2):
        with running(HOLD) as (process, _):
            process.send_signal(signal.SIGKILL)
            process.wait()
    (folder / "ticketflow-numbers-by-hand").mkdir()
    assert len(list(folder.iterdir())) == 2  # the second has removed the first

    make_another()

    assert list(folder.iterdir()) == []


def test_the_folder_of_a_process_that_lives_stays(folder):
    with running(HOLD) as (_, theirs):
        make_another()

        assert [str(path) for path in folder.iterdir()] == [theirs]


def test_the_folder_of_a_child_that_outlives_its_parent_stays(folder):
    with running(FORK) as (process, theirs):
        process.wait()
        make_another()

        assert [str(path) for path in folder.iterdir()] == [theirs]


def test_a_child_that_ends_leaves_the_folder_to_its_parent():
    with running(CHILD) as (process, theirs):
        assert process.stdout.readline() == "gone\n"
        assert Path(theirs).is_dir()


def test_nothing_is_followed_that_somebody_else_has_put_there(folder):
    elsewhere = folder / "elsewhere"
    elsewhere.mkdir()
    (folder / "ticketflow-numbers-link").symlink_to(elsewhere)
    (folder / "ticketflow-numbers-file").touch()
    (folder / "ticketflow-other-1").mkdir()

    with temporary_folder("numbers") as made:
        assert made.is_dir()

    assert {path.name for path in folder.iterdir()} == {
        "elsewhere", "ticketflow-numbers-link", "ticketflow-numbers-file", "ticketflow-other-1"
    }  # fmt: skip


def test_folders_of_another_account_stay(folder, monkeypatch):
    (folder / "ticketflow-numbers-theirs").mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)

    with temporary_folder("numbers"):
        pass

    assert [path.name for path in folder.iterdir()] == ["ticketflow-numbers-theirs"]


def test_a_folder_that_is_cleaned_away_before_it_is_held_is_made_again(folder, monkeypatch):
    made = []

    def make(prefix: str) -> str:
        made.append(make_for_good(prefix=prefix))
        if len(made) == 1:
            Path(made[0]).rmdir()
        return made[-1]

    make_for_good = tempfile.mkdtemp
    monkeypatch.setattr(tempfile, "mkdtemp", make)

    with temporary_folder("numbers") as kept:
        assert str(kept) == made[1]


def test_a_kept_folder_can_be_had_twice():
    assert keep_folder("numbers") != keep_folder("numbers")
