"""Test that conditions are parsed as they are written, and that other texts are refused."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from git_datmo.errors import UsageError
from git_datmo.query.conditions import (
    Condition,
    Junction,
    Membership,
    Negation,
    Presence,
    ValueTest,
    parse_condition,
    parse_names,
)
from git_datmo.query.evaluate import Row, matches

KEYWORDS = {"and", "or", "not", "in"}
NAMES = ("metrics.a", "params.b", "params.odd name")
WRITTEN = {name: name for name in NAMES[:2]} | {NAMES[2]: 'params["odd name"]'}

numbers = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
values = numbers | st.booleans() | st.text(max_size=8)


def written(value: object) -> str:
    """Return a value as a person would write it."""
    if isinstance(value, str):
        return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
    return str(value).lower() if isinstance(value, bool) else repr(value)


@st.composite
def comparisons(draw: st.DrawFn) -> tuple[str, object]:
    """Draw a test as text, and a function that decides the same by Python's own means."""
    name, value = draw(st.sampled_from(NAMES)), draw(values)
    sign = draw(st.sampled_from(["=", "!=", "<", ">=", "in", ""]))
    if sign == "":
        return WRITTEN[name], lambda row: row.get(name) is not None and row[name] is not False
    if sign == "in":
        return (
            f"{WRITTEN[name]} in ({written(value)}, 5)",
            lambda row: same(row.get(name), value) or same(row.get(name), 5),
        )
    return f"{WRITTEN[name]} {sign} {written(value)}", lambda row: compare(
        sign, row.get(name), value
    )


def same(one: object, other: object) -> bool:
    if one is None:
        return False
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, str) and not isinstance(other, str):
        return one == repr(other)
    return isinstance(one, str) == isinstance(other, str) and one == other


def compare(sign: str, one: object, other: object) -> bool:
    if one is None:
        return False
    if sign in ("=", "!="):
        return same(one, other) == (sign == "=")
    if isinstance(one, bool) or isinstance(other, bool):
        return False
    if isinstance(one, str) != isinstance(other, str):
        return False
    return bool(one < other if sign == "<" else one >= other)  # type: ignore[operator]


NOT_NUMBERS = {"NaN", "Infinity", "-Infinity"}
rows = st.dictionaries(
    st.sampled_from(NAMES),
    values.filter(lambda value: value not in NOT_NUMBERS),
)


@given(st.lists(comparisons(), min_size=1, max_size=4), st.lists(st.booleans(), min_size=4), rows)
def test_condition_decides_as_python_does(
    parts: list[tuple[str, object]], turns: list[bool], row: Row
) -> None:
    text, decide = parts[0]
    expected = decide(row)  # type: ignore[operator]
    for (more, also), either in zip(parts[1:], turns, strict=False):
        text = f"not ({text}) or {more}" if either else f"({text}) and {more}"
        value = also(row)  # type: ignore[operator]
        expected = (not expected or value) if either else (expected and value)
    if not any(word in text for word in NOT_NUMBERS):
        assert matches(parse_condition(text), row) == expected


@given(st.text() | st.text("()[]'\"\\, =<>!~andornotin1.5x"))
def test_text_that_is_no_condition_is_refused(text: str) -> None:
    try:
        parsed = parse_condition(text)
    except UsageError:
        return
    assert matches(parsed, {}) in (True, False)
    assert all(names_of(parsed))


def names_of(condition: Condition) -> list[str]:
    if isinstance(condition, ValueTest | Membership | Presence):
        return [condition.name]
    if isinstance(condition, Negation):
        return names_of(condition.condition)
    assert isinstance(condition, Junction)
    return [name for each in condition.conditions for name in names_of(each)]


@given(st.lists(st.text(min_size=1), min_size=1, max_size=4))
def test_quoted_names_are_read_as_themselves(names: list[str]) -> None:
    listed = ", ".join(f"params[{written(name)}]" for name in names)
    assert parse_names(listed) == tuple(f"params.{name}" for name in names)
