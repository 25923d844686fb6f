"""Rerun a snapshot in a fresh folder, compare the results, and store a receipt."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from git_datmo.contract_checks.run_gate import TAG
from git_datmo.engines.command_locale import environment_locale
from git_datmo.environments.machine import describe_machine
from git_datmo.environments.manifest_reader import read_environment as read_manifest
from git_datmo.errors import DatmoError
from git_datmo.history.experiments import Found
from git_datmo.history.record_heads import read_all
from git_datmo.history.record_signatures import (
    attach_signed,
    require_key,
    require_signed,
    wants_signature,
)
from git_datmo.model import Oid
from git_datmo.objects.tree_nodes import root_node
from git_datmo.payloads.captured_environment import read_environment, variables_of
from git_datmo.progress import Progress
from git_datmo.records.receipt_record import Cause, Receipt
from git_datmo.records.record_values import Value
from git_datmo.remotes.keep_commits import keep_entries
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.difference_causes import ask_interpreter, changed_packages, find_causes
from git_datmo.runs.narrowed_inputs import narrow
from git_datmo.runs.rerun import Rerun, RerunOptions, rerun
from git_datmo.runs.rerun_folder import empty_folder, scratch_folder
from git_datmo.runs.rerun_gate import refuse_broken_inputs, refuse_unfit_contracts
from git_datmo.runs.rerun_inputs import require_objects
from git_datmo.runs.rerun_parts import Parts, parts_of, require_run, require_whole
from git_datmo.runs.verdict import DIFFERENT, FAILED, IDENTICAL, NOTHING, VERDICTS, Judged, judge

if TYPE_CHECKING:
    from git_datmo.contract_checks.contract_files import ContractFile


@dataclass(frozen=True, slots=True)
class Reproduced:
    """A finished reproduction.

    `id` is the receipt's id. It is None if no receipt was stored: a part came from another
    snapshot, or nothing could be compared.
    """

    receipt: Receipt
    id: Oid | None
    warnings: tuple[str, ...] = ()


def reproduce(
    ws: Workspace,
    found: Found,
    options: RerunOptions,
    *,
    folder: Path,
    tolerances: Mapping[str, float],
    repeat: int = 1,
    parts: Parts | None = None,
    sign: bool = False,
) -> Reproduced:
    """Rebuild the environment, rerun in the empty `folder`, and compare metrics and outputs.

    Makes `repeat` reruns; the worst verdict counts, and differences between the reruns are
    recorded. If the recorded reads are complete, only those files are fetched and placed. If that
    rerun fails or differs, it is repeated with all files.

    `parts` replaces the snapshot's own inputs; no receipt is stored then. Raises `DatmoError` if
    the rerun cannot start, or if contracts of its code do not fit and `options` has no tag that
    says so. A command that fails is a verdict, not an error.
    """
    require_signed(ws, read_all(ws), [str(found.id)])
    whole = require_whole(parts or parts_of(found))
    sign = parts is None and wants_signature(ws, asked=sign)
    # A missing key shows before anything is fetched or run.
    if sign:
        require_key(ws)
    contracts: tuple[ContractFile, ...] = ()
    if TAG not in options.tags:
        contracts = refuse_unfit_contracts(ws, whole, found.commit, options.progress)
    began = time.monotonic()
    # The recorded reads say nothing about parts of another snapshot.
    less = narrow(ws, whole, require_run(found).read, options.progress) if parts is None else None
    fetched = time.monotonic() - began
    if contracts:
        refuse_broken_inputs(ws, less or whole, contracts, found.commit, options.progress)
    # A missing engine shows before anything else is fetched or run.
    options.engine.check()
    tried: list[_Try] = []
    for chosen in (less, whole) if less is not None else (whole,):
        fetched += _fetch(ws, found, chosen, options.progress)
        # A bad verdict is repeated with all files, so more reruns with fewer files are no use.
        tried = _try_repeatedly(
            ws, found, chosen, options, folder, tolerances, repeat, until_bad=chosen is less
        )
        if not _is_bad(tried[-1]):
            break
        if chosen is less:
            options.progress.tell(
                f"{tried[-1].judged.verdict} with only the files that the run read: trying again"
                " with all"
            )
            # Files of the first rerun must not be taken for inputs of the second.
            empty_folder(folder)
    receipt = _write_receipt(ws, found, options, tried, tolerances, fetched)
    remarks = (*tried[0].done.remarks, *_tell_changes(tried[0].changes))
    if parts is not None or receipt.verdict == NOTHING:
        return Reproduced(receipt, None, remarks)
    done = attach_receipt(ws, receipt, sign=sign)
    return replace(done, warnings=(*remarks, *done.warnings))


def _fetch(ws: Workspace, found: Found, parts: Parts, progress: Progress) -> float:
    """Fetch the objects that a rerun of `parts` needs; return the elapsed seconds."""
    began = time.monotonic()
    kept = {each.node: each.content.size for each in keep_entries(found.snapshot)}
    if parts.files is None:
        require_objects(ws, [*kept, *parts.nodes()], found.id, progress, size=sum(kept.values()))
    else:
        # `judge` compares the end of the recorded log with that of the rerun.
        log = require_run(found).log
        require_objects(
            ws, [*parts.nodes(), *([root_node(log)] if log else ())], found.id, progress
        )
    return time.monotonic() - began


def attach_receipt(ws: Workspace, receipt: Receipt, *, sign: bool) -> Reproduced:
    """Attach the receipt.

    If signing fails, the receipt is attached unsigned with a warning, so that the rerun is not
    lost.
    """
    warnings: tuple[str, ...] = ()
    if sign:
        try:
            return Reproduced(receipt, attach_signed(ws, receipt))
        except DatmoError as error:
            warnings = (f"the receipt is not signed: {error.what}",)
    (oid,) = ws.ledger.attach(receipt)
    return Reproduced(receipt, oid, warnings)


@dataclass(frozen=True, slots=True)
class _Try:
    """A rerun with its verdict. Its folder may be gone.

    `causes` may explain a difference. `changes` are changed packages in a rerun without any
    difference.
    """

    done: Rerun
    judged: Judged
    causes: tuple[Cause, ...]
    compared: float
    changes: tuple[Cause, ...] = ()


def _is_bad(tried: _Try) -> bool:
    """Return True if the verdict is `DIFFERENT` or `FAILED`."""
    return tried.judged.verdict in (DIFFERENT, FAILED)


def _try_repeatedly(
    ws: Workspace,
    found: Found,
    parts: Parts,
    options: RerunOptions,
    folder: Path,
    tolerances: Mapping[str, float],
    repeat: int,
    *,
    until_bad: bool,
) -> list[_Try]:
    """Rerun `repeat` times, the first time in `folder`, the others in scratch folders.

    With `until_bad`, stop after the first bad verdict.
    """
    tried: list[_Try] = []
    for count in range(repeat):
        with nullcontext(folder) if count == 0 else scratch_folder(ws, None) as where:
            tried.append(_try(ws, found, parts, options, where, tolerances))
        if until_bad and _is_bad(tried[-1]):
            break
    return tried


def _try(
    ws: Workspace,
    found: Found,
    parts: Parts,
    options: RerunOptions,
    folder: Path,
    tolerances: Mapping[str, float],
) -> _Try:
    """Rerun once, judge the result, and find causes of a difference."""
    snapshot, run = found.snapshot, require_run(found)
    done = rerun(ws, parts, options, folder)
    began = time.monotonic()
    judged = judge(ws, snapshot, run, done, tolerances, options.progress)
    compared = time.monotonic() - began
    # An environment that was rebuilt is the recorded one, so it needs no comparison.
    if judged.verdict == IDENTICAL and "env" not in options.fixed:
        return _Try(done, judged, (), compared)
    assert snapshot.environment is not None
    recorded = read_manifest(read_environment(ws, snapshot.environment).files)
    ran = ask_interpreter(options.engine, folder)
    if judged.verdict == IDENTICAL:
        changes = tuple(changed_packages(recorded, ran)) if ran is not None else ()
        return _Try(done, judged, (), compared, changes)
    variables = {} if options.engine.capabilities.rebuilds_environment else variables_of(ws)
    machine = _machine(ws, options, done.variables)
    causes = find_causes(recorded, run.machine, machine, ran, done, run.read, variables)
    return _Try(done, judged, causes, compared)


def _tell_changes(changes: Sequence[Cause]) -> tuple[str, ...]:
    """Return a warning if an identical result came from an environment with changed packages."""
    if not changes:
        return ()
    first, more = changes[0], f"; {len(changes) - 1} more differ" if len(changes) > 1 else ""
    return (
        (
            f"{first.name} is {first.rerun or 'not installed'} here; recorded was"
            f" {first.recorded}{more}"
        ),
    )


def _write_receipt(
    ws: Workspace,
    found: Found,
    options: RerunOptions,
    tried: list[_Try],
    tolerances: Mapping[str, float],
    fetched: float,
) -> Receipt:
    """Return the receipt of the reruns, with the figures of the worst rerun."""
    # `VERDICTS` lists the best verdict first.
    worst = max(tried, key=lambda each: VERDICTS.index(each.judged.verdict))
    unstable = _find_unstable([each.done for each in tried])
    durations = {"fetch": fetched, **worst.done.durations, "compare": worst.compared}
    return Receipt(
        snapshot=found.id,
        commit=found.commit,
        created=ws.now(),
        author=ws.person,
        verdict=worst.judged.verdict,
        exit_code=worst.done.outcome.exit_code,
        seconds=round(worst.done.outcome.seconds, 6),
        engine=dict(options.engine.describe()),
        metrics=worst.judged.metrics,
        outputs=worst.judged.outputs,
        tolerances=dict(tolerances),
        machine=_machine(ws, options, worst.done.variables),
        durations={name: round(seconds, 6) for name, seconds in durations.items()},
        causes=(*worst.causes, *(Cause("chance", name) for name in unstable)),
        reruns=len(tried),
        resources=dict(worst.done.outcome.resources),
        tags=options.tags,
    )


def _machine(
    ws: Workspace, options: RerunOptions, variables: Mapping[str, str]
) -> Mapping[str, Value]:
    """Return the facts about this machine; none if the engine is on another machine."""
    locale = environment_locale(options.engine.capabilities, ws.environ, variables)
    return {} if options.elsewhere else describe_machine(ws.environ, locale=locale)


def _find_unstable(done: list[Rerun]) -> list[str]:
    """Return the sorted names of metrics and outputs that differ between the reruns."""
    first = done[0]
    unstable: set[str] = set()
    for each in done[1:]:
        for name in {*each.metrics, *first.metrics}:
            if each.metrics.get(name) != first.metrics.get(name):
                unstable.add(name)
        for name in {*each.outputs, *first.outputs}:
            if each.outputs.get(name) != first.outputs.get(name):
                unstable.add(name)
    return sorted(unstable)
