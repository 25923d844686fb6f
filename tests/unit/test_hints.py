"""Test that hints are true: their commands exist, and a test runs each one that changes something."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
from functools import cache
from pathlib import Path

import pytest

from git_datmo.cli.parser import make_parser, own_words, parse
from git_datmo.cli.verbs import VERBS
from git_datmo.errors import UsageError
from tests.support.hint_cures import CURES
from tests.support.hints import TOP, Hint, UnknownHint, all_hints, collect, commands_in

# These describe commands: the table of verbs, the manual's parts, the demo, and the reasons that
# `git datmo push --dry-run` gives.
DESCRIPTIONS = (
    "git_datmo/cli/configuration.py",
    "git_datmo/cli/demo.py",
    "git_datmo/cli/demo_loop.py",
    "git_datmo/cli/manual.py",
    "git_datmo/cli/parser.py",
    "git_datmo/cli/verbs.py",
    "git_datmo/git/command.py",
    "git_datmo/payloads/exclude_file.py",
    "git_datmo/sharing/push_preview.py",
)
# Commands that show something, and change nothing that a person minds.
SHOWS = re.compile(
    r"git (?:fetch|for-each-ref|fsck|help \w+|log(?: --all)?|ls-remote URL|remote -v|datmo (?:-h|[a-z-]+ -h|diff A B|du|env show|fsck|help \w+"
    r"|log(?: --data)?|logs(?: -f)? {}|ps|show(?: {})?(?: --code(?: -- PATH)?)?|status(?: --json)?|verify (?:{}|HEAD)))"
)
# Options that `git VERB -h` does not list, since git takes them as revisions.
REVISIONS = {"log": {"--all"}}
OPTION = re.compile(r"(?<![\w'-])--[a-z][a-z-]*")
EXTRA = re.compile(r"git-datmo\[(\w+)\]")


def path_of(hint: Hint) -> str:
    return hint.path.removeprefix("git_datmo/")


HINTS = [hint for hint in all_hints() if hint.path not in DESCRIPTIONS]
COMMANDS = sorted({words for hint in HINTS for words in hint.commands})
DATMO = [words for words in COMMANDS if " datmo " in words]
PLAIN = [words for words in COMMANDS if " datmo " not in words]


def check_datmo(command: str) -> None:
    """Raise `UsageError` for a command line that git-datmo does not take."""
    words = shlex.split(command.replace("…", "log").replace("{}", "value"))
    verb, *rest = words[words.index("datmo") + 1 :]
    if verb == "-h":
        return
    if verb not in VERBS:
        raise UsageError(f"'{verb}' is not a verb")
    parser = make_parser(verb)
    if "-h" not in own_words(rest):
        parse(parser, verb, rest)


@cache
def git_verbs() -> frozenset[str]:
    listed = subprocess.run(
        ["git", "--list-cmds=main,nohelpers"], capture_output=True, text=True, check=True
    )
    return frozenset(listed.stdout.split())


@cache
def git_options(verb: str) -> frozenset[str]:
    shown = subprocess.run(["git", verb, "--help-all"], capture_output=True, text=True, check=False)
    found = re.findall(
        r"(?<![\w-])(--?)(?:\[(no-)\])?([a-zA-Z][\w-]*)", shown.stdout + shown.stderr
    )
    names = {dashes + name for dashes, _, name in found}
    negated = {f"--no-{name}" for _, no, name in found if no}
    return frozenset(names | negated | REVISIONS.get(verb, set()))


def check_git(command: str) -> None:
    """Raise `UsageError` for a command or an option that git does not have."""
    verb, *rest = shlex.split(command)[1:]
    if verb not in git_verbs():
        raise UsageError(f"'{verb}' is not a git command")
    given = rest[: rest.index("--")] if "--" in rest else rest
    for word in given:
        name = word.partition("=")[0]
        if name.startswith("-") and name not in git_options(verb):
            raise UsageError(f"'git {verb}' has no option '{name}'")


@cache
def all_options() -> frozenset[str]:
    return frozenset(
        word
        for verb in VERBS
        for action in make_parser(verb)._actions
        for word in action.option_strings
    )


@cache
def names_of_tests(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef))


def test_hints_are_collected_from_errors_warnings_and_hooks() -> None:
    assert len(HINTS) > 200
    places = {hint.path for hint in HINTS}
    assert {
        "git_datmo/errors.py",
        "git_datmo/payloads/unsaved_changes.py",
        "hooks/pre-push",
    } <= places


@pytest.mark.parametrize("command", DATMO)
def test_datmo_command_of_a_hint_is_one_that_the_parsers_take(command: str) -> None:
    check_datmo(command)


@pytest.mark.parametrize("command", PLAIN)
def test_git_command_of_a_hint_is_one_that_git_has(command: str) -> None:
    check_git(command)


@pytest.mark.parametrize(
    "hint", [hint for hint in HINTS if OPTION.search(hint.text)], ids=lambda hint: hint.text[:60]
)
def test_option_of_a_hint_is_one_of_git_datmo(hint: Hint) -> None:
    rest = hint.text
    for command in hint.commands:
        rest = rest.replace(command, "")
    assert set(OPTION.findall(rest)) <= all_options()


def test_extra_of_a_hint_is_one_of_the_package() -> None:
    named = {name for hint in HINTS for name in EXTRA.findall(hint.text)}
    project = (TOP / "pyproject.toml").read_text("utf-8")
    assert named
    for name in named:
        assert re.search(rf"^{name} = \[", project, re.MULTILINE), name


def test_command_that_changes_something_is_run_or_has_a_reason() -> None:
    wanted = {
        (path_of(hint), command)
        for hint in HINTS
        for command in hint.commands
        if not SHOWS.fullmatch(command)
    }
    given = {(path, command) for path, cures in CURES.items() for command in cures}
    assert wanted - given == set(), "a hint without a test: see tests/support/hint_cures.py"
    assert given - wanted == set(), "no hint names these any more: see tests/support/hint_cures.py"


@pytest.mark.parametrize(
    "node", sorted({cure for cures in CURES.values() for cure in cures.values() if "::" in cure})
)
def test_test_that_runs_a_hint_exists(node: str) -> None:
    path, _, name = node.partition("::")
    assert name in names_of_tests(TOP / path)


@pytest.mark.parametrize(
    ("text", "commands"),
    [
        ("run 'git datmo init', which fetches them", ("git datmo init",)),
        ("stop tracking that first: git datmo rm 'a b', then go on", ("git datmo rm 'a b'",)),
        ("do it there: cd {} && git datmo init", ("git datmo init",)),
        ("ask git: it knows", ()),
    ],
)
def test_command_is_found_in_a_text(text: str, commands: tuple[str, ...]) -> None:
    assert commands_in(text) == commands


@pytest.mark.parametrize(
    "command",
    ["git datmo fetsh", "git datmo fetch --deep", "git datmo fetch a b", "git datmo log --flat"],
)
def test_wrong_datmo_command_is_found_out(command: str) -> None:
    with pytest.raises(UsageError):
        check_datmo(command)


@pytest.mark.parametrize("command", ["git fetsh", "git fetch --deeper", "git rm -x -- PATH"])
def test_wrong_git_command_is_found_out(command: str) -> None:
    with pytest.raises(UsageError):
        check_git(command)


def test_hint_of_each_kind_is_collected(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        "from git_datmo.errors import DatmoError\n"
        "OTHER_HINT = 'one'\n"
        "def fail(x):\n"
        "    raise DatmoError('what', 'two' if x else f'three {x}')\n"
        "def warn(x):\n"
        "    hint = 'four'\n"
        "    print(\"see 'git datmo log'\", 'no hint')\n"
        "def hint_of(x):\n"
        "    return 'five' if x else ''\n"
    )
    texts = {hint.text for hint in collect(module, tmp_path)}
    assert texts == {"one", "two", "three {}", "four", "see 'git datmo log'", "five"}


def test_hint_from_an_unnamed_place_is_found_out(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("def fail(way):\n    raise DatmoError('what', way)\n")
    with pytest.raises(UnknownHint, match="way"):
        collect(module, tmp_path)


def test_names_in_messages_are_filled_in() -> None:
    """Look for texts with a name in braces that are not f-strings."""
    unfilled = re.compile(r"\{[a-z_]+(\.[a-z_]+)+\}")
    found = [
        f"{path.relative_to(TOP)}:{node.lineno}: {node.value}"
        for path in sorted((TOP / "git_datmo").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and unfilled.search(node.value)
    ]
    assert not found
