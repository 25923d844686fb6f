"""Accept what became of predictions: from clients, and from CSV files with late labels."""

from __future__ import annotations

import csv
import re
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from git_datmo.contracts.contract_types import Field
from git_datmo.errors import DatmoError
from git_datmo.serving.event_log import OUTCOME, PUBLIC, event_of
from git_datmo.serving.model_contract import ModelContract
from git_datmo.serving.named_tensors import RefusedRequest, RequestViolation
from git_datmo.serving.request_checks import value_rules

PREDICTION_COLUMN, ROW_COLUMN = "prediction", "row"
# The form of `ServedModel.prediction_id`: the beginning of a snapshot's id, and a UUID.
_PREDICTION = re.compile(r"[0-9a-f]{10}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
MOST_OUTCOMES = 10_000


def outcome_event(
    prediction: str,
    row: int,
    values: Mapping[str, Any],
    contract: ModelContract | None,
    *,
    event_id: str,
    seconds: float,
) -> dict[str, Any]:
    """Return the event of an outcome; raise `RefusedRequest` if it is not one.

    `row` is the row of the prediction. Values of fields that the contract does not classify as
    public are left out.
    """
    if not _PREDICTION.match(prediction):
        raise RefusedRequest(f"'{prediction}' is not the id of a prediction")
    fields = _label_fields(contract)
    stored, hidden = {}, []
    for name, value in values.items():
        field = fields.get(name)
        rule = value_rules(field)(value) if field is not None else ""
        if rule:
            raise RefusedRequest(
                "the outcome breaks the contract", (RequestViolation(name, row, rule, value),)
            )
        if field is not None and field.classification == PUBLIC:
            stored[name] = value
        else:
            hidden.append(name)
    data = {"prediction": prediction, "row": row, "outcome": stored, "left_out": hidden}
    return event_of(OUTCOME, prediction[:10], data, event_id=event_id, seconds=seconds)


def _label_fields(contract: ModelContract | None) -> dict[str, Field]:
    """Return the fields that an outcome may have: those of the answer, and of label tables."""
    if contract is None:
        return {}
    tables = [table for table in contract.contract.tables if table.port == "label"]
    found = {field.name: field for field in (contract.answer.fields if contract.answer else ())}
    return found | {field.name: field for table in tables for field in table.fields}


def outcomes_of_request(
    document: Mapping[str, Any], contract: ModelContract | None, seconds: float
) -> list[dict[str, Any]]:
    """Return the events of a `POST /feedback`: of one outcome, or of a list `outcomes`.

    Raises `RefusedRequest` if one of them is malformed.
    """
    given = document.get("outcomes", [document])
    if not isinstance(given, list) or not 0 < len(given) <= MOST_OUTCOMES:
        raise RefusedRequest(f"outcomes is not a list of at most {MOST_OUTCOMES} objects")
    events = []
    for each in given:
        prediction = each.get("prediction") if isinstance(each, dict) else None
        values = each.get("outcome") if isinstance(each, dict) else None
        row = each.get("row", 0) if isinstance(each, dict) else None
        # `type`, since True would pass as row 1.
        if not isinstance(prediction, str) or not isinstance(values, dict) or type(row) is not int:
            raise RefusedRequest("an outcome needs prediction, a text, and outcome, an object")
        events.append(
            outcome_event(
                prediction, row, values, contract, event_id=str(uuid.uuid4()), seconds=seconds
            )
        )
    return events


def outcomes_of_csv(
    path: Path, contract: ModelContract | None, seconds: float
) -> Iterator[dict[str, Any]]:
    """Yield the events of a CSV file with the column `prediction`, perhaps `row`, and labels.

    The event's id follows from the prediction, the row and the values, so a file that is added
    twice tells nothing new. Raises `DatmoError` for a line that is no outcome.
    """
    try:
        # Spreadsheets write a byte order mark, which would become part of the first name.
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            labels = [
                name
                for name in reader.fieldnames or ()
                if name not in (PREDICTION_COLUMN, ROW_COLUMN)
            ]
            if PREDICTION_COLUMN not in (reader.fieldnames or ()) or not labels:
                raise DatmoError(
                    f"'{path}' needs the column 'prediction' and columns of outcomes",
                    "the ids are in the header Datmo-Prediction of each answer",
                )
            for line in reader:
                yield _outcome_of_line(path, reader.line_num, line, labels, contract, seconds)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatmoError(f"'{path}' cannot be read as CSV: {error}") from error


def _outcome_of_line(
    path: Path,
    number: int,
    line: Mapping[str, str],
    labels: list[str],
    contract: ModelContract | None,
    seconds: float,
) -> dict[str, Any]:
    fields = _label_fields(contract)
    values = {name: _parse(line[name] or "", fields.get(name)) for name in labels}
    row = line.get(ROW_COLUMN) or "0"
    if not row.isdecimal():
        raise DatmoError(f"'{path}', line {number}: '{row}' is no row")
    prediction = line[PREDICTION_COLUMN]
    named = uuid.uuid5(uuid.NAMESPACE_URL, repr((prediction, row, sorted(values.items()))))
    try:
        return outcome_event(
            prediction, int(row), values, contract, event_id=str(named), seconds=seconds
        )
    except RefusedRequest as error:
        rules = "".join(f": {v.field} breaks {v.rule}" for v in error.violations)
        raise DatmoError(f"'{path}', line {number}: {error.message}{rules}") from error


def _parse(text: str, field: Field | None) -> object:
    """Return the value of a cell by the type of its field; None for an empty cell."""
    if not text:
        return None
    kind = field.logical_type if field else ""
    try:
        if kind == "integer":
            return int(text)
        if kind == "number":
            return float(text)
    except ValueError:
        # The contract then names the rule that the text breaks.
        return text
    return {"true": True, "false": False}.get(text.lower(), text) if kind == "boolean" else text
