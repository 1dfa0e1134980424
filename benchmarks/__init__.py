"""Measurements; run them by hand, they assert nothing."""

import ticketflow.engines  # noqa: F401  # keeps NumPy, imported next, to one core
