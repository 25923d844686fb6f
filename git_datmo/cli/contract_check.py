"""Check data against contracts, and print the findings: `git datmo contract check`."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence

from git_datmo.cli.console import Console
from git_datmo.contract_checks.check_file import FileCheck
from git_datmo.contracts.contract_types import Finding
from git_datmo.errors import DatmoError
from git_datmo.repository.workspace import Workspace
from git_datmo.sizes import show_count

SHOWN_ROWS = 3
COLOURS = {"holds": "green", "broken": "red", "unchecked": "yellow"}


def run(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Check data, print the findings, and return 1 if a contract is broken."""
    checks = [*_check_contracts(options, console, ws)]
    if not options.base and not options.against:
        checks.extend(_check(options, console, ws, has_pairs=bool(checks)))
    form = "json" if options.json else options.format
    if form == "text":
        console.use_colours()
        for check in checks:
            for line in text_lines(check, console):
                console.print(line)
    else:
        from git_datmo.cli.contract_formats import make_document, make_junit, make_markdown

        if form == "json":
            for check in checks:
                console.print_json(make_document(check))
        else:
            make = make_junit if form == "junit" else make_markdown
            console.print_lines(make(checks))
    return int(any(check.verdict == "broken" for check in checks))


def _check_contracts(
    options: argparse.Namespace, console: Console, ws: Workspace
) -> Iterator[FileCheck]:
    """Yield the checks of contracts against each other, which read no data."""
    from git_datmo.contract_checks.branch_check import ContractScene, matching_branches
    from git_datmo.contract_checks.pair_checks import (
        check_branches,
        check_pairs,
        check_unread,
        check_versions,
    )

    name = options.names[0] if options.names else ""
    if name and os.path.lexists(os.path.join(console.cwd, name)):
        # The values of one path are asked for.
        return
    commit = ws.odb.resolve(f"{name}^{{commit}}") if name else None
    if name and commit is None:
        # The id of a snapshot, which the checks of data know.
        return
    scene = ContractScene(ws, commit)
    scene.refuse_invalid()
    yield from check_pairs(scene)
    if options.base:
        yield from check_versions(ws, options.base, scene)
    if options.against:
        branches = matching_branches(ws, options.against)
        yield from check_branches(scene.against(branches))
        yield from check_unread(scene, branches)


def _check(
    options: argparse.Namespace, console: Console, ws: Workspace, *, has_pairs: bool
) -> Sequence[FileCheck]:
    """Return the checks of the working tree, of a path in it, or of a revision.

    Raises `DatmoError` if no contract is bound to data and none met another one.
    """
    from git_datmo.contract_checks.contract_files import find_contracts
    from git_datmo.contract_checks.worktree_checks import check_worktree

    name = options.names[0] if options.names else ""
    progress = console.progress()
    within = ""
    if name:
        path = os.path.join(console.cwd, name)
        if not os.path.lexists(path):
            from git_datmo.operations.check_revision import check_revision

            return check_revision(ws, name, may_be_empty=has_pairs, progress=progress)
        within = ws.relative(name)
    checks = check_worktree(ws, find_contracts(ws), within, progress=progress)
    if not checks and not has_pairs:
        what = f"to '{name}'" if name else "to data of the working tree"
        raise DatmoError(
            f"no contract is bound {what}",
            "write one for the data at PATH with 'git datmo contract infer PATH'",
        )
    return checks


def text_lines(check: FileCheck, console: Console) -> Iterator[str]:
    """Yield the lines of a check: the verdict, then each finding."""
    rows = f", {show_count(check.rows, 'row')}" if check.rows else ""
    verdict = console.paint(COLOURS[check.verdict], check.verdict)
    scope = f", {check.scope}" if check.scope else ""
    yield f"{check.path}: {verdict} ({check.contract.file}{rows}{scope})"
    for finding in check.findings:
        yield f"  {describe_finding(finding)}"


def describe_finding(finding: Finding) -> str:
    """Return a finding in a line, with its first rows."""
    level = {"refuse": "error", "warn": "warning", "unchecked": "unchecked"}[finding.level]
    where = f" {finding.field}:" if finding.field else ""
    shown = [
        " ".join(filter(None, [f"row {row}" if row else "", text and repr(text)]))
        for row, text in finding.rows[:SHOWN_ROWS]
    ]
    rows = f" ({', '.join(shown)}{', ...' if finding.count > len(shown) else ''})" if shown else ""
    return f"{level}:{where} {finding.message}{rows}"
