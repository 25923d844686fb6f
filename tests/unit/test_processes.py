"""Test that processes, waits and files are started and made only where the lists say."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.support.source_modules import STARTING, modules

# Modules that start processes, and the reason.
STARTERS = {
    "git_datmo.git.command": "git",
    "git_datmo.tracking.own_run": "git-datmo, which records the run of a training script",
    "git_datmo.git.service_pipes": "git, which joins a service to pipes",
    "git_datmo.objects.worker_pool": "forks of itself, that work beside it",
    "git_datmo.engines.child_process": "the user's command",
    "git_datmo.compare.subprocess_compare": "what decodes strangers' files",
    "git_datmo.engines.venv_engine": "interpreters",
    "git_datmo.environments.interpreter_probe": "interpreters",
    "git_datmo.environments.machine": "what tells of GPUs and Debian packages",
    "git_datmo.cli.console": "the pager and the editor",
    "git_datmo.process_endings": "commands of a demo, as a person types them",
    "git_datmo.serving_image.generated_base": "pip",
    "git_datmo.cli.detached_run": "git-datmo, which records a run without a terminal",
    "git_remote_datmo.proxy": "git's plumbing, with pipes that are git's own",
}

STARTS_GIT = {
    "git_datmo.git.command",
    "git_datmo.git.service_pipes",
    "git_remote_datmo.proxy",
}


def calls(module: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield every call whose function is a plain dotted name."""
    for node in ast.walk(modules()[module]):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            yield ast.unparse(node.func), node


@pytest.mark.parametrize("module", sorted(modules()))
def test_processes_are_started_only_where_listed(module: str) -> None:
    starts = [name for name, _ in calls(module) if STARTING.match(name)]
    assert bool(starts) == (module in STARTERS), starts


WAITING = re.compile(
    r"subprocess\.(run|Popen|call|check_call|check_output)\Z|os\.(waitpid|wait4)\Z|.*\.recv\Z|select\.\w+\Z"
)

# Calls that wait without a limit of their own, and the reason.
WAITERS = {
    "git_datmo.timeouts": "ends waits",
    "git_datmo.process_endings": "ends waits",
    "git_datmo.watched_child": "ends waits",
    "git_datmo.objects.worker_pool": "forks of itself, which work, or end with it",
    "git_datmo.engines.child_process": "the user's command",
    "git_datmo.environments.interpreter_probe": "a child whose answer has a limit, and that is killed behind it",
    "git_datmo.engines.container_terminal": "the user",
    "git_datmo.cli.console": "the user's pager and editor",
    "git_datmo.backends.socket_activity": "an event loop, whose sockets do not block",
    "git_datmo.cli.demo_stage": "commands as a person types them",
    "git_datmo.cli.detached_run": "git-datmo, which prepares the run that a person started",
}


@pytest.mark.parametrize("module", sorted(modules()))
def test_waits_have_a_limit(module: str) -> None:
    """Accept calls with a timeout. `Child` and `SilenceWatch` wait for programs and descriptors."""
    waits = [
        ast.unparse(call)
        for name, call in calls(module)
        if WAITING.match(name) and not any(keyword.arg == "timeout" for keyword in call.keywords)
    ]
    assert not waits or module in WAITERS, waits


def test_process_libraries_are_imported_only_where_used() -> None:
    direct = {
        module
        for module in modules()
        for node in ast.walk(modules()[module])
        if isinstance(node, ast.ImportFrom)
        and node.module in ("subprocess", "pty", "os")
        and node.names
    }
    assert direct == set(), "imported by name, what starts processes would be hard to see"


@pytest.mark.parametrize("module", sorted(modules()))
def test_git_is_started_only_where_listed(module: str) -> None:
    lists = (node for node in ast.walk(modules()[module]) if isinstance(node, ast.List | ast.Tuple))
    firsts = (item.elts[0] for item in lists if item.elts)
    flat = (item.value.elts[0] if _is_spread(item) else item for item in firsts)
    named = any(isinstance(item, ast.Constant) and item.value == "git" for item in flat)
    assert named == (module in STARTS_GIT)


def _is_spread(item: ast.expr) -> bool:
    return isinstance(item, ast.Starred) and isinstance(item.value, ast.Tuple | ast.List)


def test_shell_is_asked_only_for_pager_and_editor() -> None:
    shells = [
        module
        for module in modules()
        for _, call in calls(module)
        if any(
            k.arg == "shell" and not (isinstance(k.value, ast.Constant) and not k.value.value)
            for k in call.keywords
        )
    ]
    assert {*shells} == {"git_datmo.cli.console"}


CREATING = re.compile(
    r"os\.(mkdir|makedirs|mkfifo|mknod)\Z|tempfile\.mk\w+\Z|\S*\.(mkdir|touch|write_bytes|write_text)\Z"
)

# Modules that create files or folders themselves, none of which is part of a repository.
CREATORS = {
    "git_datmo.permissions": "all that is in a repository",
    "git_datmo.worktree.worktree_checkout": "folders of the working tree",
    "git_datmo.cli.demo_stage": "the user's repository",
    "git_datmo.engines.image_archive": "a folder of its own",
    "git_datmo.serving_image.generated_base": "a folder of its own",
    "git_datmo.engines.folder_transfer": "a folder of its own",
    "git_datmo.engines.venv_engine": "an environment, whose modes are adjusted when it is complete",
    "git_datmo.engines.observer.sitecustomize": "a journal, in a folder that is there",
    "git_datmo.payloads.code_files": "a folder of its own",
    "git_datmo.git.scratch_repository": "a repository of one command, which nobody else uses",
    "git_datmo.payloads.captured_environment": "a folder of its own",
    "git_datmo.runs.config_edit": "the working tree of a combination",
    "git_datmo.runs.environment_commands": "a folder of its own",
    "git_datmo.tracking.artifacts": "the folder of a run, which is there",
    "git_datmo.tracking.notebook": "the log of a run, in a folder that is there",
    "git_datmo.tracking.run_logger": "a journal, in a folder that is there",
    "git_datmo.repository.stored_curves": "a folder of its own",
    "git_datmo.runs.placed_data": "a folder of a script",
    "git_datmo.script_api": "a folder of a script",
    "git_datmo.runs.rerun": "the folder of a rerun",
    "git_datmo.runs.rerun_folder": "the folder of a rerun",
    "git_datmo.cli.commands.test": "a folder of its own",
    "git_datmo.cli.contract_infer": "folders of the working tree",
    "git_datmo.cli.contract_convert": "folders of the working tree",
    "git_datmo.serving.deploy_snapshot": "a folder of its own",
    "git_datmo.serving.event_log": "requests, which only the owner may read",
    "git_datmo.serving.feedback_collection": "a folder of its own",
    "git_datmo.serving.serving_setup": "a folder of its own",
    "git_datmo.serving.worker_process": "a folder of its own",
    "git_datmo.serving_image.build_image": "a folder of its own",
    "git_datmo.oci.image_layout": "a folder that the user names",
    "git_datmo.web.running_server": "the key of a page, which only the owner may read",
    "git_datmo.web.static_site": "a folder that the user names",
}


@pytest.mark.parametrize("module", sorted(modules()))
def test_files_of_repositories_are_created_by_permissions_alone(module: str) -> None:
    made = [name for name, _ in calls(module) if CREATING.match(name)]
    creates = (
        "O_CREAT" in ast.unparse(modules()[module]) and module != "git_datmo.worktree.file_placer"
    )
    assert not (made or creates) or module in CREATORS, made
