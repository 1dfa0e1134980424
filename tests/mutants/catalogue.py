"""The list of mutants: small wrongs, each of which the tests of its place must notice.

A TOML file of this folder has a table for each file of the product: the tests of that place, and its mutants as
``[what would go wrong, text as it stands, text instead]``. A place is found by its text, which occurs exactly once.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
REPOSITORY = FOLDER.parents[1]


class StaleMutantError(Exception):
    """A mutant does not fit the tree any more; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One wrong.

    Attributes:
        file: Path from the repository's root.
        harm: What would go wrong.
        old: The text that stands there.
        new: What is put in its place.
    """

    file: str
    harm: str
    old: str
    new: str

    def __str__(self) -> str:
        return f"{self.file}: {self.harm}\n    - {self.old.strip()}\n    + {self.new.strip()}"

    def apply(self, source: str) -> str:
        """Return the file's text with the wrong in it.

        Raises:
            StaleMutantError: Its text is not there, there twice, or leaves no Python behind.
        """
        times = source.count(self.old)
        if times != 1 or self.old == self.new:
            raise StaleMutantError(f"{self}\n    its text occurs {times} times; write it anew for today's code")
        changed = source.replace(self.old, self.new)
        if self.file.endswith(".py"):
            try:
                compile(changed, self.file, "exec")
            except SyntaxError as error:
                raise StaleMutantError(f"{self}\n    is no Python: {error}") from error
        return changed


@dataclass(frozen=True, slots=True)
class Place:
    """A file of the product, with the tests that answer for it.

    Attributes:
        tests: Paths or ids for pytest.
    """

    file: str
    tests: Sequence[str]
    mutants: Sequence[Mutant]


def read_places(folder: Path = FOLDER) -> list[Place]:
    """Read the whole list."""
    tables = [table for path in sorted(folder.glob("*.toml")) for table in tomllib.loads(path.read_text()).items()]
    return [Place(file, place["tests"], [Mutant(file, *words) for words in place["mutants"]]) for file, place in tables]
