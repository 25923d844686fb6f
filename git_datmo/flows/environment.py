"""The environment of a run as a payload: found by asking the interpreter that the command uses, stored as files."""

from __future__ import annotations

from collections.abc import Sequence

from git_datmo.engines.manifest import Environment, make_environment
from git_datmo.engines.probe import find_interpreter, probe
from git_datmo.errors import Damaged
from git_datmo.flows.workspace import Workspace
from git_datmo.model import Content, Form
from git_datmo.store.layout import Kind, Node, read_folder, write_folder

# Settings that decide how a run comes out and name nobody's machine.
VARIABLES = (
    *("PYTHONHASHSEED", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
    *("CUBLAS_WORKSPACE_CONFIG", "TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC", "CUDA_VISIBLE_DEVICES", "TZ"),
)
FILE_LIMIT = 16 << 20


def allowed_variables(ws: Workspace) -> dict[str, str]:
    """The environment variables that belong to a run: the known ones, and those that `datmo.variable` names."""
    names = (*VARIABLES, *ws.repo.config.all("datmo.variable"))
    return {name: ws.environ[name] for name in sorted(set(names)) if name in ws.environ}


def capture_environment(ws: Workspace, command: Sequence[str]) -> Content | None:
    """Store the environment that `command` runs in; None where there is no Python to ask."""
    interpreter = find_interpreter(command, ws.environ, ws.repo.work_tree / ws.repo.prefix)
    if interpreter is None:
        return None
    dockerfile = ws.root / "Dockerfile"
    environment = make_environment(
        probe(interpreter, ws.environ),
        repository=ws.root,
        variables=allowed_variables(ws),
        base_image=ws.repo.config.get("datmo.baseimage") or None,
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
    return Environment(str(content.object), files)
