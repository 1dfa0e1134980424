"""Adds up what processes side by side count: gunicorn's, or the children of a prefork worker.

Each keeps its numbers in files of one folder, and whoever is scraped reads them all. A process that takes
another's place takes over its files and counts on: restarts neither forget anything nor leave files behind.
"""

import os
from collections.abc import Callable
from pathlib import Path

from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # prometheus-client's own variable


def share_metrics(folder: Path, find_place: Callable[[], int | None]) -> None:
    """Keep every number that is made from here on in a folder.

    Args:
        folder: Must be there, and belong to these processes alone.
        find_place: Tells a process's place among them: no two that run at a time have the same.
    """
    os.environ[FOLDER] = str(folder)
    values.ValueClass = values.MultiProcessValue(find_place)  # type: ignore[no-untyped-call]


def is_sharing() -> bool:
    """Tell whether this process is one of several that are added up."""
    return FOLDER in os.environ


def build_registry() -> CollectorRegistry:
    """Build a registry that gives the sums."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry
