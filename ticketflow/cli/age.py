"""A length of time on the command line."""

import re
from datetime import timedelta
from typing import Any

import click

_AGE = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class Age(click.ParamType[timedelta]):
    """A length of time such as ``2h``."""

    name = "age"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        """Read it."""
        match = _AGE.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is not a number with s, m, h or d, such as 2h", param, ctx)
        return timedelta(**{_UNITS[match[2]]: int(match[1])})
