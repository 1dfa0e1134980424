"""Where tickets of older graphs go on, and rules that cannot be right."""

import pytest

from ticketflow.errors import UnplannableGraphError
from ticketflow.workflow.graph import build_graph
from ticketflow.workflow.lineage import GraphVersion, Lineage, Rule
from ticketflow.workflow.plan import Plan

FIRST = GraphVersion(("read", "check", "send"))


def test_a_step_that_kept_its_name_needs_no_rule():
    lineage = Lineage(FIRST, GraphVersion(("read", "weigh", "check", "send")))

    assert lineage.version == 2
    assert lineage.rules == (Rule(1, "read", "read"), Rule(1, "check", "check"), Rule(1, "send", "send"))


def test_rules_of_several_versions_are_followed_one_after_the_other():
    renamed = GraphVersion(("read", "judge", "send"), moves={"check": "judge"})
    lost = GraphVersion(("read", "send"), moves={"judge": "send"})

    assert Lineage(FIRST, renamed, lost).rules == (
        Rule(1, "read", "read"),
        Rule(1, "check", "send"),
        Rule(1, "send", "send"),
        Rule(2, "read", "read"),
        Rule(2, "judge", "send"),
        Rule(2, "send", "send"),
    )


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
