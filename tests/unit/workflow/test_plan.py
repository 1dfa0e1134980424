import operator
from typing import Annotated, TypedDict

import pytest
from langgraph.graph import END, START, StateGraph
from langgraph.types import RetryPolicy

from tests.toy import toy_plan
from ticketflow.errors import UnplannableGraphError
from ticketflow.workflow.plan import Plan, ticket_plan

SIX = ("classify", "extract", "research", "draft", "review", "finalize")


class State(TypedDict, total=False):
    note: str


def graph_of(*names: str, schema: type = State) -> StateGraph:
    graph = StateGraph(schema)
    for name in names:
        graph.add_node(name, lambda state: {}, retry_policy=RetryPolicy(), metadata={"time_limit_s": 1})
    return graph


def refusal(graph: StateGraph) -> str:
    with pytest.raises(UnplannableGraphError) as caught:
        Plan(graph.compile())
    return str(caught.value)


def test_our_graph_is_planned_as_the_six_steps_in_order():
    assert ticket_plan().order == SIX


def test_the_rest_of_a_chain_starts_at_any_step():
    assert ticket_plan().lineage.remaining("draft") == ("draft", "review", "finalize")


@pytest.mark.parametrize(
    ("verdict", "following"), [("approve", "finalize"), ("revise", "draft"), ("escalate", "finalize")]
)
def test_review_decides_where_the_ticket_goes(verdict, following):
    assert ticket_plan().next_step("review", {"verdict": verdict}) == following


def test_nothing_follows_the_last_step():
    assert ticket_plan().next_step("finalize", {}) is None


def test_every_step_carries_its_retry_policy_and_time_limit():
    assert all(step.retry.max_attempts > 1 and step.time_limit_s > 0 for step in ticket_plan().steps.values())


def test_a_step_runs_as_the_graph_would_run_it():
    assert toy_plan().run("read", {"read": 1}, None) == {"read": 2}


def test_a_fork_is_refused_by_name():
    graph = graph_of("a", "b", "c")
    graph.add_edge(START, "a")
    graph.add_edge("a", "b")
    graph.add_edge("a", "c")
    graph.add_edge("b", END)
    graph.add_edge("c", END)

    assert "'a' forks to b, c" in refusal(graph)


def test_a_conditional_edge_that_skips_ahead_is_refused():
    graph = graph_of("a", "b")
    graph.add_edge(START, "a")
    graph.add_conditional_edges("a", lambda state: "b", {"b": "b", "end": END})
    graph.add_edge("b", END)

    assert "forks" in refusal(graph)


def test_a_conditional_edge_without_named_ends_is_refused():
    graph = graph_of("a", "b")
    graph.add_edge(START, "a")
    graph.add_conditional_edges("a", lambda state: "b")
    graph.add_edge("b", END)

    assert "must list its ends" in refusal(graph)


def test_a_loop_without_a_way_out_is_refused():
    graph = graph_of("a", "b")
    graph.add_edge(START, "a")
    graph.add_edge("a", "b")
    graph.add_edge("b", "a")

    assert "nothing new follows step 'b'" in refusal(graph)


def test_a_state_key_with_a_reducer_is_refused():
    class Adding(TypedDict):
        notes: Annotated[list[str], operator.add]

    graph = graph_of("a", schema=Adding)
    graph.add_edge(START, "a")
    graph.add_edge("a", END)

    assert "'notes' has a reducer" in refusal(graph)


def test_a_step_without_a_time_limit_is_refused():
    graph = StateGraph(State)
    graph.add_node("a", lambda state: {}, retry_policy=RetryPolicy())
    graph.add_edge(START, "a")
    graph.add_edge("a", END)

    assert "'a' needs metadata time_limit_s" in refusal(graph)
