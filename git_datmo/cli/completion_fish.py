"""Write the fish completion script for `git-datmo` and `git datmo`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from git_datmo.cli.verb_syntax import Option, Syntax, Value

HEAD = """\
# fish completion for git-datmo and git datmo.

function __git_datmo_needs_verb
    test (count (commandline -opc)) -eq 1
end

function __git_datmo_uses
    set -l words (commandline -opc)
    test "$words[2]" = "$argv[1]"; and not contains -- -- $words
end

function __git_datmo_is_behind_dashes
    contains -- -- (commandline -opc)
end

function __git_datmo_revisions
    echo HEAD
    command git for-each-ref --format='%(refname:short)' refs/heads refs/tags refs/remotes 2>/dev/null
end

function __git_datmo_remotes
    command git remote 2>/dev/null
end

# Complete `git datmo WORDS` as `git-datmo WORDS`.
function __git_datmo_delegate
    set -l words (commandline -opc)
    set -l at (contains -i -- datmo $words); or return
    set -e words[1..$at]
    complete -C "git-datmo "(string join ' ' -- (string escape -- $words) '')(commandline -ct)
end

complete -c git -n __fish_git_needs_command -a datmo -d 'version data, models and experiments'
complete -c git -f -n '__fish_git_using_command datmo' -a '(__git_datmo_delegate)'
complete -c git-datmo -f
complete -c git-datmo -n __git_datmo_is_behind_dashes -F
complete -c git-datmo -n __git_datmo_needs_verb -l version -d 'show the version'
complete -c git-datmo -n __git_datmo_needs_verb -s h -l help -d 'show the verbs'"""


def write_lines(verbs: Sequence[Syntax]) -> Iterator[str]:
    """Yield the lines of the script."""
    yield HEAD
    names = " ".join(syntax.verb for syntax in verbs)
    for syntax in verbs:
        yield (
            f"complete -c git-datmo -n __git_datmo_needs_verb -a {syntax.verb} -d"
            f" {_quote(syntax.summary)}"
        )
    for syntax in verbs:
        start = f"complete -c git-datmo -n '__git_datmo_uses {syntax.verb}'"
        for option in syntax.options:
            yield f"{start} {_option(option, names)}"
        for value in syntax.arguments[:1]:
            yield f"{start} {_offer(value, names)}".rstrip()


def _option(option: Option, verbs: str) -> str:
    """Return the `complete` arguments for an option."""
    words = [
        f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names
    ]
    if option.value is not None and option.needs_value:
        words += ["-r", _offer(option.value, verbs)]
    return " ".join(word for word in (*words, f"-d {_quote(option.help)}") if word)


def _offer(value: Value, verbs: str) -> str:
    """Return the `complete` argument that offers candidates for a value."""
    if value.choices:
        return f"-a {_quote(' '.join(value.choices))}"
    offers = {
        "file": "-F",
        "revision": "-a '(__git_datmo_revisions)'",
        "remote": "-a '(__git_datmo_remotes)'",
        "verb": f"-a {_quote(verbs)}",
    }
    return offers.get(value.kind, "-f")


def _quote(text: str) -> str:
    """Return text in single quotes for fish."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
