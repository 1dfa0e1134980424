"""Skips these tests, each by its name, where `make compose-test` does not run them."""

import os

import pytest

REASON = "wants a Docker engine and our image: `make compose-test` brings both"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests of this folder, before they ask for fixtures of plugins that are not there."""
    if "COMPOSE_TEST_IMAGES" not in os.environ:
        for item in items:
            if item.path.parent.name == "smoke":
                item.add_marker(pytest.mark.skip(reason=REASON))
