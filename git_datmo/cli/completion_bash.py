"""Write the bash completion function `_git_datmo`, which git's own completion calls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from git_datmo.cli.verb_syntax import Option, Syntax, Value

HEAD = """\
# bash completion for git-datmo. Needs git's own completion, which calls _git_datmo.

_git_datmo ()
{
\tlocal verbs="%s"
\tlocal verb="$(__git_find_on_cmdline "$verbs")"
\tif [ -z "$verb" ]; then
\t\tcase "$cur" in
\t\t-*) __gitcomp "--version --help" ;;
\t\t*) __gitcomp "$verbs" ;;
\t\tesac
\t\treturn
\tfi
\t__git_has_doubledash && return
\tcase "$verb" in"""
TAIL = "\tesac\n}"


def write_lines(verbs: Sequence[Syntax]) -> Iterator[str]:
    """Yield the lines of the script. Bash offers files if the script offers nothing."""
    yield HEAD % " ".join(syntax.verb for syntax in verbs)
    for syntax in verbs:
        yield f"\t{syntax.verb})"
        yield from (["\t\t_git_commit"] if syntax.passes_on else _verb_lines(syntax))
        yield "\t\t;;"
    yield TAIL


def _verb_lines(syntax: Syntax) -> Iterator[str]:
    """Yield the case of a verb: values of its options, then names and arguments."""
    valued = [
        option for option in syntax.options if option.value is not None and option.needs_value
    ]
    if valued:
        yield '\t\tcase "$prev" in'
        for option in valued:
            yield f"\t\t{'|'.join(option.names)}) {_offer(option.value)}return ;;"
        yield "\t\tesac"
    yield '\t\tcase "$cur" in'
    for option in valued:
        yield from _joined_lines(option)
    yield f'\t\t-*) __gitcomp "{_long_names(syntax)}" ;;'
    offers = _offer(syntax.arguments[0] if syntax.arguments else None).rstrip("; ")
    if offers:
        yield f"\t\t*) {offers} ;;"
    yield "\t\tesac"


def _long_names(syntax: Syntax) -> str:
    """Return the long names of a verb's options."""
    return " ".join(
        name for option in syntax.options for name in option.names if name.startswith("--")
    )


def _joined_lines(option: Option) -> Iterator[str]:
    """Yield the case of `--option=value` for an option with choices."""
    if option.value is not None and option.value.choices:
        name = option.names[-1]
        yield (
            f'\t\t{name}=*) __gitcomp "{" ".join(option.value.choices)}" ""'
            f' "${{cur##{name}=}}"; return ;;'
        )


def _offer(value: Value | None) -> str:
    """Return the command that offers candidates for a value; '' if bash offers files."""
    if value is None:
        return ""
    if value.choices:
        return f'__gitcomp "{" ".join(value.choices)}"; '
    offers = {
        "revision": '__gitcomp_nl "$(__git_refs)"; ',
        "remote": '__gitcomp_nl "$(__git_remotes)"; ',
        "verb": '__gitcomp "$verbs"; ',
    }
    return offers.get(value.kind, "")
