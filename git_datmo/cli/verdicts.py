"""Format receipts as lines for people and as JSON documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from git_datmo.cli.console import Console
from git_datmo.cli.text_tables import CELL_WIDTH, shorten
from git_datmo.records.codec import number, to_document
from git_datmo.records.receipt_record import Cause, Receipt, ReceiptDifference
from git_datmo.records.record_values import Value, show_value
from git_datmo.terminal_text import make_printable

# Columns of the name of an output.
PATH_WIDTH = 100
NOTHING = "nothing to compare"
GOOD = ("identical", "within tolerance")


def receipt_document(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt as a JSON document."""
    return to_document(receipt)


def receipts_line(receipts: Sequence[Receipt]) -> str:
    """Return a summary of receipts: counts of reruns, people and verdicts, largest difference."""
    good = [receipt for receipt in receipts if receipt.verdict in GOOD]
    bad = [receipt for receipt in receipts if receipt.verdict not in GOOD]
    said = []
    if good:
        said.append(f"reproduced {_times(good)}, {_largest(good)}")
    if bad:
        verdicts = [receipt.verdict for receipt in bad]
        counts = ", ".join(
            f"{verdicts.count(verdict)} {verdict}" for verdict in sorted(set(verdicts))
        )
        said.append(f"not reproduced {_times(bad)}: {counts}")
    return make_printable("; ".join(said))


def _times(receipts: Sequence[Receipt]) -> str:
    """Return the number of receipts and of their authors, in words."""
    people = len({receipt.author for receipt in receipts})
    times = f"{len(receipts)} time" + ("s" if len(receipts) > 1 else "")
    return f"{times}, by {people} " + ("people" if people > 1 else "person")


def _largest(receipts: Sequence[Receipt]) -> str:
    """Return the largest difference of a metric in receipts, in words."""
    off, name = max(
        ((_off(metric) or 0.0, metric.name) for each in receipts for metric in each.metrics),
        default=(0.0, ""),
    )
    if off:
        return f"largest difference {off:.4g} in {shorten(name)}"
    return (
        "identical"
        if all(receipt.verdict == "identical" for receipt in receipts)
        else "no metric differs"
    )


def _off(difference: ReceiptDifference) -> float | None:
    """Return the absolute difference of a figure; None if it is unknown.

    A receipt can leave the difference out. Then it is computed from both values.
    """
    one, other = number(difference.recorded), number(difference.rerun)
    return (
        difference.off
        if one is None or other is None or difference.off is not None
        else abs(one - other)
    )


def receipt_line(receipt: Receipt) -> str:
    """Return the line that `show` prints for a receipt."""
    where = receipt.machine.get("processor") or receipt.machine.get("machine")
    engine = receipt.engine.get("name", "")
    words = [
        f"{receipt.verdict}, by {receipt.author.name} on {receipt.created[:10]}",
        f"{receipt.seconds:.1f} s",
        *([f"{receipt.reruns} reruns"] if receipt.reruns > 1 else []),
        *receipt.tags,
        *([str(engine)] if engine else []),
        *([str(where)] if where else []),
    ]
    return ", ".join(map(shorten, words))


def verdict_lines(receipt: Receipt, console: Console) -> Iterator[str]:
    """Yield a table of recorded and rerun figures, possible causes, and the verdict."""
    rows = [
        (shorten(m.name, CELL_WIDTH), _cell(m.recorded), _cell(m.rerun), _mark(m))
        for m in receipt.metrics
    ]
    rows += [
        (shorten(o.name, PATH_WIDTH), _short(o.recorded), _short(o.rerun), _mark(o))
        for o in receipt.outputs
    ]
    head = ("", "recorded", "rerun", "")
    widths = [max(len(row[place]) for row in [head, *rows]) for place in range(3)]
    if rows:
        for row in [head, *rows]:
            # The last cell has no width, since nothing follows it.
            cells = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False))
            yield "  ".join([*cells, row[3]]).rstrip()
    if receipt.causes:
        yield "possible causes:"
        yield from (f"  {make_printable(cause_line(cause))}" for cause in receipt.causes)
    good = receipt.verdict in GOOD
    rests = [
        _basis(receipt),
        *([f"the worst of {receipt.reruns} reruns"] if receipt.reruns > 1 else []),
        *map(shorten, receipt.tags),
    ]
    words = f"verdict: {receipt.verdict}" + (
        f" ({'; '.join(filter(None, rests))})" if any(rests) else ""
    )
    yield console.paint("green" if good else "red", make_printable(words))
    if receipt.verdict == NOTHING:
        yield (
            "the run recorded no metric and no output: have it write a metrics file, or keep a"
            " file with -o"
        )


def _basis(receipt: Receipt) -> str:
    """Return the counts of a verdict's metrics and outputs, in words; '' for none."""
    from git_datmo.runs.crash_endings import LOG, NAME

    outputs = [output.name for output in receipt.outputs]
    # Without metrics and outputs, a verdict is based on the log alone.
    if not receipt.metrics and outputs == [LOG]:
        return LOG
    metrics = [metric for metric in receipt.metrics if metric.name != NAME]
    has_ending = len(metrics) < len(receipt.metrics)
    words = (
        _count(len(metrics), "metric"),
        _count(len(outputs), "output"),
        NAME if has_ending else "",
    )
    return ", ".join(filter(None, words))


def _count(number: int, noun: str) -> str:
    """Return a number of things in words; '' for none."""
    if number == 0:
        return ""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def cause_line(cause: Cause) -> str:
    """Return the sentence that describes a possible cause of a difference."""
    change = f"{_show(cause.recorded)} recorded, {_show(cause.rerun)} in the rerun"
    match cause.kind:
        case "seed":
            return (
                f"unpinned seed: {_show(cause.rerun)} draws from {cause.name}, and nothing"
                " sets its seed"
            )
        case "variable" if cause.name == "PYTHONHASHSEED":
            return (
                f"order by chance: {_show(cause.rerun)} uses hashes or a set's order, and"
                " PYTHONHASHSEED was not set"
            )
        case "variable":
            return (
                f"variable {cause.name}: {_show(cause.rerun)} reads it, and the record does"
                " not have it"
            )
        case "outside":
            return (
                f"file outside of the repository: the run read {cause.name}, whose content is"
                " not recorded"
            )
        case "chance":
            return f"not deterministic: {cause.name} differs between identical reruns"
        case "machine":
            return f"other {cause.name}: {change}"
        case "package":
            return f"changed package {cause.name}: {change}"
    return f"changed {cause.kind} {cause.name}: {change}"


def _show(value: Value | None) -> str:
    """Return a value as text; 'none' for None."""
    return "none" if value is None else shorten(show_value(value))


def _cell(value: Value | None) -> str:
    """Return a metric's value as a table cell."""
    return "-" if value is None else shorten(show_value(value), CELL_WIDTH)


def _short(value: Value | None) -> str:
    """Return the first ten characters of an output's id as a table cell."""
    return "-" if value is None else make_printable(str(value)[:10])


def _mark(difference: ReceiptDifference) -> str:
    """Return the last cell of a row: the difference and whether a tolerance allows it."""
    if difference.rerun is None:
        return "missing"
    allowed = " (allowed)" if difference.same else ""
    if difference.detail:
        return shorten(difference.detail) + allowed
    off = _off(difference)
    if off and off > 0:
        return f"off by {off:.3g}{allowed}"
    return "same" if difference.same else "different"
