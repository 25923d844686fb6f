"""Completion of command lines for bash, zsh and fish, from the parsers of the verbs."""

from __future__ import annotations

from git_datmo.cli import completion_bash, completion_fish, completion_zsh
from git_datmo.cli.verb_syntax import read_syntax
from git_datmo.cli.verbs import VERBS

_WRITERS = {
    "bash": completion_bash.write_lines,
    "fish": completion_fish.write_lines,
    "zsh": completion_zsh.write_lines,
}


def write_script(shell: str) -> str:
    """Return the completion script for `shell`: bash, zsh or fish."""
    syntax = [read_syntax(verb) for verb in VERBS]
    return "\n".join([*_WRITERS[shell](syntax), ""])
