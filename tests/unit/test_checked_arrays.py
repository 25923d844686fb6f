"""Test that arrays are checked against the bounds of their fields."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from git_datmo.contracts.check_arrays import check_arrays
from git_datmo.contracts.contract_types import Field
from git_datmo.contracts.table_readers.array_files import read_arrays
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
