"""The model's outline is changed, and nothing else."""

from ticketflow.engines.embedded.encoder.onnx_file import TABLE, multiply_as_int8, widen_after_lookup
from ticketflow.engines.embedded.encoder.vectors import find_installed_model


def test_words_are_looked_up_before_their_table_is_widened():
    published = find_installed_model().read_bytes()

    changed = widen_after_lookup(published)

    assert f"{TABLE}_q_of_words".encode() in changed
    assert abs(len(changed) - len(published)) < 1000
    assert widen_after_lookup(changed) == changed


def test_all_products_with_weights_but_three_are_computed_as_int8():
    published = find_installed_model().read_bytes()

    changed = multiply_as_int8(published)

    assert changed.count(b"DynamicQuantizeMatMul") == 6 * 6 - 3
    assert len(changed) < len(published)
    assert multiply_as_int8(changed) == changed


def test_what_is_built_otherwise_is_left_alone():
    # ir_version 10, a graph that holds only a name, and a number of eight and of four bytes.
    other = bytes([8, 10, 7 << 3 | 2, 4, 2 << 3 | 2, 2, 65, 66, 9 << 3 | 1, *range(8), 10 << 3 | 5, *range(4)])

    assert widen_after_lookup(other) == other
    assert widen_after_lookup(b"") == b""
    assert multiply_as_int8(other) == other
    assert multiply_as_int8(b"") == b""
