"""Lists of words and phrases that ship with the code, each beside the module that reads it."""

from pathlib import Path
from typing import Any

import yaml

# libyaml, where PyYAML was built with it, reads them ten times as fast.
YAML_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""How we read YAML."""


def read_shipped(path: Path) -> Any:
    """Read a YAML file that ships with the code; whoever reads it often keeps what it makes of it."""
    return yaml.load(path.read_text(encoding="utf-8"), YAML_LOADER)  # noqa: S506  # a safe loader, written in C
