"""A newcomer who types what the tutorial says gets what it promises."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness.pages import list_commands
from tests.harness.processes import REPOSITORY, find_free_port, start_process
from tests.systems import new_client

PAGE = (REPOSITORY / "docs/tutorial.md").read_text()
# What the first start loads; the sample tickets are left out, for the time they take.
SAMPLE_ARTICLES = "```sh\nticketflow articles import --sample\n```"
PROGRAMS = Path(sys.executable).parent


@contextmanager
def make_run(directory: Path, port: int, log: str, **settings: str):
    """Start what ``make run`` starts, and stop it."""
    env = {"TICKETFLOW_DATA_DIR": str(directory / "tutorial"), "TICKETFLOW_PORT": str(port), **settings}
    with start_process([PROGRAMS / "ticketflow", "up", "--no-samples"], env, directory / log) as program:
        program.wait_for_log("Ctrl-C stops everything", timeout_s=120)
        key = (directory / "tutorial" / "cli.key").read_text().strip()
        yield {**os.environ, **env, "TICKETFLOW_API_KEY": key, "PATH": f"{PROGRAMS}:{os.environ['PATH']}"}


def type_in(text: str, env: dict[str, str], folder: Path) -> str:
    """Type every command of a text into one shell that ends at the first error; return what it shows."""
    typed = "\n".join(list_commands(text)).replace(":8080", f":{env['TICKETFLOW_PORT']}")
    shell = ["bash", "-euo", "pipefail", "-c", typed]
    done = subprocess.run(shell, env=env, cwd=folder, capture_output=True, text=True, check=False, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.embedded
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_tutorial_does_what_it_says(server_directory, tmp_path):
    (tmp_path / "ticketflow").symlink_to(REPOSITORY / "ticketflow")
    before, restart, after = PAGE.partition("\n## Look over a draft\n")
    assert restart
    port = find_free_port()

    with make_run(server_directory, port, "first.log") as env:
        type_in(SAMPLE_ARTICLES, env, tmp_path)
        shown = type_in(before, env, tmp_path)
    with make_run(server_directory, port, "again.log", TICKETFLOW_APPROVAL="always") as env:
        shown_then = type_in(after, env, tmp_path)
        with new_client(port, env["TICKETFLOW_API_KEY"]) as client:
            gears, squeal = (
                client.get("/tickets", params={"q": word}).json()["tickets"][0] for word in ("gears", "squealing")
            )

    assert shown.index("routed, 1 draft") < shown.index("answered, 1 draft, 100%")
    assert gears["category"] == "workshop"
    assert "approval.given" in shown_then
    assert squeal["final_response"].strip().endswith("Your workshop")
