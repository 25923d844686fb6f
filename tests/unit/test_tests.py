"""Test that the tests keep their own rules: where helpers lie, and what a module may import."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
SUPPORT = "tests.support"
MODULES = sorted(TESTS.rglob("*.py"))


def parse_imports(path: Path) -> Iterator[str]:
    """Yield the names of the modules that a file imports, those within functions included."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "tests":
            yield from (f"tests.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def test_modules_import_of_the_tests_only_support() -> None:
    others = [
        f"{path.relative_to(TESTS)} imports {name}"
        for path in MODULES
        for name in parse_imports(path)
        if name.split(".")[0] in {"tests", ""} and not f"{name}.".startswith(f"{SUPPORT}.")
    ]
    assert others == []


def test_helpers_lie_in_support() -> None:
    outside = [path for path in MODULES if TESTS / "support" not in path.parents]
    assert [p for p in outside if p.name != "conftest.py" and not p.name.startswith("test_")] == []


def test_support_contains_no_tests() -> None:
    assert [path for path in MODULES if "support" in path.parts and "test_" in path.name] == []


def test_modules_of_tests_have_distinct_names() -> None:
    """Pytest cannot collect two modules of one name."""
    counts = Counter(path.name for path in MODULES if path.name.startswith("test_"))
    assert [name for name, count in counts.items() if count > 1] == []
