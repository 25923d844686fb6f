"""Test inclusion of value sets with rows, and with the peer jsonschema."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from git_datmo.contracts.compatibility import compatible
from git_datmo.contracts.contract_changes import change
from git_datmo.contracts.contract_types import Field, Table, verdict_of
from git_datmo.contracts.value_sets import allows

NUMBERS = st.integers(-4, 4) | st.sampled_from((127, 128, 255, 256, 2**24 + 1, 2**53 + 1))
TEXTS = st.sampled_from(("", "a", "b", "aa", "ab", "abc", "2020-01-01", "2020-02-01"))
VALUES: st.SearchStrategy[Any] = NUMBERS | TEXTS | st.booleans() | st.none() | st.just(0.5)
TYPES = st.sampled_from(("", "int8", "uint8", "int32", "int64", "float32", "float64", "bool"))
LOGICAL = st.sampled_from(("", "string", "integer", "number", "boolean", "date"))
SMALL = st.none() | st.integers(0, 3)


@st.composite
def fields(draw: st.DrawFn) -> Field:
    """Draw a field with a few rules."""
    logical = draw(LOGICAL)
    is_number = logical in ("integer", "number")
    bounds = st.none() | (st.integers(-3, 3) if is_number else st.just(None))
    if logical == "date":
        bounds = st.sampled_from((None, "2020-01-01", "2020-01-15"))
    return Field(
        "x",
        logical_type=logical,
        physical_type=draw(TYPES) if is_number or not logical else "",
        is_required=draw(st.booleans()),
        is_optional=draw(st.booleans()),
        enum=draw(st.none() | st.lists(VALUES, min_size=1, max_size=4).map(tuple)),
        minimum=draw(bounds),
        maximum=draw(bounds),
        is_minimum_exclusive=draw(st.booleans()),
        is_maximum_exclusive=draw(st.booleans()),
        min_length=draw(SMALL),
        max_length=draw(SMALL),
        pattern=draw(st.sampled_from(("", "^a", "b$", "(a+)+"))),
    )


RULES = (
    *("logical_type", "physical_type", "is_required", "is_optional", "enum", "minimum"),
    *("maximum", "min_length", "max_length", "pattern"),
)


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Field, Field]:
    """Draw two fields that differ in at most three rules."""
    one, other = draw(fields()), draw(fields())
    rules = draw(st.lists(st.sampled_from(RULES), max_size=3, unique=True))
    return one, replace(one, **{rule: getattr(other, rule) for rule in rules})


def is_row(table: Table, row: dict[str, Any]) -> bool:
    """Return whether a table allows a row; fields are looked up as those of an object."""
    return allows(Field("", logical_type="object", fields=table.fields), row)


@given(pairs(), VALUES, st.booleans())
def test_row_that_provider_allows_is_accepted_by_compatible_consumer(
    pair: tuple[Field, Field], value: Any, is_absent: bool
) -> None:
    offered, wanted = pair
    provides, requires = Table("t", fields=(offered,)), Table("t", fields=(wanted,))
    assume(verdict_of(compatible(provides, requires)) == "holds")
    row = {} if is_absent else {"x": value}
    if is_row(provides, row):
        assert is_row(requires, row)


@given(fields())
def test_each_table_is_compatible_with_itself_or_unchecked(field: Field) -> None:
    table = Table("t", fields=(field,))
    levels = {found.level for found in compatible(table, table)}
    # An optional field may be absent, and a consumer that says so accepts that.
    assert "refuse" not in levels


@given(pairs())
def test_minor_change_of_provider_keeps_what_consumers_had(pair: tuple[Field, Field]) -> None:
    old, new = pair
    before, after = Table("t", fields=(old,)), Table("t", fields=(new,))
    assume(not any(found.size == "major" for found in change(before, after, "provides")))
    # Who fits the old version still fits the new one, as far as texts tell.
    assert verdict_of(compatible(after, before)) != "broken"


@given(pairs())
def test_change_back_is_sized_as_the_other_direction(pair: tuple[Field, Field]) -> None:
    old, new = pair
    before, after = Table("t", fields=(old,)), Table("t", fields=(new,))
    there = sorted(found.size for found in change(before, after, "provides"))
    back = sorted(found.size for found in change(after, before, "requires"))
    assert there == back
