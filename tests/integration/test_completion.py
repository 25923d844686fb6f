"""Test completion of `git datmo` in real shells: bash with git's completion, zsh with its `_git`,
and fish."""

from __future__ import annotations

import os
import pty
import re
import select
import shlex
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from git_datmo.cli.verb_syntax import PLACEHOLDERS, read_syntax
from git_datmo.cli.verbs import VERBS
from tests.support.commands import datmo
from tests.support.shell import Shell

GIT_COMPLETION = Path("/usr/share/bash-completion/completions/git")
BASH = """\
source {git}
source <(git datmo completion bash)
COMP_WORDS=({words}) COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 )) COMP_LINE={line} COMP_POINT=${{#COMP_LINE}}
COMP_TYPE=9
__git_wrap__git_main
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
ZSH = "PS1='> '; fpath=({functions} $fpath); autoload -Uz compinit; compinit -u -D; git() {{ print -r -- GOT:$*: }}\n"

Offers = Callable[[str], set[str]]


def needs_shells(*names: str) -> None:
    """Skip where a shell is missing, unless the tests must have all shells."""
    missing = [name for name in names if shutil.which(name) is None]
    if missing and os.environ.get("DATMO_REQUIRE_SERVERS") == "1":
        pytest.fail(f"missing: {missing}")
    if missing:
        pytest.skip(f"missing: {missing}")


def offers_of_bash(repo: Shell) -> Offers:
    if not GIT_COMPLETION.exists():
        pytest.skip(f"git's completion is not at {GIT_COMPLETION}")

    def offer(line: str) -> set[str]:
        words = " ".join(shlex.quote(word) for word in line.split(" "))
        script = BASH.format(git=GIT_COMPLETION, words=words, line=shlex.quote(line))
        done = repo.run("bash", "--norc", "-c", script)
        assert done.stderr == ""
        return {word.strip() for word in done.stdout.splitlines()} - {""}

    return offer


def offers_of_fish(repo: Shell) -> Offers:
    needs_shells("fish")
    scripts = Path(repo.env["HOME"]) / ".config/fish/conf.d"
    scripts.mkdir(parents=True)
    (scripts / "git-datmo.fish").write_text(datmo(repo, "completion", "fish").stdout)

    def offer(line: str) -> set[str]:
        done = repo.run("fish", "-c", f"complete -C {shlex.quote(line)}")
        return {word.split("\t")[0] for word in done.stdout.splitlines()}

    return offer


@pytest.fixture(params=["bash", "fish"])
def offers(request: pytest.FixtureRequest, repo: Shell) -> Offers:
    """Return the completions that a shell offers for a line with an incomplete last word."""
    repo.git("tag", "v1.0")
    repo.git("remote", "add", "upstream", "/nowhere")
    repo.write("notes.txt", "x")
    return {"bash": offers_of_bash, "fish": offers_of_fish}[request.param](repo)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("git datmo repr", {"reproduce"}),
        ("git datmo add-", {"add-data", "add-model"}),
        ("git datmo run --eng", {"--engine"}),
        ("git datmo run --engine ho", {"host"}),
        ("git datmo checkout v1", {"v1.0"}),
        ("git datmo push upst", {"upstream"}),
        ("git datmo env bu", {"build"}),
        ("git datmo help repr", {"reproduce"}),
        ("git datmo completion z", {"zsh"}),
        ("git datmo run -- --eng", set()),
    ],
)
def test_last_word_is_completed_by_bash_and_fish(
    offers: Offers, line: str, wanted: set[str]
) -> None:
    assert offers(line) == wanted


def test_completion_offers_every_verb(offers: Offers) -> None:
    assert offers("git datmo ") >= VERBS.keys()


def test_completion_of_bash_offers_every_long_option(repo: Shell) -> None:
    script = [f"source {GIT_COMPLETION}", "source <(git datmo completion bash)", "cur=-- prev="]
    wanted = ""
    for verb in sorted(VERBS.keys() - {"commit"}):
        script.append(f"words=(git datmo {verb} --) cword=3 __git_cmd_idx=1 COMPREPLY=()")
        script.append(f'_git_datmo; echo {verb} "${{COMPREPLY[@]}}"')
        names = [
            name
            for option in read_syntax(verb).options
            for name in option.names
            if name.startswith("--")
        ]
        wanted += " ".join([verb, *names]) + "\n"
    done = repo.run("bash", "--norc", "-c", "\n".join(script))
    assert re.sub(" +", " ", done.stdout).replace(" \n", "\n") == wanted


def test_paths_are_completed_by_fish(repo: Shell) -> None:
    offer = offers_of_fish(repo)
    repo.write("notes.txt", "x")
    assert offer("git datmo add-data no") == {"notes.txt"}
    assert offer("git datmo run -- cat no") == {"notes.txt"}
    assert offer("git datmo fetch no") == set()


class Terminal:
    """Drive an interactive zsh, whose lines the test types."""

    def __init__(self, repo: Shell, functions: Path) -> None:
        self.child, self.file = pty.fork()
        if self.child == 0:
            os.chdir(repo.cwd)
            os.execvpe("zsh", ["zsh", "-f", "-i"], {**repo.env, "TERM": "dumb"})
        os.write(self.file, ZSH.format(functions=functions).encode())

    def complete(self, line: str) -> str:
        """Return the words that `git` gets when a person types `line`, Tab and Enter."""
        os.write(self.file, f"{line}\t\n".encode())
        return self._read(rb"GOT:(.*?):\r?\n").strip()

    def _read(self, pattern: bytes, seconds: float = 60) -> str:
        text, end = b"", time.monotonic() + seconds
        while not (found := re.search(pattern, text)):
            ready, _, _ = select.select([self.file], [], [], max(0, end - time.monotonic()))
            assert ready, text.decode("utf-8", "replace")
            text += os.read(self.file, 65536)
        return found[1].decode()

    def close(self) -> None:
        os.close(self.file)
        os.waitpid(self.child, 0)


def test_last_word_is_completed_by_zsh(repo: Shell, tmp_path: Path) -> None:
    needs_shells("zsh")
    functions = tmp_path / "functions"
    functions.mkdir()
    (functions / "_git-datmo").write_text(datmo(repo, "completion", "zsh").stdout)
    repo.git("tag", "v1.0")
    repo.git("remote", "add", "upstream", "/nowhere")
    repo.write("notes.txt", "x")
    terminal = Terminal(repo, functions)
    try:
        assert terminal.complete("git datmo repr") == "datmo reproduce"
        assert terminal.complete("git datmo run --engine ho") == "datmo run --engine host"
        assert terminal.complete("git datmo run --reb") == "datmo run --rebuild"
        assert terminal.complete("git datmo checkout v1") == "datmo checkout v1.0"
        assert terminal.complete("git datmo push upst") == "datmo push upstream"
        assert terminal.complete("git datmo add-data no") == "datmo add-data notes.txt"
        assert terminal.complete("git datmo run -- cat no") == "datmo run -- cat notes.txt"
        assert terminal.complete("git datmo help repr") == "datmo help reproduce"
    finally:
        terminal.close()


def test_completion_placeholders_are_all_used() -> None:
    from git_datmo.cli.parser import make_parser

    used = {action.metavar for verb in VERBS for action in make_parser(verb)._actions}
    assert used >= PLACEHOLDERS.keys()
