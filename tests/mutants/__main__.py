"""Put each mutant of the list into a copy of the tree and see whether the tests of its place notice.

``python -m tests.mutants [--jobs N] [PART OF A PATH …]``: all places, or those whose path has one of the parts in it.

No run pays for what it has in common with the others: a PostgreSQL server, and a process that has imported everything
but our own code, of which each run is a fork.
"""

import argparse
import compileall
import importlib
import json
import os
import py_compile
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import click
import pytest

from tests.harness.postgres import Postgres
from tests.mutants.catalogue import REPOSITORY, Mutant, Place, StaleMutantError, read_places

WANTED = 0.95
# A test that hangs fails by pytest's own time limit; this is for what hangs outside of any, on however busy a machine.
LONGEST_S = 1200.0
QUIET = ("-x", "-q", "--no-header", "--tb=short", "-p", "no:randomly", "-p", "no:cacheprovider")
# What is imported before pytest looks for it keeps its bare asserts, and it warns of that.
NO_WARNING = ("-W", "ignore::pytest.PytestAssertRewriteWarning")
FAILED = (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
NOT_IMPORTED = 90
TOO_LONG = -signal.SIGKILL


@dataclass
class Run:
    """A run of the tests of a place: with a mutant, or without one to see that they pass.

    Attributes:
        source: The file as it is in the tree otherwise.
        ends_at: When it has taken too long; seconds on the monotonic clock.
    """

    place: Place
    mutant: Mutant | None
    tree: Path = Path()
    source: str = ""
    pid: int = 0
    ends_at: float = 0.0


@dataclass
class Findings:
    """What came out."""

    caught: list[Mutant] = field(default_factory=list)
    survivors: list[Mutant] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def take(self, run: Run, code: int) -> None:
        """Judge a run by how pytest ended."""
        if run.mutant is None:
            if code != pytest.ExitCode.OK:
                self.errors.append(f"{run.place.file}: its tests fail without any mutant\n{read_output(run.tree)}")
        elif code == pytest.ExitCode.OK:
            self.survivors.append(run.mutant)
            click.echo(f"SURVIVED {run.mutant}")
        elif code in FAILED:
            self.caught.append(run.mutant)
        elif code == TOO_LONG:
            self.errors.append(f"{run.mutant}\n    took more than {LONGEST_S:.0f} s\n{read_output(run.tree)}")
        elif code == NOT_IMPORTED:
            self.errors.append(f"{run.mutant}\n    its tests do not import the file: they cannot notice")
        else:
            self.errors.append(f"{run.mutant}\n    pytest ended with {code}\n{read_output(run.tree)}")

    def report(self) -> int:
        """Say what came out; return the exit status."""
        for error in self.errors:
            click.echo(f"ERROR {error}")
        count = len(self.caught) + len(self.survivors)
        rest = f"{len(self.survivors)} survived; {len(self.errors)} errors"
        click.echo(f"{len(self.caught)} of {count} mutants caught; {rest}")
        spared = Counter(survivor.file for survivor in self.survivors)
        for file, survived in spared.most_common():
            click.echo(f"  {survived} in {file}")
        fences_hold = not any(file.startswith("ticketflow/storage/") for file in spared)
        return 0 if not self.errors and fences_hold and len(self.caught) >= WANTED * count else 1


def main() -> int:
    """Try the mutants."""
    arguments = argparse.ArgumentParser(prog="python -m tests.mutants", description="Try the list of mutants.")
    arguments.add_argument("--jobs", type=int, default=2, help="runs side by side (2)")
    arguments.add_argument("parts", nargs="*", metavar="PART", help="of the paths to try; all when left out")
    wanted = arguments.parse_args()
    places = [place for place in read_places() if not wanted.parts or any(part in place.file for part in wanted.parts)]
    findings = Findings()
    with tempfile.TemporaryDirectory(prefix="ticketflow-mutants-") as name, shared_postgres(Path(name)):
        trees = [copy_tree(Path(name) / f"tree-{number}") for number in range(wanted.jobs)]
        warm_up(trees[0], sorted({test for place in places for test in place.tests}))
        try_all(places, deque(trees), findings)
    return findings.report()


@contextmanager
def shared_postgres(directory: Path) -> Iterator[None]:
    """Run the server that all runs use."""
    directory.chmod(0o755)
    with Postgres(directory / "postgres") as server:
        os.environ["TESTS_POSTGRES_PORT"] = str(server.port)
        yield


def copy_tree(tree: Path) -> Path:
    """Copy what git knows or would add; a mutant of the same length within a second is a change nevertheless."""
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.check_output(listed, cwd=REPOSITORY, text=True).split("\0"):
        if name and (REPOSITORY / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, tree / name)
    by_content = py_compile.PycInvalidationMode.CHECKED_HASH
    compileall.compile_dir(tree / "ticketflow", quiet=2, invalidation_mode=by_content)
    return tree


def warm_up(tree: Path, tests: Sequence[str]) -> None:
    """Import all that the tests import and that is not ours; make the database that others are copied from."""
    listed = tree / "imported.json"

    def look() -> int:
        code = pytest.main([*QUIET, *NO_WARNING, "--collect-only", *tests])
        listed.write_text(json.dumps([name for name, module in sys.modules.items() if not is_ours(module)]))
        return code or pytest.main([*QUIET, *NO_WARNING, "tests/integration/storage/test_schema.py", "-k", "truncated"])

    if os.waitstatus_to_exitcode(os.waitpid(start(tree, look), 0)[1]) != 0:
        sys.exit(f"the tests of the list cannot be collected:\n{read_output(tree)}")
    for name in json.loads(listed.read_text()):
        with suppress(ImportError, AttributeError):
            importlib.import_module(name)


def try_all(places: Sequence[Place], trees: deque[Path], findings: Findings) -> None:
    """Run one test session in each tree at a time, until there is nothing left to run."""
    waiting = deque(Run(place, mutant) for place in places for mutant in (None, *place.mutants))
    running: dict[int, Run] = {}
    while waiting or running:
        while waiting and trees:
            run = waiting.popleft()
            run.tree = trees.popleft()
            try:
                begin(run)
            except StaleMutantError as error:
                findings.errors.append(str(error))
                trees.append(run.tree)
            else:
                running[run.pid] = run
        for pid in [pid for pid, run in running.items() if time.monotonic() > run.ends_at]:
            os.killpg(pid, signal.SIGKILL)
        pid, status = os.waitpid(-1, os.WNOHANG) if running else (0, 0)
        if pid in running:
            run = running.pop(pid)
            findings.take(run, os.waitstatus_to_exitcode(status))
            (run.tree / run.place.file).write_text(run.source)
            trees.append(run.tree)
        else:
            time.sleep(0.02)


def begin(run: Run) -> None:
    """Start a run in its tree."""
    path = run.tree / run.place.file
    run.source = path.read_text()
    if run.mutant is not None:
        path.write_text(run.mutant.apply(run.source))

    def test() -> int:
        code = pytest.main([*QUIET, *NO_WARNING, *run.place.tests])
        return code if is_imported(path, run.tree) else NOT_IMPORTED

    run.pid = start(run.tree, test)
    run.ends_at = time.monotonic() + LONGEST_S


def start(tree: Path, work: Callable[[], int]) -> int:
    """Fork a process that works in a tree, and nowhere else; return its id."""
    pid = os.fork()
    if pid:
        with suppress(PermissionError):
            os.setpgid(pid, pid)
        return pid
    code = 1
    try:
        os.setpgid(0, 0)
        output = os.open(tree / "output.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.chdir(tree)
        os.environ["PYTHONPATH"] = str(tree)
        sys.path[:] = [str(tree), *(entry for entry in sys.path if entry not in ("", str(REPOSITORY)))]
        for name in [name for name, module in sys.modules.items() if is_ours(module)]:
            del sys.modules[name]  # what this program itself has of the tree that is not mutated
        code = int(work())
    finally:
        sys.stdout.flush()
        os._exit(code)


def is_imported(path: Path, tree: Path) -> bool:
    """Say whether a module of ours was imported, from this very tree; what is no module of ours is read."""
    if path.suffix != ".py" or not path.is_relative_to(tree / "ticketflow"):
        return True
    return any(getattr(module, "__file__", None) == str(path) for module in list(sys.modules.values()))


def is_ours(module: object) -> bool:
    """Say whether a module comes from the repository or the copy at hand, rather than from Python or a package."""
    place = Path(getattr(module, "__file__", None) or sys.prefix)
    mine = any(place.is_relative_to(folder) for folder in (REPOSITORY, Path.cwd()))
    return mine and not place.is_relative_to(sys.prefix)


def read_output(tree: Path) -> str:
    """Return the end of what the last run in a tree said."""
    return "\n".join((tree / "output.txt").read_text(errors="replace").splitlines()[-25:])


if __name__ == "__main__":
    sys.exit(main())
