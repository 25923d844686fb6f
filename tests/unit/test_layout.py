"""Test that the tests keep their own rules: places of helpers, imports, names, docstrings, sizes."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
SUPPORT = "tests.support"
MODULES = sorted(TESTS.rglob("*.py"))
# A name begins with its subject, and says what happens to it.
NO_SUBJECTS = re.compile(
    "(a|an|the|any|no|what|whether|where|which|who|when|how|it|nothing|nobody)_"
)
UNCLEAR = {"told", "said", "anew", "somebody", "anybody", "nobody", "whoever", "nowhere"}
FEWEST_WORDS = 4
LONGEST_MODULE = 399
# Words that begin no imperative sentence: articles, pronouns, questions, and verbs as "makes" or "making".
NO_IMPERATIVES = re.compile(
    "(An?|The|These|This|That|They|It|Its|There|Every|Each|All|Both|No|Any|By|In|At|On|With|From"
    "|What|Whatever|Whether|Where|When|Which|Who|Whose|How|Somebody|Nothing"
    r"|[A-Z]\w+([^s]s|ing))\b"
)
LONGEST_SENTENCE = 25


@cache
def parse(path: Path) -> ast.Module:
    """Return the syntax tree of a file."""
    return ast.parse(path.read_bytes())


def parse_imports(path: Path) -> Iterator[str]:
    """Yield the names of the modules that a file imports, those within functions included."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "tests":
            yield from (f"tests.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def find_tests(path: Path) -> Iterator[str]:
    """Yield the names of the test functions in a file, without `test_`."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name.removeprefix("test_")


def find_docstrings(path: Path) -> Iterator[str]:
    """Yield the docstrings of a file's module, classes and functions."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield ast.get_docstring(node) or ""


def is_plain(docstring: str) -> bool:
    """Return whether a docstring has an imperative at its front, and no long sentence."""
    sentences = re.split(r"(?<=[.!?])\s|\n- ", docstring)
    longest = max(len(sentence.split()) for sentence in sentences)
    return longest <= LONGEST_SENTENCE and not NO_IMPERATIVES.match(docstring)


def is_clear(name: str) -> bool:
    """Return whether a test's name has the form of subject, condition and result."""
    words = name.split("_")
    if len(words) < FEWEST_WORDS or NO_SUBJECTS.match(name):
        return False
    return not UNCLEAR & {*words}


def test_modules_import_only_support_from_tests() -> None:
    others = [
        f"{path.relative_to(TESTS)} imports {name}"
        for path in MODULES
        for name in parse_imports(path)
        if name.split(".")[0] in {"tests", ""} and not f"{name}.".startswith(f"{SUPPORT}.")
    ]
    assert others == []


def test_helper_modules_are_in_support() -> None:
    outside = [path for path in MODULES if TESTS / "support" not in path.parents]
    assert [p for p in outside if p.name != "conftest.py" and not p.name.startswith("test_")] == []


def test_support_folder_contains_no_tests() -> None:
    assert [path for path in MODULES if "support" in path.parts and "test_" in path.name] == []


def test_independent_implementation_imports_nothing_of_the_product() -> None:
    independent = list((TESTS / "support").glob("independent_*.py"))
    assert len(independent) > 3
    names = {name.split(".")[0] for path in independent for name in parse_imports(path)}
    assert not names & {"git_datmo", "git_remote_datmo"}


def test_modules_have_distinct_names() -> None:
    """Check that pytest can collect all modules, which needs distinct names."""
    counts = Counter(path.name for path in MODULES if path.name.startswith("test_"))
    assert [name for name, count in counts.items() if count > 1] == []


def test_modules_are_shorter_than_400_lines() -> None:
    long = [
        path.relative_to(TESTS)
        for path in MODULES
        if path.name.startswith("test_") and len(path.read_bytes().splitlines()) > LONGEST_MODULE
    ]
    assert long == []


def test_names_of_tests_follow_subject_condition_result() -> None:
    unclear = [
        f"{path.relative_to(TESTS)}: {name}"
        for path in MODULES
        for name in find_tests(path)
        if not is_clear(name)
    ]
    assert unclear == []


@pytest.mark.parametrize(
    ("name", "clear"),
    [
        ("checkout_over_modified_file_is_refused", True),
        ("a_checkout_over_a_modified_file_is_refused", False),
        ("what_is_modified_is_refused", False),
        ("checkout_refused", False),
        ("modified_file_is_told_to_nobody", False),
    ],
)
def test_clear_names_are_recognised_by_their_words(name: str, clear: bool) -> None:
    assert is_clear(name) == clear


def test_docstrings_of_tests_are_imperative_sentences() -> None:
    unclear = [
        f"{path.relative_to(TESTS)}: {docstring}"
        for path in MODULES
        for docstring in find_docstrings(path)
        if not is_plain(docstring)
    ]
    assert unclear == []


@pytest.mark.parametrize(
    ("docstring", "plain"),
    [
        ("Return the name of the file.", True),
        ("Press keys. Pass them on.", True),
        ("What the file is called.", False),
        ("Returns the name of the file.", False),
        ("The name of the file.", False),
        ("Return " + "the name of " * 9 + "the file.", False),
    ],
)
def test_plain_docstrings_are_recognised_by_their_words(docstring: str, plain: bool) -> None:
    assert is_plain(docstring) == plain
