"""Functions and modules stay small: the sizes of the house style, docstrings not counted."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pytest

import ticketflow

PACKAGE = Path(ticketflow.__file__).parent


class Size(NamedTuple):
    """How long something is."""

    lines: int
    where: str


class Limits(NamedTuple):
    """How long things may be: nearly all of them, and any of them."""

    for_95_percent: int
    for_all: int


FUNCTION_LIMITS = Limits(for_95_percent=30, for_all=50)
MODULE_LIMITS = Limits(for_95_percent=300, for_all=400)
FUNCTION_MEDIAN = 10


def test_the_median_function_is_short(functions: list[Size]):
    assert median(size.lines for size in functions) <= FUNCTION_MEDIAN


def test_functions_are_short(functions: list[Size]):
    assert find_too_long(functions, FUNCTION_LIMITS) == []


def test_modules_are_short(modules: list[Size]):
    assert find_too_long(modules, MODULE_LIMITS) == []


def test_docstrings_do_not_count():
    source = 'def f():\n    """One.\n\n    Two.\n    """\n    return 1\n'

    assert [size.lines for size in measure_functions(ast.parse(source), "f.py")] == [2]


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    return {str(path.relative_to(PACKAGE.parent)): ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py")}


@pytest.fixture(scope="module")
def functions(trees: dict[str, ast.Module]) -> list[Size]:
    return [size for path, tree in trees.items() for size in measure_functions(tree, path)]


@pytest.fixture(scope="module")
def modules(trees: dict[str, ast.Module]) -> list[Size]:
    return [Size(measure(tree, 1, find_last_line(tree)), path) for path, tree in trees.items()]


def find_too_long(sizes: list[Size], limits: Limits) -> list[Size]:
    """Return what is longer than any may be, and what is long beyond the one in twenty that may be."""
    long = sorted((size for size in sizes if size.lines > limits.for_95_percent), reverse=True)
    longest = [size for size in long if size.lines > limits.for_all]
    return longest if len(long) <= len(sizes) / 20 else long


def measure_functions(tree: ast.Module, path: str) -> Iterator[Size]:
    """Measure each function from its ``def`` to its end, functions inside it included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield Size(measure(node, node.lineno, node.end_lineno or node.lineno), f"{path}:{node.lineno} {node.name}")


def measure(tree: ast.AST, first: int, last: int) -> int:
    """Count the lines from ``first`` to ``last``, less those of docstrings."""
    return last - first + 1 - sum(count_docstring_lines(node) for node in ast.walk(tree))


def count_docstring_lines(node: ast.AST) -> int:
    """Count the lines of a node's docstring; 0 when it has none, or cannot."""
    match node:
        case (
            ast.Module(body=[ast.Expr(value=ast.Constant(value=str())) as docstring, *_])
            | ast.ClassDef(body=[ast.Expr(value=ast.Constant(value=str())) as docstring, *_])
            | ast.FunctionDef(body=[ast.Expr(value=ast.Constant(value=str())) as docstring, *_])
            | ast.AsyncFunctionDef(body=[ast.Expr(value=ast.Constant(value=str())) as docstring, *_])
        ):
            return (docstring.end_lineno or docstring.lineno) - docstring.lineno + 1
        case _:
            return 0


def find_last_line(tree: ast.Module) -> int:
    """Return the number of the last line of code; 0 for an empty module."""
    return max((statement.end_lineno or 0 for statement in tree.body), default=0)
