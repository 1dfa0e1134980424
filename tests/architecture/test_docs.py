import runpy

import pytest

from tests.harness.processes import REPOSITORY

PAGES = runpy.run_path(str(REPOSITORY / "docs/generate.py"))["build_pages"]()


@pytest.mark.parametrize("path", PAGES)
def test_a_generated_page_is_current(path):
    assert (REPOSITORY / "docs" / path).read_text() == PAGES[path], "run `make docs`"
