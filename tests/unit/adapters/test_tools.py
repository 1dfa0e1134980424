"""How sure the writer must be depends on who looks at its drafts."""

import pytest

from ticketflow.adapters.tools import check_engine, choose_confidence
from ticketflow.errors import ConfigurationError
from ticketflow.settings import Settings


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, 0.91),
        ({"draft_confidence": 0.1}, 0.91),
        ({"approval": "unsure"}, 0.5),
        ({"approval": "always", "draft_confidence": 0.3}, 0.3),
        ({"approval": "always", "answer_confidence": 0.4}, 0.4),
    ],
)
def test_a_draft_that_a_person_looks_at_may_be_less_sure(changes, expected):
    assert choose_confidence(Settings(**{"answer_confidence": 0.91} | changes)) == expected


def test_wrong_letters_keep_a_worker_from_starting(tmp_path):
    path = tmp_path / "letters.yaml"
    path.write_text("letters:\n  en:\n    bye: '{name}'\n")

    with pytest.raises(ConfigurationError, match=r"letters\.yaml:3: `bye` has no \{name\}"):
        check_engine(Settings(letters=path))
