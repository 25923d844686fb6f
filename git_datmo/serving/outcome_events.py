"""Accept what became of predictions: from clients, and from CSV files with late labels."""

from __future__ import annotations

import codecs
import csv
import math
import re
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from git_datmo.contracts.contract_types import Field
from git_datmo.errors import DatmoError
from git_datmo.serving.event_log import OUTCOME, event_of, is_public
from git_datmo.serving.model_contract import ModelContract
from git_datmo.serving.named_tensors import RefusedRequest, RequestViolation
from git_datmo.serving.request_checks import value_rules

PREDICTION_COLUMN, ROW_COLUMN = "prediction", "row"
# The form of `ServedModel.prediction_id`: the beginning of a snapshot's id, and a UUID.
_PREDICTION = re.compile(r"[0-9a-f]{10}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_ROW = re.compile(r"[0-9]{1,9}\Z")
LARGEST_ROW = 10**9
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
        if is_public(field):
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

    Of several outcomes of a row, the last counts. Raises `RefusedRequest` if one of them is
    malformed.
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
        if not isinstance(prediction, str) or not isinstance(values, dict):
            raise RefusedRequest("an outcome needs prediction, a text, and outcome, an object")
        if type(row) is not int or not 0 <= row < LARGEST_ROW:
            raise RefusedRequest("the row of an outcome is not a number from 0")
        events.append(
            outcome_event(
                prediction, row, values, contract, event_id=str(uuid.uuid4()), seconds=seconds
            )
        )
    return _last_of_each(events)


def outcomes_of_csv(
    path: Path, contract: ModelContract | None, seconds: float
) -> list[dict[str, Any]]:
    """Return the events of a CSV file with the column `prediction`, perhaps `row`, and labels.

    The event's id follows from the prediction, the row and the values, so a file that is added
    twice tells nothing new. An empty cell is no value, and a line without values is left out.
    Raises `DatmoError` for a line that is no outcome.
    """
    try:
        with path.open(encoding=_encoding(path), newline="") as file:
            reader = csv.DictReader(file, strict=True)
            labels = _label_columns(path, reader.fieldnames or ())
            found = (
                _outcome_of_line(path, reader.line_num, line, labels, contract, seconds)
                for line in reader
            )
            return _last_of_each([event for event in found if event is not None])
    except UnicodeError as error:
        raise DatmoError(
            f"'{path}' is not text in UTF-8: {error}",
            "save it as UTF-8; 'iconv -f latin1 -t utf-8' converts a file of western Europe",
        ) from error
    except OSError as error:
        raise DatmoError(f"'{path}' cannot be read: {error.strerror}") from error
    except csv.Error as error:
        raise DatmoError(f"'{path}' cannot be read as CSV: {error}") from error


def _encoding(path: Path) -> str:
    """Return the encoding that a file's first bytes name: UTF-16 of spreadsheets, or UTF-8."""
    with path.open("rb") as file:
        is_wide = file.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    # Spreadsheets write a byte order mark, which would become part of the first name.
    return "utf-16" if is_wide else "utf-8-sig"


def _label_columns(path: Path, columns: Sequence[str]) -> list[str]:
    """Return the columns of labels; raise `DatmoError` if the columns are not those of outcomes."""
    labels = [name for name in columns if name not in (PREDICTION_COLUMN, ROW_COLUMN)]
    if len(columns) == 1 and any(mark in columns[0] for mark in ";\t"):
        raise DatmoError(
            f"the columns of '{path}' are not separated by commas",
            "save it as CSV with commas",
        )
    if PREDICTION_COLUMN not in columns or not labels:
        raise DatmoError(
            f"'{path}' needs the column 'prediction' and columns of outcomes",
            "the ids are in the header Datmo-Prediction of each answer",
        )
    twice = [name for name, count in Counter(columns).items() if count > 1]
    if twice:
        raise DatmoError(f"'{path}' has the column '{twice[0]}' twice", "give it another name")
    return labels


def _outcome_of_line(
    path: Path,
    number: int,
    line: Mapping[str, Any],
    labels: list[str],
    contract: ModelContract | None,
    seconds: float,
) -> dict[str, Any] | None:
    """Return the event of a line; None if it has no values."""
    where = f"'{path}', line {number}"
    # `DictReader` has None for the cells of a short line, and as the name of those too many.
    if None in line or None in line.values():
        raise DatmoError(
            f"{where}: the line does not have as many cells as the header",
            "put a cell that has commas in quotes, and leave an unknown value empty",
        )
    fields = _label_fields(contract)
    values = {name: _parse(line[name], fields.get(name)) for name in labels if line[name]}
    if not values:
        return None
    row = line.get(ROW_COLUMN) or "0"
    if not _ROW.match(row):
        raise DatmoError(f"{where}: '{row[:40]}' is no row", "rows are counted from 0")
    prediction = line[PREDICTION_COLUMN]
    named = uuid.uuid5(uuid.NAMESPACE_URL, repr((prediction, row, sorted(values.items()))))
    try:
        return outcome_event(
            prediction, int(row), values, contract, event_id=str(named), seconds=seconds
        )
    except RefusedRequest as error:
        rules = "".join(f": {v.field} breaks {v.rule}" for v in error.violations)
        raise DatmoError(f"{where}: {error.message}{rules}") from error


def _last_of_each(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the last outcome of each row of a prediction.

    Events that are stored together have one time, so no reader could tell which is the last.
    """
    return list(
        {(each["data"]["prediction"], each["data"]["row"]): each for each in events}.values()
    )


def _parse(text: str, field: Field | None) -> object:
    """Return the value of a cell by the type of its field."""
    kind = field.logical_type if field else ""
    try:
        if kind == "integer":
            return int(text)
        if kind == "number" and math.isfinite(number := float(text)):
            return number
    except ValueError:
        # The contract then names the rule that the text breaks.
        return text
    return {"true": True, "false": False}.get(text.lower(), text) if kind == "boolean" else text
