"""Test the sample of a table's rows of which fields are profiled."""

from __future__ import annotations

import pyarrow as pa
import pytest

from git_datmo.contracts.contract_types import Field, LogicalType, Table
from git_datmo.contracts.even_sample import MOST_ROWS
from git_datmo.contracts.sampled_fields import MOST_FIELDS, SampledFields, is_profiled
from git_datmo.contracts.table_readers.table_batches import Batch
from git_datmo.records.field_profile import FieldProfile


def profile_rows(kind: LogicalType, columns: list[object]) -> FieldProfile:
    """Return the profile of a field, whose column comes in batches."""
    sample = SampledFields(Table("table", fields=(Field("x", logical_type=kind),)))
    first = 1
    for column in columns:
        rows = len(column)  # type: ignore[arg-type]
        sample.add(Batch(first, rows, {"x": column}))
        first += rows
    ((_, profile),) = sample.profiles()
    return profile


def test_few_rows_are_profiled_in_full() -> None:
    profile = profile_rows("integer", [pa.array(["1", "2", None]), pa.array(["2", "x"])])
    assert (profile.rows, profile.missing) == (5, 2)
    assert (profile.edges, profile.counts) == ((1, 2), (1, 2))


def test_many_rows_are_sampled_evenly() -> None:
    count = 137_000
    # A period of two would be invisible to a fixed step.
    column = pa.array([row % 2 * count + row for row in range(count)])
    batches: list[object] = [column.slice(start, 30_000) for start in range(0, count, 30_000)]
    profile = profile_rows("number", batches)
    assert MOST_ROWS / 2 <= profile.rows <= MOST_ROWS
    assert profile == profile_rows("number", [column])
    expected = sorted(column.to_pylist())
    for index, edge in enumerate(profile.edges):
        assert edge == pytest.approx(expected[(count - 1) * index // 10], abs=count / 20)


def test_field_that_a_batch_lacks_is_missing() -> None:
    sample = SampledFields(Table("table", fields=(Field("x", logical_type="string"),)))
    sample.add(Batch(1, 2, {"x": ["a", "b"]}))
    sample.add(Batch(3, 3, {}))
    ((name, profile),) = sample.profiles()
    assert (name, profile.rows, profile.missing) == ("x", 5, 3)


@pytest.mark.parametrize(
    "field",
    [
        Field("x", logical_type="integer", is_key=True),
        Field("x", logical_type="integer", is_unique=True),
        Field("x", logical_type="string", classification="restricted"),
        Field("x", logical_type="timestamp"),
        Field("x", logical_type="object"),
    ],
)
def test_keys_times_and_classified_fields_have_no_profile(field: Field) -> None:
    assert not is_profiled(field)


def test_number_of_profiled_fields_is_limited() -> None:
    fields = tuple(Field(f"x{index}", logical_type="integer") for index in range(MOST_FIELDS + 1))
    assert len([*SampledFields(Table("table", fields=fields)).profiles()]) == MOST_FIELDS
