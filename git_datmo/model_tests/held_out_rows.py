"""Place and read the held-out rows: a CSV file of the snapshot that has features and labels."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from git_datmo.contracts.nested_values import is_null
from git_datmo.errors import DatmoError
from git_datmo.git.safe_paths import check_path
from git_datmo.history.experiments import Found
from git_datmo.objects.tree_nodes import root_node
from git_datmo.payloads.record_claims import claim_of, refuse_false_claims
from git_datmo.progress import Progress
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.rerun_inputs import place, require_objects
from git_datmo.serving.mlflow_requests import parse_invocation
from git_datmo.serving.model_contract import ModelContract, datatype_of_field
from git_datmo.serving.named_tensors import NamedTensor, RefusedRequest

ROWS_OF_REQUEST = 256
_LARGEST = 256 << 20


@dataclass(frozen=True, slots=True)
class HeldOutRows:
    """Rows that the model did not learn from. `texts` has each column as the file spells it."""

    path: str
    columns: tuple[NamedTensor, ...]
    labels: tuple[Any, ...]
    output: str
    texts: dict[str, tuple[str, ...]]

    def requests(self, contract: ModelContract | None) -> Iterator[tuple[int, list[NamedTensor]]]:
        """Yield the first row and the arrays of each request, with the inputs of `contract`."""
        table = contract.request if contract else None
        declared = None if table is None else {field.name for field in table.fields}
        inputs = [t for t in self.columns if declared is None or t.name in declared]
        for start in range(0, len(self.labels), ROWS_OF_REQUEST):
            stop = min(start + ROWS_OF_REQUEST, len(self.labels))
            yield start, [tensor.slice_rows(start, stop) for tensor in inputs]


def place_held_out(
    ws: Workspace, found: Found, contract: ModelContract, folder: Path, progress: Progress
) -> HeldOutRows | None:
    """Write the data that the label table names into `folder`, and read them.

    Returns None if the contract has no label table. Raises `DatmoError` if the snapshot has no such
    data, or if they cannot be read.
    """
    labels = next((each for each in contract.contract.tables if each.port == "label"), None)
    if labels is None:
        return None
    path = labels.physical_name or labels.name
    if len(labels.fields) != 1:
        raise DatmoError(
            f"the label table '{labels.name}' needs exactly one field", "declare the label alone"
        )
    check_path(path)
    payload = next((p for p in found.snapshot.payloads if _contains(p.path, path)), None)
    if payload is not None:
        node = root_node(payload.content)
        require_objects(ws, [node], found.id, progress, size=payload.content.size)
        refuse_false_claims(ws, [claim_of(payload.path, payload.content)])
        place(ws, [(payload.path, node)], folder, progress)
        progress.finish()
    if not os.path.lexists(folder / path):
        raise DatmoError(
            f"snapshot '{str(found.id)[:10]}' has no data '{path}', which the label table names",
            f"add them: git datmo add-data {payload.path if payload else path}",
        )
    # A link in the payload could lead to a file of this machine.
    if (folder / path).resolve() != folder.resolve() / path:
        raise DatmoError(f"the held-out data '{path}' are a link", "name a CSV file")
    return read_held_out(contract, path, folder / path)


def _contains(payload: str, path: str) -> bool:
    return path == payload or path.startswith(f"{payload}/")


def read_held_out(contract: ModelContract, path: str, file: Path) -> HeldOutRows:
    """Read the CSV file of the held-out rows; raise `DatmoError` if it is none."""
    label = next(t for t in contract.contract.tables if t.port == "label").fields[0]
    if not file.is_file():
        raise DatmoError(f"the held-out data '{path}' are not a file", "name a CSV file")
    if file.stat().st_size > _LARGEST:
        raise DatmoError(f"the held-out data '{path}' are larger than 256 MiB", "name fewer rows")
    content = file.read_bytes()

    def datatype(name: str) -> str:
        return datatype_of_field(label) if name == label.name else contract.datatype(name)

    try:
        columns = parse_invocation(content, "text/csv", datatype, "")
    except RefusedRequest as error:
        raise DatmoError(
            f"the held-out data '{path}' cannot be read: {describe_refusal(error)}",
            "the data are a CSV file with a header",
        ) from error
    found = next((tensor for tensor in columns if tensor.name == label.name), None)
    if found is None:
        raise DatmoError(
            f"the held-out data '{path}' have no column '{label.name}'",
            "the label table of the contract names the column",
        )
    values = tuple(found.values())
    missing = next((n for n, value in enumerate(values, 1) if is_null(value)), 0)
    if missing:
        raise DatmoError(f"row {missing} of '{path}' has no label", "remove the row")
    return HeldOutRows(
        path,
        tuple(tensor for tensor in columns if tensor is not found),
        values,
        _output_of(contract, label.name),
        _read_texts(content),
    )


def describe_refusal(error: RefusedRequest) -> str:
    """Return the message of a refusal, with the first rule that is broken."""
    first = [
        f": {v.field} breaks {v.rule}" + ("" if v.row is None else f" in row {v.row + 1}")
        for v in error.violations[:1]
    ]
    return f"{error.message}{''.join(first)}"


def _output_of(contract: ModelContract, label: str) -> str:
    """Return the output that predicts the label: the one of its name, or the only one; else ''."""
    names = contract.output_names
    if label in names:
        return label
    return names[0] if len(names) == 1 else ""


def _read_texts(content: bytes) -> dict[str, tuple[str, ...]]:
    """Return the columns of a CSV file as texts, for slices."""
    rows = [row for row in csv.reader(io.StringIO(content.decode("utf-8-sig"))) if row]
    return {name: tuple(row[n] for row in rows[1:]) for n, name in enumerate(rows[0])}
