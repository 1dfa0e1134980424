"""What customers and help centres send is read right: the cases of ``../shared/cases/content.jsonl``.

Run those of a kind by ``-k``: ``pytest tests/cases -k quoted_text``. The file stands outside the repository; where it
is not there, its cases are skipped.
"""

from pathlib import Path

import pytest

from tests.cases.checks import find_faults
from tests.cases.runs import read_cases, run_case

HERE = Path(__file__).resolve()
# Beside the repository, or beside the folder of its work trees.
CASES = next(
    filter(None, (read_cases(above / "shared" / "cases" / "content.jsonl") for above in HERE.parents[2:5])), []
)
# Cases that are known to be wrong, an id a line: whoever mends a kind takes its lines out.
KNOWN_WRONG = set((HERE.parent / "known_wrong.txt").read_text().split())


@pytest.mark.skipif(not CASES, reason="needs ../shared/cases/content.jsonl, which is not there")
@pytest.mark.parametrize("case", CASES or [None], ids=lambda case: case["id"] if case else "none")
def test_a_case_comes_out_right(case, tmp_path, request):
    if case["id"] in KNOWN_WRONG:
        request.applymarker(pytest.mark.xfail(reason="known to be wrong"))
    sessions = request.getfixturevalue("sessions") if "before" in case["input"] else None

    outcome = run_case(case, tmp_path, sessions)

    assert find_faults(case["expect"], outcome) == []
