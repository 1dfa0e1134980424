"""Checksums over long rows of digits, all windows at once: what a text made to be slow has millions of.

``masking`` says what a number is and reads ordinary texts by itself; it comes here, and imports this, only for rows
that are long. Both give the same numbers.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

Span = tuple[int, int]
Array = NDArray[np.int64]
Mask = NDArray[np.bool_]

_GROUP = re.compile(r"\d+")
_LETTERS = 26
_TEN = 10
_HEAD = 6  # digits that two letters and two digits make for the checksum
_POWERS = np.array([pow(10, power, 97) for power in range(96)])  # 10**96 is 1 modulo 97
_DOUBLED = np.array([0, 2, 4, 6, 8, 1, 3, 5, 7, 9])


def join(starts: Array, ends: Array) -> list[Span]:
    """Join spans that overlap."""
    if not len(starts):
        return []
    order = np.argsort(starts, kind="stable")
    starts, ends = starts[order], np.maximum.accumulate(ends[order])
    is_first = np.concatenate(([True], starts[1:] >= ends[:-1]))
    is_last = np.concatenate((is_first[1:], [True]))
    return list(zip(starts[is_first].tolist(), ends[is_last].tolist(), strict=True))


def _find_signs(text: str, rows: Sequence[Span], signs: str) -> tuple[Array, Array, Array]:
    """Give the places of the signs within rows, their values, and for each the number of signs up to its row's end."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
    values = np.full(128, -1)
    values[[ord(sign) for sign in signs]] = range(len(signs))
    is_within = np.zeros(len(text) + 1, dtype=np.int64)
    is_within[[start for start, _ in rows]] += 1
    is_within[[end for _, end in rows]] -= 1
    found = np.where(codes < len(values), values[np.minimum(codes, len(values) - 1)], -1)
    places = np.flatnonzero((found >= 0) & (np.cumsum(is_within[:-1]) > 0))
    row_ends = np.array([end for _, end in rows])
    last = row_ends[np.searchsorted(row_ends, places, side="right")]
    return places, found[places], np.searchsorted(places, last)


def find_accounts(text: str, rows: Sequence[Span], lengths: Mapping[str, int]) -> tuple[list[Span], list[Span]]:
    """Locate what has an account's beginning, length and checksum (ISO 7064, mod 97).

    Args:
        text: The text, in capitals.
        rows: Spans of letters and digits with little between them.
        lengths: Signs of an account's number by country.

    Returns:
        What is in one piece or half of digits at least, joined; and the rest, as it is.
    """
    places, values, row_ends = _find_signs(text, rows, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    table = np.zeros((_LETTERS, _LETTERS), dtype=np.int64)
    for country, length in lengths.items():
        table[ord(country[0]) - ord("A"), ord(country[1]) - ord("A")] = length
    is_letter = values >= _TEN
    one, two, three, four = (is_letter[offset : len(values) - 3 + offset] for offset in range(4))
    first = np.flatnonzero(one & two & ~three & ~four)
    sizes = table[values[first] - _TEN, values[first + 1] - _TEN]
    fits = (sizes > 0) & (first + sizes <= row_ends[first])
    first, end = first[fits], (first + sizes)[fits]
    is_valid = _remainders(values, is_letter, first, end) == 1
    first, end = first[is_valid], end[is_valid]
    digits = np.concatenate(([0], np.cumsum(~is_letter)))
    start, last = places[first], places[end - 1]
    is_sure = (2 * (digits[end] - digits[first]) >= end - first) | (last - start == end - first - 1)
    unsure = zip(start[~is_sure].tolist(), (last[~is_sure] + 1).tolist(), strict=True)
    return join(start[is_sure], last[is_sure] + 1), list(unsure)


def _remainders(values: Array, is_letter: Mask, first: Array, end: Array) -> Array:
    """Take numbers modulo 97, their first four signs moved to the end, letters counted as two digits."""
    widths = np.concatenate(([0], np.cumsum(1 + is_letter)))
    # Each sign divided by the power of ten that it would be moved up by; multiplied back when a part is cut out.
    sums = np.concatenate(([0], np.cumsum(values * _POWERS[-widths[1:] % 96] % 97)))

    def cut(start: Array, end: Array) -> Array:
        part: Array = (sums[end] - sums[start]) * _POWERS[widths[end] % 96] % 97
        return part

    whole: Array = (cut(first + 4, end) * _POWERS[_HEAD] + cut(first, first + 4)) % 97
    return whole


@cache
def _tabulate(issued: Callable[[str], Sequence[int]]) -> dict[int, Mask]:
    """Give for each length which first four digits have it."""
    lengths = [issued(f"{first:04}") for first in range(10_000)]
    return {length: np.array([length in each for each in lengths]) for length in set().union(*lengths)}


class LongRows:
    """Rows of digits in groups, and what takes one look to know about any part of them."""

    def __init__(self, text: str, rows: Sequence[Span], skipped_digits: Sequence[int]) -> None:
        """Read the rows.

        Args:
            text: The text.
            rows: Spans of digits in groups with little between them.
            skipped_digits: Of each row, how many digits no number ends before.
        """
        self._text, self._rows = text, rows
        self._places, digits, self._row_ends = _find_signs(text, rows, "0123456789")
        count = len(digits)
        self._digits = digits
        doubled = _DOUBLED[digits]
        is_even = np.arange(count) % 2 == 0
        summed = (np.cumsum(np.where(is_doubled, doubled, digits)) for is_doubled in (is_even, ~is_even))
        self._sums = [(np.concatenate(([0], sums)) % 10).astype(np.int8) for sums in summed]
        begins = np.concatenate(([True], np.diff(self._places) != 1, [True]))
        row_starts = np.searchsorted(self._places, [start for start, _ in rows])
        begins[row_starts] = True
        self._row_starts = row_starts
        self._begins = begins
        self._group_of = np.cumsum(begins) - 1
        self._firsts = np.flatnonzero(begins)
        self._least = np.repeat(row_starts + np.array(skipped_digits), np.diff([*row_starts, count]))

    def list_groups(self, shortest: int, longest: int) -> list[Span]:
        """List the spans of the groups that have so many digits."""
        sizes = np.diff(self._firsts)
        starts = self._places[self._firsts[:-1][(shortest <= sizes) & (sizes <= longest)]]
        ends = starts + sizes[(shortest <= sizes) & (sizes <= longest)]
        return list(zip(starts.tolist(), ends.tolist(), strict=True))

    def find_numbers(
        self, issued: Callable[[str], Sequence[int]], joiners: str, judge_tokens: Callable[[], Sequence[bool]]
    ) -> list[Span]:
        """Locate whole groups that have an issuer's first digits, length and check digit; what overlaps is joined.

        Args:
            issued: Gives the lengths of an issuer's numbers by their first four digits.
            joiners: What makes one token of two digits, standing alone between them.
            judge_tokens: Tells of each token of the rows whether it is nothing else than a number.
        """
        firsts = self._firsts[:-1]
        firsts = firsts[firsts + 4 <= self._row_ends[firsts]]
        heads = sum(self._digits[firsts + offset] * 10 ** (3 - offset) for offset in range(4))
        tried = [self._find_valid(firsts[have[heads]], length) for length, have in _tabulate(issued).items()]
        start, end = np.concatenate(tried).T
        one, last = self._group_of[start], self._group_of[end - 1]
        is_number = one == last
        if not is_number.all():
            is_number |= self._is_alike(one, last) | self._is_grouped_like_a_card(one, last)
        if not is_number.all():
            counts = np.concatenate(([0], np.cumsum(judge_tokens())))
            token_of = self._count_tokens(joiners)
            token = token_of[start], token_of[end - 1]
            is_number |= counts[token[1] + 1] > counts[token[0]]
        return join(self._places[start[is_number]], self._places[end[is_number] - 1] + 1)

    def _find_valid(self, first: Array, length: int) -> Array:
        """Give first digit and one past the last of what ends with a group and has the right check digit."""
        end = first + length
        first = first[(end <= self._row_ends[first]) & (end > self._least[first])]
        first = first[self._begins[first + length]]
        even, odd = (sums[first + length] - sums[first] for sums in self._sums)
        first = first[np.where((first + length) % 2 == 0, even, odd) % 10 == 0]
        return np.stack([first, first + length], axis=1)

    def _count_tokens(self, joiners: str) -> Array:
        """Say in which token each digit is."""
        apart = np.diff(self._places)
        codes = np.frombuffer(self._text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        before = codes[self._places[1:] - 1]
        is_joined = (apart == 1) | ((apart == 2) & np.isin(before, [ord(each) for each in joiners]))  # noqa: PLR2004
        starts = np.concatenate(([True], ~is_joined))
        starts[self._row_starts] = True
        tokens: Array = np.cumsum(starts) - 1
        return tokens

    def _is_alike(self, one: Array, last: Array) -> Mask:
        """Tell groups that have the same between them, blanks aside."""
        # One before each group; before the first of a row it does not matter.
        split = (_GROUP.split(self._text[slice(*row)])[:-1] for row in self._rows)
        between = [gap.strip() for gaps in split for gap in gaps][1:]
        changes = np.cumsum([False, False, *map(operator.ne, between, between[1:])])
        alike: Mask = changes[last] == changes[np.minimum(one + 1, last)]
        return alike

    def _is_grouped_like_a_card(self, one: Array, last: Array) -> Mask:
        sizes = np.diff(self._firsts)
        others = np.concatenate(([0], np.cumsum(sizes != 4)))  # noqa: PLR2004
        in_fours = (others[last] == others[one]) & (sizes[last] <= 4)  # noqa: PLR2004
        middle = sizes[np.minimum(one + 1, last)]
        in_three = (last - one == 2) & (sizes[one] == 4) & (middle == 6) & np.isin(sizes[last], (4, 5))  # noqa: PLR2004
        grouped: Mask = in_fours | in_three
        return grouped
