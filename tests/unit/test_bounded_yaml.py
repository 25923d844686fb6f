"""Test that YAML of strangers is read exactly, or refused in bounded time."""

from __future__ import annotations

from decimal import Decimal

import pytest

from git_datmo.contracts.bounded_yaml import BadYaml, read_document

LAUGHS = "a0: &a0 x\n" + "".join(
    f"a{level}: &a{level} [{','.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 20)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("007", "007"),
        ("-7", -7),
        ("9007199254740993", 9007199254740993),
        ("1e5", Decimal(100000)),
        ("0.1", Decimal("0.1")),
        ("2026-01-31", "2026-01-31"),
        ("12:30:00", "12:30:00"),
        ("'5'", "5"),
        ("~", None),
        ("true", True),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
    ],
)
def test_scalar_of_each_form_has_the_value_that_editors_show(text: str, value: object) -> None:
    found = read_document(f"a: {text}\n".encode()).data["a"]
    assert (found, type(found)) == (value, type(value))


HOSTILE = {
    "laughs": (LAUGHS.encode(), "more than 400,000 values", 7),
    "brackets": (b"[" * 100_000, "nesting|nested deeper", 1),
    "dashes": (b"- " * 100_000 + b"a", "nested deeper", 1),
    "long-list": (b"- a\n" * 500_000, "more than 400,000 values", 400_000),
    "large": (b"x" * (5 << 20), "larger than 4 MiB", 0),
    "duplicate": (b"a: 1\nb: 2\na: 3\n", "'a' is there twice", 3),
    "circle": (b"a: &a [*a]\n", "within it", 1),
    "tag": (b"a: !!python/object/apply:os.system [x]\n", "tag .* is not allowed", 1),
    "merge": (b"<<: {a: 1}\n", "merge keys", 1),
    "complex-key": (b"? [a]\n: b\n", "not a plain word", 1),
    "open-flow": (b"a: [1,\nb: {\n", "expected|did not find", 3),
    "documents": (b"a: 1\n---\nb: 2\n", "another document", 2),
    "latin": (b"\xff\xfe", "UTF-8", 0),
    "zero-byte": (b"a: \x00", "invalid YAML", 0),
    "empty": (b"", "empty", 0),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("content", "problem", "line"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_yaml_is_refused_quickly_with_its_line(
    content: bytes, problem: str, line: int
) -> None:
    with pytest.raises(BadYaml, match=problem) as caught:
        read_document(content)
    assert caught.value.line == line


def test_alias_of_small_value_is_read_as_its_value() -> None:
    document = read_document(b"a: &a {b: 1}\nc: *a\n")
    assert document.data == {"a": {"b": 1}, "c": {"b": 1}}


def test_line_of_nested_path_is_that_of_its_key() -> None:
    document = read_document(b"a:\n  - b: 1\n    c: 2\n")
    assert document.line_of(("a", 0, "c")) == 3
    assert document.line_of(("a", 0, "missing")) == 2
