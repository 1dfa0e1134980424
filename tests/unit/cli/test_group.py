import subprocess
import sys

import click
import pytest
from click.testing import CliRunner, Result

from tests.harness.processes import REPOSITORY
from ticketflow.cli import COMMANDS, main
from ticketflow.cli.group import CommandLine, LazyCommand
from ticketflow.settings import load_settings

TOY_COMMANDS = {
    "end": LazyCommand("tests.unit.cli.toy:end", "End in a way."),
    "succeed": LazyCommand("tests.unit.cli.toy:succeed", "Do it."),
}


@click.command(cls=CommandLine, commands=TOY_COMMANDS)
@click.option("--debug", is_flag=True)
def toy(debug):
    """Be a toy."""


@pytest.fixture
def run(monkeypatch):
    """Run the toy with default settings."""
    monkeypatch.delenv("TICKETFLOW_DATABASE_URL", raising=False)
    load_settings.cache_clear()

    def invoke(*args: str) -> Result:
        return CliRunner().invoke(toy, args, prog_name="toy")

    yield invoke
    load_settings.cache_clear()


@pytest.mark.parametrize(
    ("way", "code", "line"),
    [
        ("wrong-input", 2, "error: subject: too long"),
        ("wrong-setting", 2, "error: TICKETFLOW_PORT: must be a number"),
        ("missing", 1, "error: no ticket 1"),
        ("interrupted", 130, "stopped"),
        ("bug", 1, "error: unexpected ZeroDivisionError: division by zero (TICKETFLOW_LOG_LEVEL=debug shows where)"),
        (
            "old-database",
            1,
            'error: the database is not up to date (relation "tickets" does not exist); run `ticketflow db upgrade`',
        ),
        ("no-file", 2, "error: a.jsonl: No such file or directory"),
        ("failed", 1, ""),
    ],
)
def test_an_end_is_one_line_and_a_code(run, way, code, line):
    result = run("end", way)

    assert (result.exit_code, result.stdout, result.stderr.strip()) == (code, "", line)


def test_an_embedded_database_that_is_away_is_to_be_started(run):
    result = run("end", "no-database")

    assert result.exit_code == 1
    assert "connection refused; start the embedded one with `ticketflow up`" in result.stderr


def test_an_own_database_that_is_away_is_to_be_checked(run, monkeypatch):
    monkeypatch.setenv("TICKETFLOW_DATABASE_URL", "postgresql://db.test/x")

    result = run("end", "no-database")

    assert "connection refused; check TICKETFLOW_DATABASE_URL" in result.stderr


@pytest.mark.parametrize("args", [["nonsense"], ["end"], ["succeed", "--nonsense"], ["--nonsense"]])
def test_wrong_usage_is_one_line_and_code_2(run, args):
    result = run(*args)

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_without_a_command_help_is_shown_and_the_code_is_2(run):
    result = run()

    assert result.exit_code == 2
    assert "End in a way." in result.stderr


def test_success_is_code_0(run):
    result = run("succeed")

    assert (result.exit_code, result.stdout, result.stderr) == (0, "done\n", "")


def test_debug_shows_the_traceback_of_a_bug(run):
    result = run("--debug", "end", "bug")

    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert result.stderr.strip().splitlines()[-1].startswith("error: unexpected ZeroDivisionError")


def test_the_log_level_debug_shows_it_too(run, monkeypatch):
    monkeypatch.setenv("TICKETFLOW_LOG_LEVEL", "debug")

    assert "Traceback" in run("end", "bug").stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_imported_and_has_help(name):
    command = main.get_command(click.Context(main), name)

    assert command is not None
    assert command.help


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from ticketflow.cli import main\n"
        "try: main(['--help'], 'ticketflow')\n"
        "except SystemExit: print(*sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, text=True, capture_output=True)

    loaded = set(done.stdout.splitlines()[-1].split())
    assert loaded & {"sqlalchemy", "celery", "langgraph", "numpy", "httpx", "rich", "pydantic"} == set()
