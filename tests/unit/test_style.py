"""Test limits on the measures that `tools/measure_style.py` prints."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

from tools.measure_style import PRODUCT, TOP, Measures, Module, measure, read_modules, riddle_share

FOLDERS = (*PRODUCT, *(TOP / name for name in ("tests", "benchmarks", "tools", "examples")))


@cache
def product() -> Measures:
    return measure(read_modules(PRODUCT))


def module(text: str, name: str = "sample.py") -> Module:
    return Module(Path(name), text, ast.parse(text))


def test_prose_rarely_contains_what() -> None:
    assert product().what_per_thousand <= 3


def test_docstring_does_not_open_with_a_question_word() -> None:
    assert riddle_share(read_modules(FOLDERS)) == 0


def test_class_name_is_used_once() -> None:
    assert product().repeated_classes == ()


def test_module_name_is_used_once() -> None:
    # Both programs have a module that is called `main`.
    assert product().repeated_modules == ("main",)


@pytest.mark.parametrize(
    ("text", "measured", "value"),
    [
        ("def f():\n    '''What it is.'''\n", "riddle_share", 1),
        ("class A:\n    '''Who it is.'''\n    def f(self): ...\n", "riddle_share", 1),
        ("def f():\n    '''Return it.'''\n", "riddle_share", 0),
        ("# what what\ndef f():\n    '''Return what it is.'''\n", "what_per_thousand", 500),
        ("class A: ...\nclass A: ...\ndef f():\n    '''Run.'''\n", "repeated_classes", ("A",)),
    ],
)
def test_measure_counts_as_expected(text: str, measured: str, value: object) -> None:
    assert getattr(measure([module(text)]), measured) == value
