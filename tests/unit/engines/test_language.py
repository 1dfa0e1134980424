"""The language of a text, from tables that were made small."""

import numpy as np

from ticketflow.engines.embedded.language import Moves


def test_a_table_says_the_same_with_its_equal_stretches_kept_once():
    rows = np.random.default_rng(1).integers(0, 2**17, (5, 16), dtype=np.uint32)
    table = rows[[0, 3, 3, 1, 0, 4, 2, 2]].ravel()

    moves = Moves(table)

    assert [moves[place] for place in range(len(table))] == table.tolist()
