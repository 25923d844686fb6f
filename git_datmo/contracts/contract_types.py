"""The values of a contract: tables, fields and rules, and the findings of a check.

Dates, times and timestamps are text in ISO form; `Field.logical_type` tells them from other text.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Value = str | int | float | bool | Decimal | None

LogicalType = Literal[
    "string",
    "integer",
    "number",
    "boolean",
    "date",
    "timestamp",
    "time",
    "object",
    "array",
    "",
]
Port = Literal["provides", "requires", "input", "output", "label"]
Metric = Literal["nullValues", "missingValues", "invalidValues", "duplicateValues", "rowCount"]
Level = Literal["refuse", "warn", "unchecked"]
Verdict = Literal["holds", "broken", "unchecked"]

# A reader of a closed table must not rely on fields that the table does not declare.
# A reader of an open table ignores them.
CLOSED_PORTS: tuple[Port, ...] = ("provides", "output")
OPEN_PORTS: tuple[Port, ...] = ("requires", "input", "label")


@dataclass(frozen=True, slots=True)
class Tensor:
    """The form of an array: its datatype in the Open Inference Protocol, and its shape.

    A dimension of -1 has any length. The first dimension is that of the rows.
    """

    datatype: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FileRule:
    """The files of a folder (`datmo.files`). An empty tuple allows everything.

    Sizes are pairs of width and height in pixels. Channels are numbers: 1 for grey, 3 for RGB.
    """

    media_types: tuple[str, ...] = ()
    min_size: tuple[int, int] | None = None
    max_size: tuple[int, int] | None = None
    channels: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class QualityRule:
    """A metric of the standard's library, and the inclusive bounds of its value.

    `lower` and `upper` are exclusive where `is_lower_exclusive` or `is_upper_exclusive` says so.
    `is_negated` turns the rule round: the value must be outside the bounds.
    """

    metric: Metric
    unit: Literal["rows", "percent"] = "rows"
    lower: Decimal | None = None
    upper: Decimal | None = None
    is_lower_exclusive: bool = False
    is_upper_exclusive: bool = False
    is_negated: bool = False
    # Of `missingValues` and `invalidValues`, by the standard's names. JSON text, sorted by name.
    arguments: tuple[tuple[str, str], ...] = ()
    severity: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A column of a table, an element of an array, or a member of an object."""

    name: str
    id: str = ""
    logical_type: LogicalType = ""
    physical_type: str = ""
    # The value is not null. `is_optional` tells that the field may be absent.
    is_required: bool = False
    is_optional: bool = False
    is_unique: bool = False
    is_key: bool = False
    enum: tuple[Value, ...] | None = None
    minimum: Value = None
    maximum: Value = None
    is_minimum_exclusive: bool = False
    is_maximum_exclusive: bool = False
    multiple_of: Decimal | None = None
    min_length: int | None = None
    max_length: int | None = None
    min_items: int | None = None
    max_items: int | None = None
    pattern: str = ""
    format: str = ""
    items: Field | None = None
    fields: tuple[Field, ...] = ()
    default: Value = None
    # A default of null differs from no default.
    has_default: bool = False
    unit: str = ""
    tensor: Tensor | None = None
    classification: str = ""
    is_deprecated: bool = False
    description: str = ""
    examples: tuple[Value, ...] = ()
    quality: tuple[QualityRule, ...] = ()
    # Keys of constraints that git-datmo does not interpret.
    unchecked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """An object of a contract's schema: a table, a model's input or output, or a folder of files.

    `disjoint` names tables or path patterns that share no row with this table.
    """

    name: str
    physical_name: str = ""
    port: Port = "provides"
    fields: tuple[Field, ...] = ()
    quality: tuple[QualityRule, ...] = ()
    files: FileRule | None = None
    disjoint: tuple[str, ...] = ()
    description: str = ""
    unchecked: tuple[str, ...] = ()

    @property
    def is_closed(self) -> bool:
        """Return whether undeclared fields are not promised, rather than ignored."""
        return self.port in CLOSED_PORTS


@dataclass(frozen=True, slots=True)
class Contract:
    """A contract of data or of a model, as read from one file.

    `paths` are those of the `local` servers, relative to the repository; they may be patterns.
    """

    id: str
    name: str = ""
    version: str = ""
    status: str = ""
    paths: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    # `datmo.entry`: the file and the function that a model is called by.
    entry: str = ""
    gates: tuple[str, ...] = ()
    # Path of the contract's file in the repository.
    file: str = ""
    unchecked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that is broken, or that nothing could check.

    `rows` are samples: the number of the row, counted from 1, and its value as text.
    """

    level: Level
    rule: str
    contract: str
    table: str
    field: str
    message: str
    rows: tuple[tuple[int, str], ...] = ()
    count: int = 0


def verdict_of(findings: tuple[Finding, ...]) -> Verdict:
    """Return `broken` if a finding refuses, else `unchecked` if one was not checked, else `holds`.

    A warning changes no verdict.
    """
    levels = {finding.level for finding in findings}
    if "refuse" in levels:
        return "broken"
    if "unchecked" in levels:
        return "unchecked"
    return "holds"
