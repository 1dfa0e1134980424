from dataclasses import replace

import pytest

from tests.fakes import FakeClassifier, fake_tools
from tests.unit.evaluation.build import build_row
from ticketflow.errors import ConfigurationError, InvalidInputError, TransientError
from ticketflow.evaluation.comparison import Difference, compare, find_failures, parse_limits
from ticketflow.evaluation.evaluation import Evaluation
from ticketflow.evaluation.measured import Yardstick
from ticketflow.evaluation.sections import choose_sections, find_last_step
from ticketflow.evaluation.trial import Candidate, Figure, Setup, try_candidate

ROWS = [
    build_row(text="Where is my parcel, my order has not arrived", label="shipping"),
    build_row(text="I forgot my password for the login", label="account"),
    build_row(text="The invoice is wrong", label="shipping"),
]


class AwayClassifier(FakeClassifier):
    """Does not answer about invoices."""

    def classify(self, subject, body):
        if "invoice" in body:
            raise TransientError("nobody there")
        return super().classify(subject, body)


class BlindClassifier(FakeClassifier):
    """Sees nothing."""

    def classify(self, subject, body):
        return replace(super().classify(subject, body), category="other", confidence=0.2)


def candidate(name="as set", tools=None):
    setup = Setup(tools or fake_tools(), Yardstick(fallback="other"))
    return Candidate(name, lambda _: setup)


def attempt(tools=None, rows=ROWS, draws=1):
    sections = choose_sections(rows, ())
    return try_candidate(candidate(tools=tools), rows, sections, find_last_step(sections, ()), draws)


def test_rows_decide_what_is_measured_and_which_step_is_the_last():
    labelled, facts, asked = build_row(label="a"), build_row(entities=[]), build_row(gold="a1")

    assert find_last_step(choose_sections([labelled], ()), ()) == "classify"
    assert find_last_step(choose_sections([labelled, facts], ()), ()) == "extract"
    assert find_last_step(choose_sections([labelled, asked], ()), ()) == "finalize"


def test_steps_narrow_what_is_measured():
    rows = [build_row(label="a", gold="a1")]

    sections = choose_sections(rows, ["research"])

    assert [section.name for section in sections] == ["research"]
    assert find_last_step(sections, ["research"]) == "research"


def test_rows_that_say_nothing_can_be_timed_but_not_measured():
    assert find_last_step([], ["finalize"]) == "finalize"
    with pytest.raises(InvalidInputError, match="there is nothing to measure"):
        find_last_step([], ())


def test_a_trial_runs_the_steps_that_are_needed_and_no_others():
    trial = attempt()

    assert trial.figures["accuracy"].value == pytest.approx(2 / 3)
    assert set(trial.steps_ms) == {"classify"}
    assert {"ms_median", "ms_p95", "load_s", "memory_mb"} <= set(trial.figures)


def test_all_six_steps_run_where_answers_are_measured():
    trial = attempt(rows=[build_row(text="How do I reset my password?", gold="018f6f2e-0000-7000-8000-00000000000a")])

    assert list(trial.steps_ms) == ["classify", "extract", "research", "draft", "review", "finalize"]
    assert trial.figures["answer_coverage"].value == 1.0


def test_figures_are_the_mean_of_the_draws():
    setups = [Setup(fake_tools(), Yardstick()), Setup(fake_tools(classifier=BlindClassifier()), Yardstick())]
    rows = ROWS[:2]

    trial = try_candidate(Candidate("drawn", setups.__getitem__), rows, choose_sections(rows, ()), "classify", 2)

    assert trial.figures["accuracy"] == Figure(0.5, 0.0, 1.0)
    assert trial.rowwise["accuracy"].shape == (2, 2)


def test_a_step_that_fails_fails_its_row_alone():
    trial = attempt(fake_tools(classifier=AwayClassifier()))

    assert trial.figures["failed"].value == pytest.approx(1 / 3)
    assert [outcome.error for outcome in trial.outcomes[0]] == [None, None, "classify: nobody there"]


def test_a_wrong_setting_ends_the_trial():
    class Unset(FakeClassifier):
        def classify(self, subject, body):
            raise ConfigurationError("the model is missing")

    with pytest.raises(ConfigurationError, match="the model is missing"):
        attempt(fake_tools(classifier=Unset()))


def test_two_versions_are_compared_row_by_row():
    differences = compare(attempt(), attempt(fake_tools(classifier=BlindClassifier())))

    assert differences["accuracy"].value == pytest.approx(2 / 3)
    assert differences["accuracy"].hint in {"sure", "may be chance"}
    assert differences["macro_f1"].hint == ""


def test_limits_are_read_and_an_unknown_figure_is_named_with_those_there_are():
    assert parse_limits("accuracy=0.9, ece=0.05,order_id.f1=1") == {"accuracy": 0.9, "ece": 0.05, "order_id.f1": 1.0}
    with pytest.raises(InvalidInputError, match=r"there is no figure 'acuracy'; there are accuracy, "):
        parse_limits("acuracy=0.9")
    with pytest.raises(InvalidInputError, match="'accuracy' must read name=number"):
        parse_limits("accuracy")


def test_a_figure_fails_on_its_worse_side_only():
    figures = {"accuracy": Figure(0.9, 0.9, 0.9), "ece": Figure(0.04, 0.04, 0.04)}

    assert find_failures(figures, {"accuracy": 0.9, "ece": 0.04}) == []
    assert find_failures(figures, {"accuracy": 0.95, "ece": 0.03}) == [
        "accuracy is 0.9000, under 0.95",
        "ece is 0.0400, above 0.03",
    ]


def test_a_figure_that_was_not_measured_cannot_be_held_to_a_limit():
    with pytest.raises(InvalidInputError, match="this run did not measure mrr, but accuracy"):
        find_failures({"accuracy": Figure(1, 1, 1)}, {"mrr": 0.5})


def test_an_evaluation_describes_itself_as_plain_json():
    trials = [attempt(), attempt()]

    described = Evaluation("data.jsonl", ROWS, 1, trials, compare(trials[0], trials[1])).describe()

    assert (described["rows"], described["draws"]) == (3, 1)
    assert described["candidates"][0]["figures"]["accuracy"]["value"] == pytest.approx(2 / 3)
    assert described["candidates"][0]["confusions"] == {
        "category": [{"gold": "shipping", "given": "billing", "count": 1}]
    }
    assert described["differences"]["accuracy"] == {"value": 0.0, "interval_95": [0.0, 0.0], "hint": ""}


def test_a_difference_without_an_interval_gives_no_hint():
    assert Difference(0.5, None).hint == ""
