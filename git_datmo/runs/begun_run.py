"""Keep the state from before a run in the run's folder, so that another process can record it.

The folder of a run holds `begun.json` from the start of the command until the run is recorded. If
the recording process was killed, the next command finds the file, and makes the record.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from git_datmo import fsio
from git_datmo.model import Content, Oid, Payload
from git_datmo.payloads.attach_snapshot import SnapshotOptions
from git_datmo.payloads.captured_environment import CapturedEnvironment
from git_datmo.records.record_fields import (
    decode_content,
    decode_optional_content,
    decode_payloads,
)
from git_datmo.records.record_values import Value
from git_datmo.runs.config_files import ConfigFile
from git_datmo.runs.run_watch import BEGUN


@dataclass(frozen=True, slots=True)
class Before:
    """The state before a run, as the record needs it.

    `tree` is the tree that a commit of the code would have; None if the code is unchanged or git
    cannot write the tree. `listed` are the files that git tracks, `untracked` those that it does
    not, and `named` the untracked ones that the command names. `lacks_data` says that no record
    has HEAD's data.
    """

    commit: Oid
    clean: bool
    tree: Oid | None
    inputs: tuple[Payload, ...]
    code: Content
    environment: CapturedEnvironment | None
    listed: frozenset[bytes]
    untracked: frozenset[bytes]
    named: frozenset[bytes]
    config_files: tuple[ConfigFile, ...]
    started: str
    warnings: tuple[str, ...]
    lacks_data: bool


@dataclass(frozen=True, slots=True)
class Begun:
    """A run that has begun: the command, the user's options, and the state before it.

    `outputs` are paths to keep in any case. `limits` are the limits of its engine. `elsewhere` says
    that the engine is on another machine. `folder` is the working directory, relative to the
    repository. `interpreter` is the Python that runs the command, if it is known.
    """

    command: tuple[str, ...]
    asked: SnapshotOptions
    before: Before
    outputs: tuple[str, ...] = ()
    engine: str = "host"
    isolated: bool = False
    limits: Mapping[str, Value] | None = None
    elsewhere: bool = False
    folder: str = ""
    interpreter: str = ""


def write_begun(folder: Path, begun: Begun) -> None:
    """Write `begun.json`; a disk that refuses it is no error."""
    before = begun.before
    environment = before.environment
    document = {
        **{
            name: getattr(begun, name)
            for name in ("command", "outputs", "engine", "isolated", "elsewhere", "folder")
        },
        "interpreter": begun.interpreter,
        "limits": dict(begun.limits or {}),
        "asked": {
            name: dict(value) if isinstance(value, Mapping) else value
            for name, value in asdict(begun.asked).items()
        },
        "before": {
            "commit": str(before.commit),
            "clean": before.clean,
            "tree": str(before.tree) if before.tree is not None else None,
            "inputs": [_payload(payload) for payload in before.inputs],
            "code": _content(before.code),
            "environment": _content(environment.content) if environment is not None else None,
            # `listed` is left out: the process that reads this file asks git for it again.
            # JSON has no bytes; `fsdecode` keeps every name.
            "untracked": sorted(map(os.fsdecode, before.untracked)),
            "named": sorted(map(os.fsdecode, before.named)),
            "config_files": [
                [each.path, dict(each.values), each.named] for each in before.config_files
            ],
            "started": before.started,
            "lacks_data": before.lacks_data,
        },
    }
    # The file is needed only if the recording process is killed.
    with contextlib.suppress(OSError):
        fsio.write_file(folder / BEGUN, json.dumps(document).encode())


def read_begun(folder: Path, listed: frozenset[bytes]) -> Begun | None:
    """Return the run that `begun.json` describes; None if there is none or it is damaged.

    `listed` are the files that git tracks.
    """
    try:
        raw = json.loads((folder / BEGUN).read_bytes())
        asked = SnapshotOptions(**{**raw["asked"], "tags": tuple(raw["asked"]["tags"])})
        return Begun(
            command=tuple(raw["command"]),
            asked=asked,
            before=_before(raw["before"], listed),
            outputs=tuple(raw["outputs"]),
            limits=raw["limits"],
            **{
                name: raw[name]
                for name in ("engine", "isolated", "elsewhere", "folder", "interpreter")
            },
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _before(raw: Mapping[str, Any], listed: frozenset[bytes]) -> Before:
    """Return the state before a run."""
    environment = decode_optional_content(raw["environment"])
    return Before(
        commit=Oid.parse(raw["commit"]),
        clean=raw["clean"],
        tree=Oid.parse(raw["tree"]) if raw["tree"] else None,
        inputs=decode_payloads(raw["inputs"]),
        code=decode_content(raw["code"]),
        environment=CapturedEnvironment(environment) if environment is not None else None,
        listed=listed,
        untracked=frozenset(map(os.fsencode, raw["untracked"])),
        named=frozenset(map(os.fsencode, raw["named"])),
        config_files=tuple(ConfigFile(*each) for each in raw["config_files"]),
        started=raw["started"],
        warnings=(),
        lacks_data=raw["lacks_data"],
    )


def _content(content: Content) -> dict[str, Any]:
    """Return content as JSON data."""
    return {
        "object": str(content.object),
        "form": str(content.form),
        "size": content.size,
        "files": content.files,
    }


def _payload(payload: Payload) -> dict[str, Any]:
    """Return a payload as JSON data."""
    return {"path": payload.path, "role": str(payload.role), **_content(payload.content)}
