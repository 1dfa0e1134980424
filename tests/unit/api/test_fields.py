"""What numbers, instants and lists may look like: what their description says, and nothing else Python knows."""

from datetime import UTC, datetime

import pytest
from marshmallow import ValidationError

from ticketflow.api.fields import Instant, Number, Truth, WholeNumber, refuse_repeats

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize("value", ["1_0", " 1", "1 ", "+1", "01", "\u0661", "1.0", "", "0x1", "1e2", True, None, [1]])
def test_no_integer_but_json_s(value):
    with pytest.raises(ValidationError):
        WholeNumber().deserialize(value)


@pytest.mark.parametrize(
    "value", ["1_0", " 1", "+1", "01", "\u0661", ".5", "5.", "nan", "inf", "Infinity", "1e", True, [1]]
)
def test_no_number_but_json_s(value):
    with pytest.raises(ValidationError):
        Number().deserialize(value)


def test_numbers_as_json_writes_them():
    assert [WholeNumber().deserialize(each) for each in ("0", "-1", "200", 7)] == [0, -1, 200, 7]
    assert [Number().deserialize(each) for each in ("0", "-1.5", "1e2", 0.25)] == [0, -1.5, 100, 0.25]


@pytest.mark.parametrize("value", [0, 1, "true", "false", "", "1", 0.0, [], {}])
def test_nothing_but_true_and_false_is_a_truth(value):
    with pytest.raises(ValidationError):
        Truth().deserialize(value)


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-31T12:00:00Z",
        "2026-01-31t12:00:00z",
        "2026-01-31T12:00:00.0000000001Z",
        "2026-01-31T13:30:00+01:30",
        "2026-01-31T12:00:00-00:00",
        "2026-01-31T11:59:60Z",
    ],
)
def test_instants_as_rfc_3339_writes_them(value):
    assert Instant().deserialize(value) == NOON


@pytest.mark.parametrize(
    "value",
    [
        "2026-01-31 12:00:00Z",
        "20260131T120000Z",
        "2026-W05-6T12:00:00Z",
        "2026-01-31T12:00Z",
        "2026-01-31T12:00:00",
        "2026-01-31T12:00:00,5Z",
        "2026-01-31T12:00:00+01",
        "2026-01-31T12:00:00+0100",
        "2026-01-31T12:00:00+24:00",
        "2026-01-31T12:00:00+01:60",
        "2026-01-31T12:00:61Z",
        "2026-01-31T24:00:00Z",
        "2026-02-30T12:00:00Z",
        "2026-01-31T12:00:00Z ",
        "٢٠٢٦-01-31T12:00:00Z",
        "9999-12-31T23:59:60Z",
        1_769_860_800,
    ],
)
def test_no_instants_but_those(value):
    with pytest.raises(ValidationError):
        Instant().deserialize(value)


def test_a_list_without_repeats():
    refuse_repeats(["a", "b"])
    with pytest.raises(ValidationError):
        refuse_repeats(["a", "b", "a"])
