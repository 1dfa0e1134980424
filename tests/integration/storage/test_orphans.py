"""Children that end with a parent that was killed, as kindly as they are asked to."""

import signal
import subprocess
import sys

import pytest

from tests.harness.wait import wait_until
from ticketflow.storage.orphans import end_with_parent

# The child says what it was ended by; whoever made it does nothing but wait.
CHILD = """
import pathlib, signal, sys
said = pathlib.Path(sys.argv[1])
def end(number, _):
    said.write_text(signal.Signals(number).name)
    sys.exit()
for each in (signal.SIGTERM, signal.SIGINT):
    signal.signal(each, end)
signal.alarm(60)  # whatever goes wrong
said.write_text("ready")
signal.pause()
"""
PARENT = """
import signal, subprocess, sys
from ticketflow.storage.orphans import end_with_parent
child, by, said = sys.argv[1:]
subprocess.run([sys.executable, "-c", child, said], preexec_fn=end_with_parent(signal.Signals[by]))
"""


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_a_child_is_asked_to_end_when_its_parent_is_killed(tmp_path, by):
    said = tmp_path / "said"
    said.touch()
    parent = subprocess.Popen([sys.executable, "-c", PARENT, CHILD, by.name, said])
    wait_until(lambda: said.read_text() == "ready")

    parent.kill()
    parent.wait()

    assert wait_until(lambda: said.read_text().removeprefix("ready")) == by.name


def test_where_the_kernel_has_no_such_call_nothing_is_asked(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")

    assert end_with_parent(signal.SIGTERM) is None
