"""Parse the modules of the product, and list their imports and calls."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TOP = Path(__file__).parents[2]

SOURCES = {
    "git_datmo": TOP / "git_datmo",
    "git_remote_datmo": TOP / "remote_helper" / "git_remote_datmo",
}


@dataclass(frozen=True)
class Import:
    """Describe one imported module; `late` inside a function, `typing` only where types are
    checked."""

    name: str
    late: bool
    typing: bool


@cache
def modules() -> dict[str, ast.Module]:
    """Return every product module by its name."""
    found = {}
    for package, folder in SOURCES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = [package, *path.relative_to(folder).with_suffix("").parts]
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            found[name] = ast.parse(path.read_text("utf-8"), str(path))
    return found


def names_of(node: ast.stmt) -> Iterator[str]:
    """Yield the modules that a statement imports; `from package import module` is the module."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "product code imports by full names"
        assert node.module is not None
        inner = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from {name if name in modules() else node.module for name in inner}


def imports(tree: ast.Module) -> Iterator[Import]:
    def visit(nodes: list[ast.stmt], *, late: bool, typing: bool) -> Iterator[Import]:
        for node in nodes:
            yield from (Import(name, late, typing) for name in names_of(node))
            inside = late or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            checked = typing or (
                isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            )
            children: list[ast.stmt] = []
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.stmt):
                    children.append(child)
                else:
                    children += [n for n in ast.iter_child_nodes(child) if isinstance(n, ast.stmt)]
            yield from visit(children, late=inside, typing=checked)

    return visit(tree.body, late=False, typing=False)


@cache
def imported(module: str) -> tuple[Import, ...]:
    return tuple(imports(modules()[module]))


def is_ours(name: str) -> bool:
    return name.partition(".")[0] in SOURCES


# Calls that start processes.
STARTING = re.compile(
    r"subprocess\.(run|Popen|call|check_call|check_output|getoutput|getstatusoutput)\Z"
    r"|Child\Z|os\.(system|popen|fork|forkpty|(posix_)?spawn\w*|exec\w*)\Z|pty\.\w+\Z"
)

OUTER = re.compile(
    r"os\.(environ|getenv|environb|putenv|isatty|get_terminal_size)\Z"
    r"|sys\.(argv|stdin|stdout|stderr|__std\w+)\Z|(print|input)\Z"
)
