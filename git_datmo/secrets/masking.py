"""Mask secrets in text that is about to be recorded: a snapshot's words, a log, variables."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import IO

from git_datmo.records.record_values import Value
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.secrets.secret_rules import MASK, find_secrets, is_secret_value, is_suspicious, mask

BLOCK = 1 << 20


def conceal(snapshot: Snapshot, known: Collection[str]) -> tuple[Snapshot, tuple[str, ...]]:
    """Return the snapshot with secrets masked, and a line for each masked value."""
    run, known = snapshot.run, (*parameter_secrets(snapshot.parameters), *known)
    concealed = replace(
        snapshot,
        message=mask(snapshot.message, known),
        why=mask(snapshot.why, known),
        parameters=_masked_values(snapshot.parameters, known),
        metrics=_masked_values(snapshot.metrics, known),
        run=replace(run, command=masked_command(run.command, known)) if run is not None else None,
    )
    places = [
        name
        for name in ("message", "why", "parameters", "metrics")
        if getattr(snapshot, name) != getattr(concealed, name)
    ]
    remarks = [
        f"the {place} had what looks like a secret: it was masked in the record" for place in places
    ]
    if snapshot.run != concealed.run:
        remarks.append(
            "the command had what looks like a secret: it was masked in the record, so give it by"
            " a variable instead"
        )
    return concealed, tuple(remarks)


def masked_command(command: Sequence[str], known: Collection[str]) -> tuple[str, ...]:
    """Return a command with secret words masked, by form or by the name before them (`--api-key
    K`, `KEY=K`)."""
    named = dict(_named_secrets(command))
    words = enumerate(command)
    return tuple(
        word.removesuffix(named[n]) + MASK if n in named else mask(word, known) for n, word in words
    )


def command_secrets(command: Sequence[str]) -> tuple[str, ...]:
    """Return the words, or ends of words, that a command names as secrets: its program may print
    them."""
    return tuple(value for _, value in _named_secrets(command))


def parameter_secrets(parameters: Mapping[str, Value]) -> tuple[str, ...]:
    """Return the values of parameters with a secret's name. The command contains them too."""
    return tuple(
        value
        for name, value in parameters.items()
        if isinstance(value, str) and is_secret_value(name, value)
    )


def _named_secrets(command: Sequence[str]) -> Iterator[tuple[int, str]]:
    before = ""
    for place, word in enumerate(command):
        name, equals, value = word.partition("=")
        if before.startswith("-") and is_secret_value(before, word):
            yield place, word
        elif equals and is_secret_value(name, value):
            yield place, value
        before = word


def is_masked(command: Sequence[str]) -> bool:
    """Return True if a recorded command has masked words."""
    return any(MASK in word for word in command)


def _masked_values(values: Mapping[str, Value], known: Collection[str]) -> dict[str, Value]:
    return {
        name: value
        if not isinstance(value, str)
        else MASK
        if is_secret_value(name, value)
        else mask(value, known)
        for name, value in values.items()
    }  # fmt: skip


def harmless_variables(
    variables: Mapping[str, str], known: Collection[str]
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the variables that may be recorded, and a line for each that may not."""
    secret = {
        n
        for n, value in variables.items()
        if is_secret_value(n, value) or find_secrets(value, known)
    }
    remarks = (
        f"the variable '{name}' looks like a secret: it is not recorded, and missing in a rerun"
        for name in secret
    )
    return {name: value for name, value in variables.items() if name not in secret}, tuple(
        sorted(remarks)
    )


def mask_log(source: IO[bytes], target: IO[bytes], known: Collection[str]) -> int:
    """Copy a log with secrets masked and all other bytes unchanged; return the number of masked
    lines.

    A private key is masked from its first line to its last.
    """
    # Each byte becomes one character, so bytes that are no text stay unchanged.
    values = tuple(value.encode().decode("latin-1") for value in known)
    lines, in_key = 0, False
    while block := source.readlines(BLOCK):
        text = b"".join(block).decode("latin-1")
        # Most blocks have nothing suspicious, and are copied as a whole.
        if not in_key and not is_suspicious(text, values):
            target.write(b"".join(block))
            continue
        for raw in block:
            line = raw.decode("latin-1")
            begins = "-----BEGIN" in line and "PRIVATE KEY" in line
            masked = (
                MASK + "\n"
                if in_key
                else mask(line.rstrip("\r\n"), values) + line[len(line.rstrip("\r\n")) :]
            )
            in_key = (in_key or begins) and "-----END" not in line
            lines += masked != line
            target.write(masked.encode("latin-1"))
    target.flush()
    return lines
