"""Compare the metrics and outputs of a rerun with the recorded values, and give a verdict."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isfinite, isnan
from pathlib import Path

from git_datmo.compare.comparison import Comparison
from git_datmo.compare.subprocess_compare import compare_apart
from git_datmo.compare.volatile import is_time_name
from git_datmo.model import Payload
from git_datmo.objects.tree_nodes import root_node
from git_datmo.payloads.record_claims import claim_of, refuse_false_claims
from git_datmo.progress import Progress
from git_datmo.records.codec import number
from git_datmo.records.receipt_record import ReceiptDifference
from git_datmo.records.record_values import Value
from git_datmo.records.snapshot_record import Run, Snapshot
from git_datmo.remotes.required_objects import require
from git_datmo.repository.workspace import Workspace
from git_datmo.runs.crash_endings import compare_endings, same_log
from git_datmo.runs.rerun import Rerun
from git_datmo.runs.rerun_folder import scratch_folder
from git_datmo.runs.rerun_inputs import place

IDENTICAL, WITHIN, DIFFERENT, FAILED = "identical", "within tolerance", "different", "failed"
NOTHING = "nothing to compare"
VERDICTS = (IDENTICAL, WITHIN, NOTHING, DIFFERENT, FAILED)
"""From best to worst."""

# A larger recorded output, in bytes, is not placed for a comparison of contents.
LOOK_LIMIT = 8 << 30


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict with the comparisons that led to it."""

    verdict: str
    metrics: tuple[ReceiptDifference, ...]
    outputs: tuple[ReceiptDifference, ...]


def judge(
    ws: Workspace,
    snapshot: Snapshot,
    run: Run,
    done: Rerun,
    tolerances: Mapping[str, float],
    progress: Progress,
) -> Judged:
    """Compare a rerun with the record: metrics as numbers, outputs by bytes and then by content.

    If both failed with the same exit code, the last lines of their logs are compared too. Without
    metrics and outputs, equal logs count.
    """
    names = sorted({*snapshot.metrics, *done.metrics})
    metrics = tuple(
        compare_metric(
            name, snapshot.metrics.get(name), done.metrics.get(name), tolerances.get(name)
        )
        for name in names
    )
    if run.exit_code and done.outcome.exit_code == run.exit_code:
        metrics += (compare_endings(ws, run.log, done.tail),)
    outputs = tuple(_compare_outputs(ws, snapshot, done, tolerances, progress))
    if not metrics and not outputs:
        outputs = tuple(same_log(ws, run.log, done.tail))
    failed = done.outcome.exit_code != (run.exit_code or 0)
    return Judged(FAILED if failed else conclude(metrics, outputs, tolerances), metrics, outputs)


def conclude(
    metrics: tuple[ReceiptDifference, ...],
    outputs: tuple[ReceiptDifference, ...],
    tolerances: Mapping[str, float],
) -> str:
    """Return the verdict on a rerun that ended with the recorded exit code.

    If any metric has a tolerance, the metrics decide. An output without its own tolerance must then
    exist, but may differ.
    """
    if not metrics and not outputs:
        return NOTHING
    # `same` also holds within a tolerance, so the difference must be 0 as well.
    are_equal = all(metric.same and not metric.off for metric in metrics)
    if are_equal and all(output.recorded == output.rerun for output in outputs):
        return IDENTICAL
    metrics_decide = any(metric.name in tolerances for metric in metrics)

    def is_close(output: ReceiptDifference) -> bool:
        may_differ = metrics_decide and output.name not in tolerances
        return output.same or (may_differ and output.rerun is not None)

    are_close = all(metric.same for metric in metrics) and all(map(is_close, outputs))
    return WITHIN if are_close else DIFFERENT


def compare_metric(
    name: str, recorded: Value | None, rerun: Value | None, tolerance: float | None
) -> ReceiptDifference:
    """Return the comparison of a recorded metric with the rerun's; None stands for a missing value.

    A metric named as a time differs in every rerun. Without a tolerance it counts as equal.
    """
    one, other = number(recorded), number(rerun)
    if one is None or other is None:
        same = recorded == rerun
        return ReceiptDifference(name, recorded, rerun, same, 0.0 if same else None)
    if one == other or (isnan(one) and isnan(other)):
        return ReceiptDifference(name, recorded, rerun, same=True, off=0.0)
    if is_time_name(name) and tolerance is None:
        return ReceiptDifference(
            name, recorded, rerun, same=True, detail="a time, which no rerun repeats"
        )
    # The difference may be infinite, and JSON has no number for that (RFC 8259, section 6).
    off = abs(one - other)
    return ReceiptDifference(
        name, recorded, rerun, off <= (tolerance or 0.0), off if isfinite(off) else None
    )


def _compare_outputs(
    ws: Workspace,
    snapshot: Snapshot,
    done: Rerun,
    tolerances: Mapping[str, float],
    progress: Progress,
) -> Iterator[ReceiptDifference]:
    """Yield the comparison of each output.

    An output that the rerun did not touch counts as missing.
    """
    written = (*snapshot.payloads, *(snapshot.run.tracked if snapshot.run is not None else ()))
    recorded = {payload.path: payload for payload in written if payload.path in done.outputs}
    differing = [p for path, p in recorded.items() if done.outputs[path] not in (None, p.object)]
    found = _look_into(ws, differing, done.folder, progress)
    for path in done.outputs:
        if path in recorded:
            was, now = str(recorded[path].object), done.outputs[path]
            if now is None or str(now) == was:
                yield ReceiptDifference(
                    path, was, str(now) if now else None, now is not None, 0.0 if now else None
                )
            else:
                seen = found[path]
                close = seen.off is not None and seen.off <= tolerances.get(path, 0.0)
                yield ReceiptDifference(path, was, str(now), close, seen.off, seen.text)


def _look_into(
    ws: Workspace, payloads: list[Payload], folder: Path, progress: Progress
) -> dict[str, Comparison]:
    """Compare the contents of outputs with different bytes; return the results by path.

    The recorded outputs are fetched and written to a scratch folder for that. Outputs over
    `LOOK_LIMIT` bytes are not compared.
    """
    if not payloads:
        return {}
    large = Comparison("differs in bytes; not compared further: it is too large")
    small = [payload for payload in payloads if payload.content.size <= LOOK_LIMIT]
    require(
        ws, [(payload.path, root_node(payload.content)) for payload in small], progress=progress
    )
    refuse_false_claims(ws, (claim_of(payload.path, payload.content) for payload in small))
    with scratch_folder(ws, None) as beside:
        place(
            ws, [(payload.path, root_node(payload.content)) for payload in small], beside, progress
        )
        pairs = [(beside / payload.path, folder / payload.path) for payload in small]
        seen = dict(zip((p.path for p in small), compare_apart(pairs, ws.environ), strict=True))
    return {payload.path: seen.get(payload.path, large) for payload in payloads}
