"""The environment of a run as a payload: found by asking the interpreter that the command uses, stored as files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from git_datmo.engines.manifest import Environment, allowed_variables, imported_modules, make_environment
from git_datmo.engines.probe import find_interpreter, probe
from git_datmo.errors import Damaged
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Content, Form
from git_datmo.store.layout import Kind, Node, read_folder, write_folder

FILE_LIMIT = 16 << 20
SOURCE_LIMIT = 1 << 20
SOURCES = (b".py", b".ipynb")


def variables_of(ws: Workspace) -> dict[str, str]:
    """The environment variables that belong to a run: the known ones, and those that `datmo.variable` names."""
    return allowed_variables(ws.environ, more=ws.repo.config.all("datmo.variable"))


def _sources(ws: Workspace) -> Iterator[bytes]:
    """The text of the repository's own programs: what they import is needed, whatever else requires it."""
    for path in ws.repo.git.run("ls-files", "-z", "-c", "-o", "--exclude-standard").split(b"\0"):
        full = os.path.join(os.fsencode(ws.root), path)
        if path.endswith(SOURCES) and os.path.isfile(full) and os.path.getsize(full) <= SOURCE_LIMIT:
            with open(full, "rb") as file:
                yield file.read()


def capture_environment(ws: Workspace, command: Sequence[str]) -> Content | None:
    """Store the environment that `command` runs in; None where there is no Python to ask."""
    folder = ws.root / ws.repo.prefix
    interpreter = find_interpreter(command, ws.environ, folder)
    if interpreter is None:
        return None
    dockerfile = ws.root / "Dockerfile"
    environment = make_environment(
        probe(interpreter, ws.environ, cwd=folder),
        repository=ws.root.resolve(),
        variables=variables_of(ws),
        imported=imported_modules(_sources(ws)),
        base_image=ws.repo.config.get("datmo.baseimage"),
        dockerfile=dockerfile.read_bytes() if dockerfile.is_file() else None,
    )
    with ws.store.writer() as writer:
        nodes = {
            name.encode(): Node(Kind.FILE, writer.put("blob", content)) for name, content in environment.files.items()
        }
        oid = write_folder(nodes, writer.put_tree)
    size = sum(map(len, environment.files.values()))
    return Content(oid, Form.FOLDER, size, len(environment.files))


def read_environment(ws: Workspace, content: Content) -> Environment:
    """A stored environment; raises `Incomplete` where the store lacks it, `Damaged` where it is none."""
    files = {}
    for name, node in read_folder(content.object, ws.store.read_tree):
        if node.kind is not Kind.FILE or node.chunked or ws.store.size(node.oid) > FILE_LIMIT:
            raise Damaged(f"environment '{content.object}' holds something that is no part of an environment")
        files[name.decode("utf-8", "replace")] = ws.store.read(node.oid, "blob")
    return Environment.of(files)
