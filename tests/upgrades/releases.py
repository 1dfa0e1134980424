"""The releases of a rehearsal: the one before this, from the history, this one, and the next one, made up."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.harness.processes import REPOSITORY
from tests.seventh_step import change_steps

# Until there is a tag to name: the last commit before migration 0004 that is a whole program.
PREVIOUS = "182c7c1fd220bb4ce43ed6762bb958c9e4cac95d"
PARTS = ("ticketflow", "alembic", "deploy", "tests")
MIGRATION = '''
"""Expand: a column that this release writes, and the one before it knows nothing of."""

import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tickets", sa.Column("of_the_next_release", sa.Text(), server_default="new", nullable=False))
'''


class MissingHistoryError(Exception):
    """The history does not reach back to the release before this one; the message says what to do."""


@dataclass(frozen=True)
class Release:
    """A version of the program, in a folder of its own; its processes share the environment of the tests.

    Attributes:
        notifies: Whether its API tells systemd when it is ready.
    """

    name: str
    tree: Path
    notifies: bool = True


CURRENT = Release("current", REPOSITORY)


def check_out_previous(folder: Path) -> Release:
    """Put the release before this one into a folder.

    Raises:
        MissingHistoryError: It cannot be had.
    """
    archive = folder / "previous.tar"
    try:
        _git("archive", f"--output={archive}", PREVIOUS)
    except subprocess.CalledProcessError as error:
        raise MissingHistoryError(
            f"this clone lacks commit {PREVIOUS}, the release to upgrade from: git fetch --unshallow"
        ) from error
    (folder / "previous").mkdir()
    subprocess.run(["tar", f"--file={archive}", f"--directory={folder / 'previous'}", "--extract"], check=True)
    return Release("previous", folder / "previous", notifies=False)


def make_next(folder: Path, head: str) -> Release:
    """Make up the release after this one: with a migration, and with other steps in the graph."""
    tree = folder / "next"
    for part in PARTS:
        shutil.copytree(REPOSITORY / part, tree / part, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("celeryconfig.py", "wsgi.py"):
        shutil.copy(REPOSITORY / name, tree)
    change_steps(tree)
    (tree / "alembic/versions/next.py").write_text(MIGRATION.format(head=head).lstrip())
    return Release("next", tree)


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=REPOSITORY, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise MissingHistoryError("there is no git here to ask for the release before this one") from error
    return done.stdout
