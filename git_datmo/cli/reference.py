"""Reference pages of the documentation site.

Their sources are the verbs' parsers, as for the manual pages, and the JSON schemas.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from git_datmo.cli.configuration import EXITS, KEYS
from git_datmo.cli.manual import sections
from git_datmo.cli.verbs import VERBS

NOTE = "<!-- Written by `python -m git_datmo.cli.pages`. Change the source, not this page. -->"


def reference_pages(docs: Path) -> dict[str, str]:
    """Return the text of each page by its file name; `docs` contains the JSON schemas."""
    pages = {
        "commands.md": _commands(),
        "configuration.md": _configuration(),
        "exit-codes.md": _exit_codes(),
        "json.md": _json(docs / "reference" / "schemas"),
    }
    return {name: "\n".join([NOTE, "", *lines]) + "\n" for name, lines in pages.items()}


def _commands() -> Iterator[str]:
    """Yield the lines of the page of commands."""
    yield "# Commands"
    yield ""
    yield (
        "`git datmo VERB -h` prints a summary of a verb. `git datmo help VERB` prints its"
        " manual page."
    )
    yield from _table(
        ("verb", "purpose"), [(f"[`{verb}`](#{verb})", summary) for verb, summary in VERBS.items()]
    )
    for verb in VERBS:
        yield from ("", f"## {verb}")
        for title, paragraphs in sections(verb):
            yield from _section(title, paragraphs)


def _section(title: str, paragraphs: list[tuple[str, str]]) -> Iterator[str]:
    """Yield the lines of a section of a manual page in Markdown."""
    texts = [text for _, text in paragraphs]
    if title == "EXAMPLES":
        yield from ("", "Examples:")
    if title in ("SYNOPSIS", "EXAMPLES"):
        yield from ("", "```text", *texts, "```")
    elif title == "DESCRIPTION":
        yield from ("", *map(_plain, texts))
    elif title == "OPTIONS":
        yield from _table(("option", "meaning"), [(f"`{term}`", text) for term, text in paragraphs])


def _configuration() -> Iterator[str]:
    """Yield the lines of the page of configuration keys."""
    yield "# Configuration"
    yield ""
    yield (
        "Set a key with `git config KEY VALUE`. Numbers take the suffixes `k`, `m` and `g`, as"
        " in git."
    )
    yield from ("", "`<remote>` is the name of a remote, or its URL where it has no name.")
    yield from _table(
        ("key", "default", "meaning"), [(f"`{key.name}`", key.default, key.text) for key in KEYS]
    )


def _exit_codes() -> Iterator[str]:
    """Yield the lines of the page of exit codes."""
    yield "# Exit codes"
    yield from _table(("code", "meaning"), EXITS)
    yield ""
    yield (
        "An error is two lines on standard error: `fatal:` says what is wrong, `hint:` says"
        " what to do."
    )
    yield "With `--json`, it is one JSON object instead: see [JSON output](json.md#error)."


def _json(schemas: Path) -> Iterator[str]:
    """Yield the lines of the page of JSON output."""
    yield "# JSON output"
    yield ""
    yield (
        "With `--json`, a verb prints JSON objects on standard output, one a line. The keys"
        " keep name and type."
    )
    yield "A later version may add keys. Each section links to its JSON Schema."
    for path in sorted(schemas.glob("*.json")):
        schema = json.loads(path.read_text("utf-8"))
        yield from (
            "",
            f"## {path.stem}",
            "",
            f"{schema['description']} ([schema](schemas/{path.name}))",
        )
        rows = [(f"`{name}`", kind, text) for name, kind, text in _properties(schema, "")]
        yield from _table(("key", "type", "meaning"), rows)


def _properties(schema: dict[str, Any], before: str) -> Iterator[tuple[str, str, str]]:
    """Yield the name, type and meaning of each key of an object, nested objects included.

    `before` is the prefix of the names. `[]` in a name stands for the elements of an array.
    """
    for name, value in schema.get("properties", {}).items():
        yield before + name, _type(value), value.get("description", "")
        yield from _properties(value, f"{before}{name}.")
        if "items" in value:
            yield from _properties(value["items"], f"{before}{name}[].")


def _type(schema: dict[str, Any]) -> str:
    """Return the type of a JSON value in words."""
    kinds = schema.get("type", "any")
    named = " or ".join(kinds if isinstance(kinds, list) else [kinds])
    return f"{named} of {_type(schema['items'])}s" if "items" in schema else named


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield a Markdown table after an empty line."""
    yield ""
    yield _row(titles)
    yield _row(["---"] * len(titles))
    yield from map(_row, rows)


def _row(cells: Sequence[str]) -> str:
    """Return a row of a Markdown table."""
    return "| " + " | ".join(_plain(cell).replace("|", "\\|") for cell in cells) + " |"


def _plain(text: str) -> str:
    """Return text without Markdown markup; a text that starts with code or a link stays."""
    if text.startswith(("`", "[`")):
        return text
    return text.replace("<", "&lt;").replace("*", "\\*").replace("_", "\\_")
