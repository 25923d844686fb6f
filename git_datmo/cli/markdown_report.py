"""Write the blocks of a report as markdown for pull requests, or as a page of HTML."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator

from git_datmo.report.report_blocks import (
    Block,
    CodeBlock,
    Foreign,
    Heading,
    Paragraph,
    Piece,
    ReportTable,
)

# All that markdown, its extensions and hosts give a meaning: '@' names people, '#' issues.
_MARKUP = re.compile(r"[^\w .,%°±…-]|_|(?<=w)\.", re.ASCII)
_TICKS = re.compile("`+")
# Verdicts that are marked in a page.
_CLASSES = {"better": "better", "worse": "worse"}
# No script, image or request, whatever a record holds.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = """\
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
th, td { border: 1px solid #8884; padding: 0.25rem 0.75rem; text-align: left; }
code, pre { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { background: #8881; padding: 0.75rem; white-space: pre-wrap; }
.better { color: #1a7f37; } .worse { color: #cf222e; }
"""


def write_markdown(blocks: Iterable[Block]) -> Iterator[str]:
    """Yield the lines of blocks as GitHub-flavoured markdown.

    Text of records is in code elements, with every mark of markup as an entity. So hosts make no
    links or mentions of it.
    """
    for block in blocks:
        match block:
            case Heading():
                yield f"{'#' * block.level} {block.text}"
            case Paragraph():
                yield "".join(map(_in_markdown, block.pieces))
            case ReportTable():
                yield f"| {' | '.join(block.header)} |"
                yield f"|{' --- |' * len(block.header)}"
                for row in block.rows:
                    yield f"| {' | '.join(map(_in_markdown, row))} |"
            case CodeBlock():
                yield from _fenced(block)
        yield ""


def _in_markdown(piece: Piece) -> str:
    if isinstance(piece, str):
        return piece
    escaped = _MARKUP.sub(lambda found: f"&#{ord(found[0])};", piece.text)
    return f"<code>{escaped}</code>" if escaped.strip() else ""


def _fenced(block: CodeBlock) -> Iterator[str]:
    """Yield a folded patch in a fence that is longer than every run of backticks in it."""
    longest = max((len(run) for line in block.lines for run in _TICKS.findall(line)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from ("<details>", f"<summary>{block.title}</summary>", "", f"{fence}diff")
    yield from block.lines
    yield from (fence, "", "</details>")


def write_page(blocks: Iterable[Block]) -> Iterator[str]:
    """Yield the lines of a page of HTML with the blocks. It needs no other file."""
    yield "<!doctype html>"
    yield '<html lang="en">'
    yield '<head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    yield '<meta name="viewport" content="width=device-width"><title>Experiments</title>'
    yield f"<style>\n{_STYLE}</style></head>"
    yield "<body>"
    for block in blocks:
        match block:
            case Heading():
                # A page has nothing above its first heading, which is of level 2 in a pull request.
                level = block.level - 1
                yield f"<h{level}>{html.escape(block.text)}</h{level}>"
            case Paragraph():
                yield f"<p>{''.join(map(_in_page, block.pieces))}</p>"
            case ReportTable():
                yield from _page_table(block)
            case CodeBlock():
                yield f"<details><summary>{html.escape(block.title)}</summary><pre>"
                yield from map(html.escape, block.lines)
                yield "</pre></details>"
    yield "</body>"
    yield "</html>"


def _page_table(block: ReportTable) -> Iterator[str]:
    yield "<table>"
    yield f"<tr>{''.join(f'<th>{html.escape(name)}</th>' for name in block.header)}</tr>"
    for row in block.rows:
        yield f"<tr>{''.join(map(_page_cell, row))}</tr>"
    yield "</table>"


def _page_cell(piece: Piece) -> str:
    css = _CLASSES.get(piece) if isinstance(piece, str) else None
    return f'<td class="{css}">{_in_page(piece)}</td>' if css else f"<td>{_in_page(piece)}</td>"


def _in_page(piece: Piece) -> str:
    if isinstance(piece, Foreign):
        return f"<code>{html.escape(piece.text)}</code>" if piece.text else ""
    return html.escape(piece)
