from itertools import pairwise
from typing import get_args

import pytest
from prometheus_client import Histogram

from ticketflow.engines.llm.failures import ModelMisusedError, UnreadableAnswerError
from ticketflow.errors import ConfigurationError, UnplannableGraphError
from ticketflow.observability.metrics import (
    DECISIONS,
    METRICS,
    OUTCOMES,
    PRIORITIES,
    RESOLUTIONS,
    STEP_OUTCOMES,
    begin_at_zero,
    name_error,
)
from ticketflow.storage import models
from ticketflow.workflow.approval import Action
from ticketflow.workflow.outcomes import StepOutcome
from ticketflow.workflow.plan import ticket_plan
from ticketflow.workflow.state import Resolution
from ticketflow.workflow.transitions import TERMINAL


def test_labels_know_every_outcome_there_is():
    assert {outcome.label for outcome in get_args(StepOutcome)} == set(STEP_OUTCOMES)
    assert set(get_args(Resolution)) == set(RESOLUTIONS)
    assert {"completed", *OUTCOMES} == {*TERMINAL, *RESOLUTIONS}
    assert set(get_args(Action)) < set(DECISIONS)
    assert PRIORITIES == models.PRIORITIES


@pytest.mark.parametrize(
    ("error", "named"),
    [
        (ConfigurationError("the taxonomy is wrong"), "ConfigurationError"),
        (UnplannableGraphError("it forks"), "ConfigurationError"),
        (UnreadableAnswerError("no JSON"), "BadModelOutputError"),
        (ModelMisusedError("wrong key"), "ModelUnavailableError"),
        (ConnectionResetError(), "ConnectionError"),
        (ZeroDivisionError(), "other"),
    ],
)
def test_an_error_is_counted_under_the_nearest_name_of_a_closed_set(error, named):
    assert name_error(error) == named


def test_every_series_is_there_from_the_start():
    steps = ticket_plan().order

    begin_at_zero(steps)

    for metric, labels in METRICS:
        (family,) = metric.collect()
        for label, allowed in labels.items():
            assert {sample.labels[label] for sample in family.samples} >= set(allowed or steps)


def test_buckets_rise():
    for metric, _ in METRICS:
        if isinstance(metric, Histogram):
            assert all(low < high for low, high in pairwise(metric._upper_bounds))  # noqa: SLF001
