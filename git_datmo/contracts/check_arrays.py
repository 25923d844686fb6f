"""Infer and check arrays: one field for each array of a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from math import prod
from typing import Any

from git_datmo.contracts.contract_types import (
    Contract,
    Field,
    Finding,
    Level,
    Table,
    Tensor,
)
from git_datmo.contracts.sampled_fields import SampledFields
from git_datmo.contracts.table_readers.array_files import ArrayInFile
from git_datmo.sizes import show_count


def infer_arrays(name: str, arrays: Sequence[ArrayInFile]) -> Table:
    """Return a table with a field for each array. Its first dimension may have any length."""
    fields = tuple(
        Field(
            array.name,
            logical_type="array",
            is_required=not has_nan(array),
            tensor=Tensor(array.datatype, (-1, *array.shape[1:]) if array.shape else ()),
        )
        for array in arrays
    )
    return Table(name, fields=fields)


def check_arrays(
    contract: Contract,
    table: Table,
    arrays: Sequence[ArrayInFile],
    sample: SampledFields | None = None,
) -> Iterator[Finding]:
    """Yield the differences between arrays and the fields of a table.

    Values of the arrays are added to the sample.
    """
    found = {array.name: array for array in arrays}
    for field in table.fields:
        array = found.pop(field.name, None)
        if array is None:
            if not field.is_optional:
                yield _make(contract, table, field.name, "present", "array is missing")
            continue
        yield from _check_form(contract, table, field, array)
        yield from _check_numbers(contract, table, field, array, sample)
    if table.is_closed:
        for name in found:
            message = "array is not declared in the contract"
            yield Finding("warn", "undeclared", contract.id, table.name, name, message, (), 1)


def _check_form(
    contract: Contract, table: Table, field: Field, array: ArrayInFile
) -> Iterator[Finding]:
    """Yield a finding for another datatype or shape."""
    if field.tensor is None:
        return
    if array.datatype != field.tensor.datatype:
        message = f"array is {array.datatype}, not {field.tensor.datatype}"
        yield _make(contract, table, field.name, "datatype", message)
    if not fits_shape(array.shape, field.tensor.shape):
        message = f"array has the shape {list(array.shape)}, not {list(field.tensor.shape)}"
        yield _make(contract, table, field.name, "shape", message)


def fits_shape(found: Sequence[int], wanted: Sequence[int]) -> bool:
    """Return whether a shape has the dimensions wanted, of which -1 is any."""
    return len(found) == len(wanted) and all(
        wish in (-1, length) for length, wish in zip(found, wanted, strict=True)
    )


def _check_numbers(
    contract: Contract,
    table: Table,
    field: Field,
    array: ArrayInFile,
    sample: SampledFields | None,
) -> Iterator[Finding]:
    """Yield findings for NaN in a required field, infinities, and numbers out of range."""
    counts = {"required": 0, "finite": 0, "minimum": 0, "maximum": 0}
    # NumPy has no type for BF16, which therefore has no blocks.
    for block in array.blocks():
        if sample is not None:
            sample.add_array(field, block, prod(array.shape[1:]))
        for rule, mask in _find_broken(block, field):
            counts[rule] += int(mask.sum())
    texts = {
        "required": "NaN, and the field is required",
        "finite": "infinite",
        "minimum": f"below the minimum {field.minimum}",
        "maximum": f"above the maximum {field.maximum}",
    }
    for rule, count in counts.items():
        if count:
            verb = "is" if count == 1 else "are"
            message = f"{show_count(count, 'value')} {verb} {texts[rule]}"
            level: Level = "warn" if rule == "finite" else "refuse"
            yield _make(contract, table, field.name, rule, message, count, level)


def _find_broken(block: Any, field: Field) -> Iterator[tuple[str, Any]]:
    """Yield the rules of ranges with the masks of the values that break them."""
    import numpy as np

    # Booleans have no range.
    if block.dtype.kind == "b":
        return
    if block.dtype.kind == "f":
        if field.is_required:
            yield "required", np.isnan(block)
        yield "finite", np.isinf(block)
    if isinstance(field.minimum, int | float | Decimal):
        least = _plain_number(field.minimum)
        yield "minimum", block <= least if field.is_minimum_exclusive else block < least
    if isinstance(field.maximum, int | float | Decimal):
        most = _plain_number(field.maximum)
        yield "maximum", block >= most if field.is_maximum_exclusive else block > most


def _plain_number(bound: float | Decimal) -> int | float:
    """Return a bound as arrays compare it. Files of contracts give decimals."""
    # A whole number stays exact beyond 2^53, where a float would round it.
    return int(bound) if bound == bound // 1 else float(bound)


def _make(
    contract: Contract,
    table: Table,
    field: str,
    rule: str,
    message: str,
    count: int = 1,
    level: Level = "refuse",
) -> Finding:
    """Return a finding without sample rows."""
    return Finding(level, rule, contract.id, table.name, field, message, (), count)


def has_nan(array: ArrayInFile) -> bool:
    """Return whether a value of an array is NaN."""
    import numpy as np

    return any(block.dtype.kind == "f" and np.isnan(block).any() for block in array.blocks())
