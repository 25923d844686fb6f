"""Write zsh's completion script `_git-datmo`, which zsh's own `_git` calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from git_datmo.cli.verb_syntax import Option, Syntax, Value

HEAD = """\
#compdef git-datmo
# zsh completion for git-datmo, and for git datmo through zsh's own _git.

zstyle ':completion:*:*:git:*' user-commands datmo:'version data, models and experiments'

__git-datmo_revisions() {
  local -a kinds revisions
  kinds=(refs/heads refs/tags refs/remotes)
  revisions=(HEAD ${(f)"$(command git for-each-ref --format='%(refname:short)' $kinds 2>/dev/null)"})
  compadd -a revisions
}

__git-datmo_remotes() {
  local -a remotes
  remotes=(${(f)"$(command git remote 2>/dev/null)"})
  compadd -a remotes
}

__git-datmo_verbs() {
  local -a verbs
  verbs=("""
MIDDLE = """\
  )
  _describe -t verbs 'git-datmo verb' verbs
}

_git-datmo() {
  local curcontext="$curcontext" state line ret=1
  typeset -A opt_args
  _arguments -C '--version[show the version]' '(-h --help)'{-h,--help}'[show the verbs]' \\
    '1: :__git-datmo_verbs' '*:: :->verb' && ret=0
  [[ $state == verb ]] || return ret
  case $words[1] in"""
TAIL = """\
  esac
  return ret
}

if [[ $funcstack[1] == _git-datmo ]]; then _git-datmo "$@"; else compdef _git-datmo git-datmo; fi"""
ACTIONS = {
    "file": "_files",
    "revision": "__git-datmo_revisions",
    "remote": "__git-datmo_remotes",
    "verb": "__git-datmo_verbs",
    "word": " ",
}


def write_lines(verbs: Sequence[Syntax]) -> Iterator[str]:
    """Yield the lines of the script."""
    yield HEAD
    for syntax in verbs:
        yield f"    {_quote(f'{syntax.verb}:{syntax.summary}')}"
    yield MIDDLE
    for syntax in verbs:
        yield f"    {syntax.verb})"
        yield from (
            ["      _call_function ret _git-commit"] if syntax.passes_on else _verb_lines(syntax)
        )
        yield "      ;;"
    yield TAIL


def _verb_lines(syntax: Syntax) -> Iterator[str]:
    """Yield the `_arguments` call of a verb."""
    single, repeated = syntax.arguments, "_files"
    if not syntax.takes_files and syntax.arguments:
        single, repeated = syntax.arguments[:-1], _action(syntax.arguments[-1])
    specs = [spec for option in syntax.options for spec in _option_specs(option)]
    specs += [_quote(f":: :{_action(value)}") for value in single]
    if syntax.takes_files or syntax.arguments:
        specs.append(_quote(f"*: :{repeated}"))
    yield "      _arguments -S \\"
    yield from (f"        {spec} \\" for spec in specs)
    yield "        && ret=0"


def _option_specs(option: Option) -> Iterator[str]:
    """Yield the `_arguments` specification of each name of an option (zshcompsys)."""
    text = option.help
    # These characters end a part of a specification.
    for special in "\\[]:":
        text = text.replace(special, f"\\{special}")
    value = (
        ""
        if option.value is None
        else f":{'' if option.needs_value else ':'} :{_action(option.value)}"
    )
    for name in option.names:
        joint = "=" if value and name.startswith("--") else ""
        yield _quote(
            f"*{name}{joint}[{text}]{value.replace('::', ':', 1) if option.needs_value else value}"
        )


def _action(value: Value) -> str:
    """Return the `_arguments` action that completes a value."""
    return f"({' '.join(value.choices)})" if value.choices else ACTIONS[value.kind]


def _quote(text: str) -> str:
    """Return text in single quotes for zsh."""
    return "'" + text.replace("'", "'\\''") + "'"
