"""Compare what a contract provides with what another requires, without reading data.

A table fits if each row that the provider allows is a row that the consumer accepts: its set of
values is included. A difference that the two texts cannot decide is `unchecked`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from git_datmo.contracts.contract_types import (
    Contract,
    Field,
    FileRule,
    Finding,
    Level,
    Table,
)
from git_datmo.contracts.field_inclusion import field_gaps
from git_datmo.contracts.rule_gaps import Mismatch, quality_gaps


@dataclass(frozen=True, slots=True)
class Meeting:
    """A provided table and a required one that means it, with their contracts."""

    provider: Contract
    provided: Table
    consumer: Contract
    required: Table


def meetings(providers: Iterable[Contract], consumers: Iterable[Contract]) -> Iterator[Meeting]:
    """Yield each pair of a provided and a required table that meet.

    A required table names its data by its physical name, else by its name. A provided table is
    known by both of its names; the only one of a contract also by the contract's paths.
    """
    provided: dict[str, list[tuple[Contract, Table]]] = {}
    for contract in providers:
        offered = [table for table in contract.tables if table.is_closed]
        for table in offered:
            # Nothing says which of several tables a path holds.
            paths = contract.paths if len(offered) == 1 else ()
            for name in {table.name, table.physical_name, *paths} - {""}:
                provided.setdefault(name, []).append((contract, table))
    for consumer in consumers:
        for required in consumer.tables:
            if required.is_closed:
                continue
            found = provided.get(required.physical_name) or provided.get(required.name) or []
            for contract, table in found:
                if contract is not consumer:
                    yield Meeting(contract, table, consumer, required)


def compatible(provides: Table, requires: Table, contract: str = "") -> tuple[Finding, ...]:
    """Return why a provided table does not fit a required one; empty if it fits.

    `contract` names the provider's contract in the findings. Undeclared fields of `provides` are
    not promised, those of `requires` are ignored.
    """
    gaps = [*_table_gaps(provides, requires)]
    return tuple(
        Finding(gap.level, gap.rule, contract, provides.name, gap.field, gap.message)
        for gap in gaps
    )


def meeting_findings(meeting: Meeting) -> tuple[Finding, ...]:
    """Return the findings of a meeting, with the consumer in their messages."""
    found = compatible(meeting.provided, meeting.required, meeting.provider.name)
    verb = "takes" if meeting.required.port == "input" else "requires"
    return tuple(
        replace(
            finding,
            message=f"{finding.message} ('{meeting.consumer.name}' {verb} it)",
        )
        for finding in found
    )


def _table_gaps(provides: Table, requires: Table) -> Iterator[Mismatch]:
    offered = {field.name: field for field in provides.fields}
    # A missing field whose id is still offered was renamed, which the message then says.
    by_id = {field.id: field for field in provides.fields if field.id}
    for wanted in requires.fields:
        found = offered.get(wanted.name)
        if found is not None:
            yield from field_gaps(found, wanted)
        # A consumer with a default does without the field.
        elif not wanted.is_optional and not wanted.has_default:
            yield _missing(wanted, by_id.get(wanted.id))
    yield from _key_gaps(provides, requires)
    yield from quality_gaps(provides.quality, requires.quality, "")
    if requires.files is not None:
        yield from _file_gaps(provides.files, requires.files)
    for other in requires.disjoint:
        if other not in provides.disjoint:
            message = f"'{other}' shares no row with it: only the data can tell"
            yield Mismatch("unchecked", "disjoint", "", message)
    for name in requires.unchecked:
        yield Mismatch("unchecked", "unchecked", "", f"'{name}' is not interpreted")


def _missing(wanted: Field, renamed: Field | None) -> Mismatch:
    if renamed is not None:
        message = f"'{wanted.name}' is missing: its new name is '{renamed.name}'"
        return Mismatch("refuse", "missing", wanted.name, message)
    return Mismatch("refuse", "missing", wanted.name, f"'{wanted.name}' is missing")


def key_names(fields: Iterable[Field]) -> frozenset[str]:
    """Return the names of the fields that are the key of a table."""
    return frozenset(field.name for field in fields if field.is_key)


def _key_gaps(provides: Table, requires: Table) -> Iterator[Mismatch]:
    """Yield keys and unique fields of `requires` that `provides` does not promise."""
    key = key_names(provides.fields)
    unique = {field.name for field in provides.fields if field.is_unique}
    if len(key) == 1:
        unique |= key
    offered = {field.name for field in provides.fields}
    for field in requires.fields:
        # A field that is not offered at all is reported as missing.
        if field.is_unique and field.name in offered - unique:
            message = f"'{field.name}' may have a value twice"
            yield Mismatch("refuse", "unique", field.name, message)
    wanted = key_names(requires.fields)
    # Rows that differ in a part of the wanted key differ in all of it.
    if wanted and not (wanted & unique or (key and key <= wanted)):
        named = ", ".join(sorted(wanted))
        yield Mismatch("refuse", "key", min(wanted), f"the key ({named}) may have a value twice")


def _file_gaps(offered: FileRule | None, wanted: FileRule) -> Iterator[Mismatch]:
    if offered is None:
        yield Mismatch("unchecked", "files", "", "the provider says nothing of its files")
        return
    for rule, has, needs in (
        ("media type", offered.media_types, wanted.media_types),
        ("channels", offered.channels, wanted.channels),
    ):
        extra = [str(one) for one in has if one not in needs]
        if needs and not has:
            yield Mismatch("unchecked", "files", "", f"the provider does not name the {rule}")
        elif needs and extra:
            message = f"{rule} {', '.join(extra)} is not accepted"
            yield Mismatch("refuse", "files", "", message)
    yield from _size_gaps(offered, wanted)


def _size_gaps(offered: FileRule, wanted: FileRule) -> Iterator[Mismatch]:
    if wanted.min_size is not None and not _is_at_least(offered.min_size, wanted.min_size):
        yield Mismatch(_size_level(offered.min_size), "files", "", "files may be too small")
    # The roles change places: the wanted maximum must be at least the offered one.
    if wanted.max_size is not None and (
        offered.max_size is None or not _is_at_least(wanted.max_size, offered.max_size)
    ):
        yield Mismatch(_size_level(offered.max_size), "files", "", "files may be too large")


def _size_level(size: tuple[int, int] | None) -> Level:
    return "unchecked" if size is None else "refuse"


def _is_at_least(size: tuple[int, int] | None, least: tuple[int, int]) -> bool:
    return size is not None and size[0] >= least[0] and size[1] >= least[1]
