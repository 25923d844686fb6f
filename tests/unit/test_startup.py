"""Test that a command loads no slow module before it knows its work."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import pytest

from git_datmo import __version__
from tests.support.shell import Shell

HEAVY = frozenset(
    [
        "detect_secrets",
        "docker",
        "dulwich",
        "isal",
        "pyfastcdc",
        "xxhash",
        "tqdm",
        "fastjsonschema",
        "requests",
        "pygit2",
        "numpy",
        "packaging",
        "urllib3",
        "yaml",
    ]
)
# Commands that need neither store nor records load none of these either.
FLOWS = frozenset(
    {
        "git_datmo.objects",
        "git_datmo.payloads",
        "git_datmo.repository",
        "git_datmo.records",
        "git_datmo.engines.engine_contract",
        "git_datmo.git",
    }
)

# Runs the console script's function with the given words, then prints the loaded modules as one
# line.
SCRIPT = """\
import json, sys
words = sys.argv[1:]
sys.argv = ["git-datmo", *words]
from git_datmo.cli.entry import main
status = main()
sys.stdout.flush()
print("\\n" + json.dumps([status, sorted(sys.modules)]))
"""


def loaded(shell: Shell, *words: str, code: int = 0) -> set[str]:
    """Return the full names of the modules that `git-datmo WORDS` has loaded at its end."""
    done = shell.run(sys.executable, "-c", SCRIPT, *words)
    status, modules = json.loads(done.stdout.splitlines()[-1])
    assert status == code, str(done)
    return set(modules)


def packages(modules: set[str]) -> set[str]:
    return {name.split(".")[0] for name in modules}


def test_loaded_module_is_detected_by_the_check(shell: Callable[..., Shell]) -> None:
    """Check the measure itself: it reports a script's imports."""
    script = SCRIPT.replace("import json, sys", "import json, sys, tqdm, dulwich.pack, docker")
    done = shell().run(sys.executable, "-c", script, "--version")
    assert {"tqdm", "dulwich", "docker", "requests"} <= packages(
        set(json.loads(done.stdout.splitlines()[-1])[1])
    )


@pytest.mark.parametrize("words", [("--version",), ("-v",), ("-h",), ("--help",)])
def test_version_and_usage_load_no_heavy_module(
    shell: Callable[..., Shell], words: tuple[str, ...]
) -> None:
    modules = loaded(shell(), *words)
    assert packages(modules) & HEAVY == set()
    assert modules & FLOWS == set()


def test_version_is_a_constant(shell: Callable[..., Shell]) -> None:
    assert shell().run("git-datmo", "--version").stdout == f"git-datmo version {__version__}\n"
    assert "importlib.metadata" not in loaded(shell(), "--version")


def test_missing_command_loads_no_heavy_module(
    shell: Callable[..., Shell],
) -> None:
    assert packages(loaded(shell(), code=129)) & HEAVY == set()


@pytest.mark.parametrize("verb", ["run", "add-data", "reproduce", "log", "demo"])
def test_help_of_a_verb_loads_nothing_heavy_and_no_layer(
    shell: Callable[..., Shell], verb: str
) -> None:
    modules = loaded(shell(), verb, "-h")
    assert packages(modules) & HEAVY == set()
    assert modules & FLOWS == set()


def test_unknown_word_loads_no_heavy_module(shell: Callable[..., Shell]) -> None:
    assert packages(loaded(shell(), "log", "--zzz", code=129)) & HEAVY == set()
    assert packages(loaded(shell(), "nonsense", code=129)) & HEAVY == set()


HOOKS = [
    ("pre-commit",),
    ("post-commit",),
    ("post-checkout", "0" * 40, "0" * 40, "1"),
    ("post-checkout", "0" * 40, "0" * 40, "0"),
    ("post-merge", "0"),
    ("pre-push", "origin", "https://host.invalid/team/faces"),
]


@pytest.mark.parametrize("words", HOOKS, ids=" ".join)
@pytest.mark.parametrize("state", ["new", "set up"])
def test_idle_hook_loads_no_heavy_module(
    make_repo: Callable[..., Shell], words: tuple[str, ...], state: str
) -> None:
    repo = make_repo()
    repo.commit("code.py", "pass\n")
    if state == "set up":
        repo.run("git", "datmo", "init")
    modules = loaded(repo, "hook", *words)
    assert (
        packages(modules) & {"docker", "dulwich", "tqdm", "requests", "urllib3", "pygit2", "numpy"}
        == set()
    )
    assert "git_datmo.engines.container_engine" not in modules
    assert "git_datmo.engines.venv_engine" not in modules


def test_checkout_of_single_files_loads_no_operation(make_repo: Callable[..., Shell]) -> None:
    """Check `git checkout -- FILE`, which calls the hook and mostly has nothing to follow."""
    repo = make_repo()
    modules = loaded(repo, "hook", "post-checkout", "0" * 40, "0" * 40, "0")
    assert modules & FLOWS == set()
    assert packages(modules) & HEAVY == set()


def test_repository_without_records_loads_no_record_checks(
    make_repo: Callable[..., Shell],
) -> None:
    repo = make_repo()
    repo.commit("code.py", "pass\n")
    repo.run("git", "datmo", "init")
    assert "fastjsonschema" not in loaded(repo, "status")
    assert "fastjsonschema" not in loaded(repo, "log")


def test_run_on_the_host_loads_no_transport_and_no_record_checks(
    make_repo: Callable[..., Shell],
) -> None:
    repo = make_repo()
    repo.commit("code.py", "pass\n")
    repo.run("git", "datmo", "init")
    repo.run("git", "datmo", "run", "--", "true")
    modules = loaded(repo, "run", "--", "true")
    assert modules & {"fastjsonschema", "git_datmo.remotes.fetch_objects"} == set()
    assert "git_datmo.runs.run_recording" in modules
