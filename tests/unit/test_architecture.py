"""Test by syntax trees that all product modules follow the layers of `docs/ARCHITECTURE.md`."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

import pytest

from tests.support.heavy_packages import HEAVY, LATE_MODULES
from tests.support.source_modules import (
    OUTER,
    TOP,
    Import,
    imported,
    is_ours,
    modules,
)

BASE = frozenset(
    {
        *(
            "git_datmo",
            "git_datmo.errors",
            "git_datmo.model",
            "git_datmo.permissions",
            "git_datmo.locking",
        ),
        *(
            "git_datmo.fsio",
            "git_datmo.progress",
            "git_datmo.redact",
            "git_datmo.sizes",
            "git_datmo.suggest",
        ),
        *("git_datmo.timeouts", "git_datmo.processes", "git_datmo.process_endings"),
        *("git_datmo.watched_child", "git_datmo.terminal_text"),
    }
)

# From the bottom up. A package imports itself and those in the rows below its own.
ROWS = (
    {"base"},
    {"git"},
    {"curves"},
    {"readers"},
    {"objects", "records", "compare", "environments", "tracking"},
    {"worktree", "engines", "secrets", "backends", "query", "contracts"},
    {"repository", "oci"},
    {"history"},
    {"remotes"},
    {"recovery", "payloads"},
    {"sharing"},
    {"contract_checks"},
    {"runs", "space", "setup", "interop"},
    {"cluster", "serving"},
    {"serving_image", "model_tests"},
    {"operations", "report"},
    {"api"},
    {"web"},
    {"script_api"},
    {"cli", "helper"},
)

BELOW = {
    package: {package}.union(*ROWS[:index]) for index, row in enumerate(ROWS) for package in row
}

# The helper shows the same meter as the command line, and has no other use for it.
EXCEPTIONS = {
    ("git_remote_datmo.session", "git_datmo.cli.meter"),
    # For type checkers; at run time the functions are loaded when a script uses them.
    ("git_datmo", "git_datmo.tracking.artifacts"),
    ("git_datmo", "git_datmo.tracking.autolog"),
    ("git_datmo", "git_datmo.tracking.callbacks"),
    ("git_datmo", "git_datmo.tracking.fitted_objects"),
    ("git_datmo", "git_datmo.tracking.training"),
}

# Runs by itself in the user's interpreter, outside of its package, and prints its answer.
FOREIGN = "git_datmo.environments.inventory"

# Does so too, and leaves that interpreter as it would be without it.
OBSERVER = "git_datmo.engines.observer.sitecustomize"

# Run in training scripts and beside served models, where nothing else of git-datmo is installed.
TRACKING, SERVING_WORKER = "git_datmo.tracking.", "git_datmo.serving.worker."

# Is called by a cluster on its own machine, as the command line is by a person.
WORKER = "git_datmo.cluster.cluster_worker"

# Is the main program of an image.
IMAGE_START = "git_datmo.serving_image.start_in_image"

# Runs in a process of its own, and is spoken to by its pipes.
APART = "git_datmo.compare.compare_child"


def layer(module: str) -> str:
    package, *rest = module.split(".")
    if package == "git_remote_datmo":
        return "helper"
    if module in BASE:
        return "base"
    if rest == ["__main__"]:
        return "cli"
    return rest[0]


# `tomllib` is the standard library's in the newest of the Pythons that are tested, whichever of
# them this is.
STANDARD = sys.stdlib_module_names | {"tomllib"}


def outside(module: str) -> Iterator[Import]:
    """Yield the imports of a module that belong neither to the project nor to the standard
    library."""
    for found in imported(module):
        if not is_ours(found.name) and found.name.split(".")[0] not in STANDARD:
            yield found


def test_module_is_in_a_layer() -> None:
    assert {layer(module) for module in modules()} == set(BELOW)
    assert len(modules()) > 70


@pytest.mark.parametrize("module", sorted(modules()))
def test_imports_go_down_and_never_up_or_sideways(module: str) -> None:
    wrong = [
        found.name
        for found in imported(module)
        if is_ours(found.name)
        and layer(found.name) not in BELOW[layer(module)]
        and (module, found.name) not in EXCEPTIONS
    ]
    assert wrong == []


def test_modules_import_each_other_without_circles() -> None:
    """Count late imports and those for type checkers too: a circle is one idea in two modules."""
    edges = {module: {found.name for found in imported(module)} for module in modules()}
    open_, closed = [], set()

    def visit(module: str) -> None:
        assert module not in open_, f"a circle: {[*open_, module]}"
        if module in closed or module not in edges:
            return
        open_.append(module)
        for other in sorted(edges[module]):
            visit(other)
        closed.add(open_.pop())

    for module in sorted(edges):
        visit(module)


@pytest.mark.parametrize("module", sorted(modules()))
def test_heavy_packages_are_imported_only_where_listed(module: str) -> None:
    for found in outside(module):
        if module in (FOREIGN, OBSERVER) or found.typing:
            continue
        package = found.name.split(".")[0]
        assert package in HEAVY, f"{module} imports {package}, which the list does not have"
        assert module in HEAVY[package], f"{module} imports {package}"
        assert found.late == (HEAVY[package][module] == "late"), (
            f"{module} imports {package} at the wrong time"
        )


def test_list_of_heavy_packages_has_nothing_that_is_not_imported() -> None:
    real = {(found.name.split(".")[0], module) for module in modules() for found in outside(module)}
    assert {(package, module) for package, where in HEAVY.items() for module in where} <= real


def test_modules_that_bring_heavy_ones_along_are_imported_late() -> None:
    for module in modules():
        for found in imported(module):
            if found.name in LATE_MODULES:
                assert found.late, f"{module} imports {found.name} at its top"
                assert module in LATE_MODULES[found.name]


def test_verbs_import_operations_late() -> None:
    """Check that `-h` and an unknown word load only the verb's own module."""
    light = (
        "git_datmo.cli.commands.",
        "git_datmo.cli.console",
        "git_datmo.cli.engine_options",
        "git_datmo.cli.experiment_choice",
        "git_datmo.cli.model_options",
        "git_datmo.cli.rerun_options",
    )
    for module in modules():
        if module.startswith("git_datmo.cli.commands."):
            early = [
                f.name for f in imported(module) if is_ours(f.name) and not f.late and not f.typing
            ]
            assert all(name.startswith(light) for name in early)


def test_base_is_of_the_standard_library_alone() -> None:
    assert [found for module in BASE for found in outside(module)] == []


@pytest.mark.parametrize("module", [FOREIGN, OBSERVER])
def test_foreign_module_imports_nothing_of_ours(module: str) -> None:
    assert not any(is_ours(found.name) for found in imported(module))


@pytest.mark.parametrize("package", [TRACKING, SERVING_WORKER])
def test_modules_in_foreign_environments_need_only_the_standard_library(package: str) -> None:
    ours = [module for module in modules() if module.startswith(package)]
    assert len(ours) > 3
    for module in ours:
        assert list(outside(module)) == []
        assert all(f.name.startswith(package) for f in imported(module) if is_ours(f.name))


@pytest.mark.parametrize("module", sorted(modules()))
def test_environment_is_read_only_by_command_line_and_helper(module: str) -> None:
    """Check that other modules get environment, arguments and terminal as arguments."""
    if layer(module) in ("api", "script_api", "cli", "helper") or module in (
        FOREIGN,
        OBSERVER,
        APART,
        WORKER,
        IMAGE_START,
    ):
        return
    if module.startswith(TRACKING):
        return
    nodes = (n for n in ast.walk(modules()[module]) if isinstance(n, ast.Name | ast.Attribute))
    assert [ast.unparse(node) for node in nodes if OUTER.match(ast.unparse(node))] == []


def test_helper_reads_environment_only_in_its_entry() -> None:
    seen = set()
    for module in modules():
        if layer(module) == "helper":
            for node in ast.walk(modules()[module]):
                if isinstance(node, ast.Attribute) and ast.unparse(node) in (
                    "os.environ",
                    "sys.argv",
                ):
                    seen.add(module)
    assert seen == {"git_remote_datmo.main"}


def test_modules_do_nothing_at_import() -> None:
    """Allow imports, definitions and constants at the top of a module."""
    wrong = []
    for module, tree in modules().items():
        for node in tree.body:
            calls_something = isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
            loops = isinstance(node, ast.For | ast.While | ast.With | ast.Try)
            if (calls_something or loops) and module not in (
                "git_datmo.__main__",
                FOREIGN,
                OBSERVER,
            ):
                wrong.append((module, node.lineno))
    assert wrong == []


def test_module_names_state_a_purpose() -> None:
    assert not {name.rpartition(".")[2] for name in modules()} & {
        "utils",
        "util",
        "helpers",
        "common",
        "manager",
    }


# Packages of an extra that another library imports by itself.
INDIRECT = {"aiobotocore", "s3fs", "sqlalchemy", "alembic", "exceptiongroup", "httptools"}

IMPORTED_AS = {
    "mlflow-skinny": "mlflow",
    "PyYAML": "yaml",
    "detect-secrets": "detect_secrets",
    "pillow": "PIL",
}


def declared(*lists: str) -> set[str]:
    """Return the distributions in these lists of `pyproject.toml`, by the names under which they
    are imported."""
    text = (TOP / "pyproject.toml").read_text("utf-8")
    blocks = [re.search(rf"^{name} = \[(.*?)\]$", text, re.MULTILINE | re.DOTALL) for name in lists]
    assert all(blocks)
    names = {
        name
        for block in blocks
        if block
        for name in re.findall(r'"([A-Za-z0-9_.-]+?)\s*[><=!~;\["]', block[1])
    }
    return {IMPORTED_AS.get(name, name) for name in names}


def test_declared_dependencies_equal_imported_packages() -> None:
    used = {
        found.name.split(".")[0]
        for module in modules()
        if module != FOREIGN
        for found in outside(module)
    }
    extras = (
        "cluster",
        "compare",
        "contracts",
        "mlflow",
        "notebook",
        "plot",
        "s3",
        "serve",
        "sftp",
        "ui",
    )
    assert used | INDIRECT == declared("dependencies", *extras)
