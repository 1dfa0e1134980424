"""What our pages tell people to type, so that tests can type it."""

import re

from tests.harness.processes import REPOSITORY

_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def list_commands(text: str) -> list[str]:
    """Return the blocks of commands in a text."""
    return _BLOCK.findall(text)


def read_section(page: str, heading: str) -> str:
    """Return what stands below a heading of a page in docs/, up to the next one."""
    text = (REPOSITORY / "docs" / page).read_text()
    (section,) = re.findall(rf"^##+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    return str(section)
