"""Use a contract at requests: the input and output tables, datatypes, and example requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from git_datmo.contracts.contract_types import Contract, Field, Table
from git_datmo.serving.named_tensors import NamedTensor, tensor_of_json

_DATATYPES = {
    "number": "FP64",
    "integer": "INT64",
    "boolean": "BOOL",
    "string": "BYTES",
    # Texts in ISO form.
    "date": "BYTES",
    "timestamp": "BYTES",
    "time": "BYTES",
}


def datatype_of_field(field: Field) -> str:
    """Return the datatype of a field's array; '' if the contract leaves it open."""
    if field.tensor is not None:
        return field.tensor.datatype
    return _DATATYPES.get(field.logical_type, "")


@dataclass(frozen=True, slots=True)
class ModelContract:
    """A contract, and the tables of it that a model reads and writes; None if it has none."""

    contract: Contract
    request: Table | None
    answer: Table | None

    def datatype(self, name: str) -> str:
        """Return the datatype of an input field; '' if it is not declared."""
        fields = self.request.fields if self.request else ()
        return next((datatype_of_field(field) for field in fields if field.name == name), "")

    @property
    def single_input(self) -> str:
        """Return the name of the array in a request that names none."""
        fields = self.request.fields if self.request else ()
        return fields[0].name if len(fields) == 1 else "input"

    @property
    def output_names(self) -> tuple[str, ...]:
        """Return the names of the declared outputs."""
        return tuple(field.name for field in self.answer.fields) if self.answer else ()

    def example_request(self) -> tuple[NamedTensor, ...]:
        """Return a request with the examples of all fields; nothing if a field has none.

        Optional fields without examples are left out. The request has as many rows as the field
        with the fewest examples.
        """
        fields = [f for f in (self.request.fields if self.request else ()) if _is_needed(f)]
        if not fields or any(f.tensor is not None or not f.examples for f in fields):
            return ()
        rows = min(len(f.examples) for f in fields)
        return tuple(
            tensor_of_json(f.name, datatype_of_field(f), [_plain(v) for v in f.examples[:rows]])
            for f in fields
        )


def _is_needed(field: Field) -> bool:
    """Return True for a field that an example request has."""
    return bool(field.examples) or not (field.is_optional or field.has_default)


def _plain(value: object) -> object:
    """Return a contract's value as JSON has it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return float(str(value))


def model_contract(contracts: Iterable[Contract]) -> ModelContract | None:
    """Return the contract with an input or output table, or an entry; None if there is none.

    Of several, the first with an entry counts.
    """
    found = [
        ModelContract(
            contract,
            next((table for table in contract.tables if table.port == "input"), None),
            next((table for table in contract.tables if table.port == "output"), None),
        )
        for contract in contracts
    ]
    of_models = [each for each in found if each.request or each.answer or each.contract.entry]
    # The sort is stable: of several with an entry, the first stays first.
    of_models.sort(key=lambda each: not each.contract.entry)
    return of_models[0] if of_models else None
