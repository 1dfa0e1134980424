from itertools import pairwise
from typing import get_args

import pytest
from prometheus_client import Histogram

from ticketflow.engines.llm.failures import ModelMisusedError, UnreadableAnswerError
from ticketflow.errors import ConfigurationError, UnplannableGraphError
from ticketflow.observability.metrics import (
    METRICS,
    OUTCOMES,
    begin_at_zero,
    name_error,
)
from ticketflow.workflow.plan import ticket_plan
from ticketflow.workflow.state import Resolution
from ticketflow.workflow.transitions import TERMINAL


def test_every_way_a_ticket_can_end_is_counted():
    assert {"completed", *OUTCOMES} == {*TERMINAL, *get_args(Resolution)}


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
