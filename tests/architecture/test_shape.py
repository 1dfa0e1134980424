"""Functions and modules stay small, but not splintered: the sizes of the house style, docstrings not counted."""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pytest

import ticketflow

PACKAGE = Path(ticketflow.__file__).parent

Function = ast.FunctionDef | ast.AsyncFunctionDef


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

# Private functions called in one place, of all functions. In procrastinate, dramatiq and dbos: 4 to 6.
CALLED_ONCE_PERCENT = 7
# Those of them that would be as clear where they are called, of all private functions.
SHORT_ONCE_PERCENT = 3
SHORT_LINES = 3

SPLINTER_LINES = 60
SPLINTERS = 25


def test_the_median_function_is_short(functions: list[Size]):
    assert median(size.lines for size in functions) <= FUNCTION_MEDIAN


def test_functions_are_short(functions: list[Size]):
    assert find_too_long(functions, FUNCTION_LIMITS) == []


def test_modules_are_short(modules: list[Size]):
    assert find_too_long(modules, MODULE_LIMITS) == []


def test_few_private_functions_are_called_once(trees: dict[str, ast.Module], functions: list[Size]):
    called_once = [describe(path, function) for path, function in find_called_once(trees)]

    assert len(called_once) * 100 <= len(functions) * CALLED_ONCE_PERCENT, "\n".join(called_once)


def test_hardly_any_private_function_of_three_lines_is_called_once(trees: dict[str, ast.Module]):
    private = list(find_private(trees))
    # A decorator is what a cached function is there for.
    plain = [(path, function) for path, function in find_called_once(trees) if not function.decorator_list]
    short = [describe(path, function) for path, function in plain if count_lines_of_body(function) <= SHORT_LINES]

    assert len(short) * 100 <= len(private) * SHORT_ONCE_PERCENT, "\n".join(short)


def test_few_small_modules_have_one_importer(trees: dict[str, ast.Module]):
    splinters = list_splinters(trees)

    assert len(splinters) <= SPLINTERS, "\n".join(splinters)


def test_a_private_function_called_twice_is_not_called_once():
    source = "def _once(): ...\ndef _twice(): ...\ndef shown():\n    _once()\n    _twice(_twice())\n"

    assert [function.name for _, function in find_called_once({"f.py": ast.parse(source)})] == ["_once"]


def test_a_docstring_makes_no_function_longer():
    source = 'def _f():\n    """One.\n\n    Two.\n    """\n    g()\n    return 1\n'

    assert [count_lines_of_body(function) for _, function in find_private({"f.py": ast.parse(source)})] == [2]


def test_a_small_module_that_two_import_is_no_splinter():
    imports = {"a.py": "import p.lone, p.shared", "b.py": "from p import shared"}
    trees = {f"p/{name}": ast.parse(source) for name, source in imports.items()}
    trees |= {"p/lone.py": ast.parse("X = 1"), "p/shared.py": ast.parse("Y = 1")}

    assert list_splinters(trees) == ["p/lone.py (1 lines) is imported by p/a.py alone"]


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


def find_called_once(trees: dict[str, ast.Module]) -> list[tuple[str, Function]]:
    """Find the private functions whose name is used in one place of the whole package."""
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    uses = Counter(node.id for node in nodes if isinstance(node, ast.Name))
    uses += Counter(node.attr for node in nodes if isinstance(node, ast.Attribute))
    return [(path, function) for path, function in find_private(trees) if uses[function.name] == 1]


def find_private(trees: dict[str, ast.Module]) -> Iterator[tuple[str, Function]]:
    """Find the private functions of modules and classes."""
    for path, tree in trees.items():
        for owner in ast.walk(tree):
            for function in owner.body if isinstance(owner, ast.Module | ast.ClassDef) else []:
                if isinstance(function, Function) and re.match("_[^_]", function.name):
                    yield path, function


def count_lines_of_body(function: Function) -> int:
    """Count the lines of what a function does, its docstring left out."""
    first, last = function.body[0].lineno, function.end_lineno or function.lineno
    return last - first + 1 - count_docstring_lines(function)


def describe(path: str, function: Function) -> str:
    """Say where a function is."""
    return f"{path}:{function.lineno} {function.name}"


def list_splinters(trees: dict[str, ast.Module]) -> list[str]:
    """List the small modules that one other module imports."""
    importers = find_importers(trees)
    sizes = {path: measure(tree, 1, find_last_line(tree)) for path, tree in trees.items()}
    return [
        f"{path} ({lines} lines) is imported by {next(iter(importers[path]))} alone"
        for path, lines in sorted(sizes.items())
        if lines <= SPLINTER_LINES and len(importers[path]) == 1 and not path.endswith("__init__.py")
    ]


def find_importers(trees: dict[str, ast.Module]) -> dict[str, set[str]]:
    """Find which files import each file."""
    paths = {path.removesuffix(".py").removesuffix("/__init__").replace("/", "."): path for path in trees}
    importers: dict[str, set[str]] = defaultdict(set)
    for importer, tree in trees.items():
        for name in (name for node in ast.walk(tree) for name in list_imported(node)):
            imported = paths.get(name) or paths.get(name.rpartition(".")[0])
            if imported:
                importers[imported].add(importer)
    return importers


def list_imported(node: ast.AST) -> list[str]:
    """List the dotted names that a statement imports; a name taken from a module ends in that name."""
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str(module), names=names):
            return [f"{module}.{alias.name}" for alias in names]
        case _:
            return []


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
