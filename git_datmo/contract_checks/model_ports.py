"""Check the signature of a model's file against the inputs and outputs of its contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from git_datmo.contracts.check_arrays import fits_shape
from git_datmo.contracts.contract_types import Contract, Finding, Table
from git_datmo.contracts.model_signatures import read_signature
from git_datmo.contracts.table_readers.table_batches import UnreadableTable

MODEL_PORTS = ("input", "output")
NO_PORTS = "the contract declares no input and no output to compare with those of the file"


def check_model(contract: Contract, full: str, path: str) -> tuple[tuple[Finding, ...], str]:
    """Return the differences between a model's signature and its contract.

    The text says which ports were compared; '' for none. Parts that were not compared are findings.
    """
    declared = [table for table in contract.tables if table.port in MODEL_PORTS]
    if not declared:
        return (_unchecked(contract, NO_PORTS),), ""
    try:
        signature = read_signature(full, path)
    except UnreadableTable as error:
        # A pickle states no signature, which breaks no rule of the contract.
        return (_unchecked(contract, error.what),), ""
    return tuple(_compare(contract, declared, signature)), _describe(declared, signature)


def _compare(
    contract: Contract, declared: Sequence[Table], signature: Sequence[Table]
) -> Iterator[Finding]:
    """Yield the findings of the inputs, then of the outputs. A port may have several objects."""
    stated = {table.port: table for table in signature}
    for table in declared:
        found = stated.get(table.port)
        if found is None:
            message = f"the model states no {table.port}, so that of the contract was not compared"
            yield _unchecked(contract, message, table.name)
        else:
            yield from _compare_ports(contract, table, found)


def _describe(declared: Sequence[Table], signature: Sequence[Table]) -> str:
    """Return the ports that were compared."""
    both = {table.port for table in declared} & {table.port for table in signature}
    ports = " and ".join(port for port in MODEL_PORTS if port in both)
    return f"{ports} compared" if ports else ""


def _compare_ports(contract: Contract, table: Table, stated: Table) -> Iterator[Finding]:
    """Yield the fields of a port that the model does not have, or has in another form."""
    fields = {field.name: field for field in stated.fields}
    for field in table.fields:
        found = fields.get(field.name)
        message = ""
        if found is None:
            message = f"the model has no {table.port} '{field.name}'"
        elif field.tensor is not None and found.tensor is not None:
            if field.tensor.datatype != found.tensor.datatype:
                message = f"the model has {found.tensor.datatype}, not {field.tensor.datatype}"
            elif not fits_shape(found.tensor.shape, field.tensor.shape):
                shapes = f"{list(found.tensor.shape)}, not {list(field.tensor.shape)}"
                message = f"the model has the shape {shapes}"
        elif field.logical_type and found.logical_type not in ("", field.logical_type):
            message = f"the model has the type {found.logical_type}, not {field.logical_type}"
        if message:
            yield Finding(
                "refuse", "signature", contract.id, table.name, field.name, message, (), 1
            )


def _unchecked(contract: Contract, message: str, table: str = "") -> Finding:
    """Return a finding about a part of the signature that was not compared."""
    return Finding("unchecked", "signature", contract.id, table, "", message)
