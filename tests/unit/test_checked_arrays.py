"""Test that arrays are checked against the bounds of their fields."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from git_datmo.contract_checks.check_file import check_file
from git_datmo.contracts.check_arrays import check_arrays
from git_datmo.contracts.contract_types import Field
from git_datmo.contracts.population_stability import compare_profiles
from git_datmo.contracts.sampled_fields import SampledFields
from git_datmo.contracts.table_readers.array_files import read_arrays
from git_datmo.records.field_profile import FieldProfile
from tests.support.contract_data import make


@pytest.mark.parametrize(
    ("values", "field", "broken"),
    [
        ([0.4, 0.5, 1.0], Field("values", minimum=Decimal("0.5"), maximum=Decimal(1)), ["minimum"]),
        (
            [0.5, 1.0],
            Field("values", maximum=Decimal("1.0"), is_maximum_exclusive=True),
            ["maximum"],
        ),
        ([2**53 + 1], Field("values", maximum=Decimal(2**53)), ["maximum"]),
        ([2**53], Field("values", maximum=Decimal(2**53)), []),
        ([1, 2], Field("values", minimum=1, maximum=2), []),
    ],
)
def test_bound_of_a_contract_file_is_checked(
    tmp_path: Path, values: list[float], field: Field, broken: list[str]
) -> None:
    path = tmp_path / "t.npy"
    np.save(path, np.array(values))
    contract = make(field)
    found = check_arrays(contract, contract.tables[0], read_arrays(str(path), "t.npy"))
    assert [finding.rule for finding in found] == broken


def profile_arrays(path: Path, field: Field) -> dict[str, FieldProfile]:
    """Return the profiles that checking a file of arrays makes."""
    samples: dict[str, SampledFields] = {}
    check_file(path.parent, make(field), path.name, str(path.parent), samples)
    return dict(samples["table"].profiles())


def test_array_has_a_profile_of_one_value_of_each_row(tmp_path: Path) -> None:
    path = tmp_path / "t.npy"
    # The blocks of the file end within rows.
    rows = np.repeat(np.arange(300), 50_000).reshape(300, 50_000)
    np.save(path, rows)
    profile = profile_arrays(path, Field("values"))["values"]
    assert (profile.rows, profile.edges[0], profile.edges[-1]) == (300, 0, 299)
    assert profile.counts == (1, *[30] * 9, 29)
    np.save(path, rows + 200)
    drifted = profile_arrays(path, Field("values"))["values"]
    assert compare_profiles(profile, drifted).is_large
    assert profile_arrays(path, Field("values", classification="restricted")) == {}


def test_tensors_of_safetensors_have_profiles(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "t.safetensors"
    tensors = {"x": np.array([1.5, np.nan, 2.5], "f4"), "is_new": np.array([True, False, True])}
    save_file(tensors, path)
    profile = profile_arrays(path, Field("x"))["x"]
    assert (profile.rows, profile.missing, profile.edges) == (3, 1, (1.5, 2.5))
    profile = profile_arrays(path, Field("is_new"))["is_new"]
    assert (profile.categories, profile.counts) == (("true", "false"), (2, 1, 0))
