"""Read DVC's files in one commit: data with their hashes, parameters, metrics and stages."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from git_datmo.errors import Damaged
from git_datmo.model import Oid
from git_datmo.readers.scalar_values import flatten, parse_json
from git_datmo.readers.yaml_documents import read_yaml
from git_datmo.records.record_values import Value
from git_datmo.repository.workspace import Workspace

LOCK, POINTER, METRICS, PARAMETERS = "dvc.lock", ".dvc", "metrics.json", "params.yaml"
PLOTS = "plots/metrics/"
SIZE_LIMIT = 16 << 20


@dataclass(frozen=True, slots=True)
class DvcOutput:
    """Data that DVC has: a path in the repository, its MD5, and its size if that is known.

    The MD5 of a folder ends with `.dir`.
    """

    path: str
    md5: str
    size: int | None = None
    executable: bool = False


@dataclass(slots=True)
class DvcCommit:
    """DVC's files in a commit. `plots` are DVCLive's curves: paths and blobs of the code."""

    outputs: list[DvcOutput] = field(default_factory=list)
    parameters: dict[str, Value] = field(default_factory=dict)
    metrics: dict[str, Value] = field(default_factory=dict)
    stages: list[str] = field(default_factory=list)
    plots: dict[str, Oid] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def is_of_dvc(path: str) -> bool:
    """Return True for a file in which DVC keeps hashes of data."""
    name = posixpath.basename(path)
    return name == LOCK or (name.endswith(POINTER) and name != POINTER)


def read_dvc_commit(ws: Workspace, commit: str) -> DvcCommit:
    """Return DVC's files in a commit. A file that cannot be read is a problem."""
    tree = dict(_tree(ws, commit))
    found = DvcCommit()
    # Files near the top come first, and their values win.
    for path, oid in sorted(tree.items(), key=lambda item: (item[0].count("/"), item[0])):
        folder, name = posixpath.split(path)
        if PLOTS in path and name.endswith(".tsv"):
            found.plots[path] = oid
        elif is_of_dvc(path) or name in (METRICS, PARAMETERS):
            _read_file(ws, folder, name, oid, found)
    # A file that git tracks too (`cache: false` in DVC) is in the code already.
    unique = {output.path: output for output in found.outputs if output.path not in tree}
    found.outputs = [unique[path] for path in sorted(unique)]
    return found


def _tree(ws: Workspace, commit: str) -> Iterator[tuple[str, Oid]]:
    """Yield the path and the id of each file of a commit."""
    listed = ws.repo.git.run("ls-tree", "-r", "-z", "--full-tree", commit)
    for line in listed.split(b"\0")[:-1]:
        head, _, path = line.partition(b"\t")
        mode, kind, oid = head.decode().split()
        # A symbolic link is a blob with this mode.
        if kind == "blob" and mode != "120000":
            yield os.fsdecode(path), Oid.parse(oid)


def _read_file(ws: Workspace, folder: str, name: str, oid: Oid, found: DvcCommit) -> None:
    """Read one file into `found`."""
    path = posixpath.join(folder, name)
    try:
        content = ws.odb.read(oid, "blob", SIZE_LIMIT)
        document = parse_json(content) if name == METRICS else read_yaml(content)
        if not isinstance(document, Mapping):
            raise TypeError("no mapping")  # noqa: TRY301
        if name == METRICS:
            found.metrics = {**dict(flatten("", document)), **found.metrics}
        elif name == PARAMETERS:
            found.parameters = {**dict(flatten("", document)), **found.parameters}
        elif name == LOCK:
            _read_stages(folder, document, found)
        else:
            base = posixpath.join(folder, str(document.get("wdir") or ""))
            found.outputs += _outputs(base, document.get("outs"))
    except (Damaged, ValueError) as error:
        found.problems.append(f"'{path}' cannot be read: {error}")
    # For example, a list stands in the place of a mapping.
    except (TypeError, KeyError, AttributeError):
        found.problems.append(f"'{path}' cannot be read: it has not the form of DVC's files")


def _read_stages(folder: str, document: Mapping[str, Any], found: DvcCommit) -> None:
    """Read the stages of a `dvc.lock`."""
    # Before DVC 2, a `dvc.lock` had the stages at its top.
    for stage in document.get("stages", document).values():
        if not isinstance(stage, Mapping) or "cmd" not in stage:
            continue
        commands = stage["cmd"] if isinstance(stage["cmd"], list) else [stage["cmd"]]
        found.stages += map(str, commands)
        found.outputs += _outputs(folder, stage.get("outs"))
        for parameters in (stage.get("params") or {}).values():
            found.parameters |= _undotted(parameters)


def _undotted(parameters: object) -> dict[str, Value]:
    """Return the parameters of a stage by names with dots."""
    return dict(flatten("", parameters)) if isinstance(parameters, Mapping) else {}


def _outputs(folder: str, outs: object) -> Iterator[DvcOutput]:
    """Yield the outputs of a stage or pointer file."""
    for out in outs if isinstance(outs, list) else ():
        path = posixpath.normpath(posixpath.join(folder, str(out["path"])))
        md5 = str(out.get("md5") or "")
        # DVC can have outputs outside of the repository.
        if md5 and not path.startswith(("..", "/")):
            size = out.get("size")
            yield DvcOutput(
                path, md5, size if isinstance(size, int) else None, bool(out.get("isexec"))
            )
