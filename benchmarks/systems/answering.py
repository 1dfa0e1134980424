"""How a program is asked to take tickets in: a number a line in one pipe, a word back in another when they are in."""

import sys
from collections.abc import Callable
from pathlib import Path


def answer(submit: Callable[[int], None]) -> None:
    """Submit as asked, until nobody asks any more."""
    folder = Path(sys.argv[1])
    with (folder / "asked").open() as asked, (folder / "answered").open("w", buffering=1) as answered:
        for line in asked:
            for number in range(int(line)):
                submit(number)
            answered.write("done\n")
