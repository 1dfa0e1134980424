"""Where tickets of older graphs go on, and rules that cannot be right."""

import pytest

from ticketflow.errors import UnplannableGraphError
from ticketflow.workflow.graph import LINEAGE, build_graph
from ticketflow.workflow.lineage import GraphVersion, Lineage
from ticketflow.workflow.plan import Plan

FIRST = GraphVersion(("read", "check", "send"))


def test_a_step_that_kept_its_name_needs_no_rule():
    lineage = Lineage(FIRST, GraphVersion(("read", "weigh", "check", "send")))

    assert lineage.version == 2
    assert lineage.targets == {
        1: {"read": "read", "check": "check", "send": "send"},
        2: {"read": "read", "weigh": "weigh", "check": "check", "send": "send"},
    }


def test_rules_of_several_versions_are_followed_one_after_the_other():
    renamed = GraphVersion(("read", "judge", "send"), moves={"check": "judge"})
    lost = GraphVersion(("read", "send"), moves={"judge": "send"})

    assert Lineage(FIRST, renamed, lost).targets == {
        1: {"read": "read", "check": "send", "send": "send"},
        2: {"read": "read", "judge": "send", "send": "send"},
        3: {"read": "read", "send": "send"},
    }


def test_no_version_of_the_graph_that_tickets_may_be_on_has_changed():
    """Tickets carry its number: a version is never edited or numbered anew, and a new one is added here, too."""
    assert [tuple(steps) for steps in LINEAGE.targets.values()] == [
        ("classify", "extract", "research", "draft", "review", "finalize"),
    ]


@pytest.mark.parametrize(
    ("newer", "complaint"),
    [
        (GraphVersion(("read", "send")), "has no step 'check': say in its moves"),
        (GraphVersion(("read", "send"), {"check": "weigh"}), "'check' moves to 'weigh'"),
        (GraphVersion(("read", "check", "send"), {"weigh": "check"}), "'weigh' moves to 'check'"),
    ],
)
def test_a_rule_that_leads_nowhere_is_refused(newer, complaint):
    with pytest.raises(UnplannableGraphError, match=complaint):
        Lineage(FIRST, newer)


def test_a_graph_whose_steps_changed_without_a_version_is_refused():
    with pytest.raises(UnplannableGraphError, match="add a version to LINEAGE"):
        Plan(build_graph(), Lineage(GraphVersion(("classify", "draft"))))
