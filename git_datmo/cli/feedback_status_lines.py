"""Show served models in production beside their recorded experiments, and batches of feedback."""

from __future__ import annotations

from collections.abc import Iterator

from git_datmo.cli.console import Console
from git_datmo.cli.render import figures
from git_datmo.cli.text_tables import Cell, layout_table, shorten
from git_datmo.report.feedback_status import FieldStability, ProductionMetric, SnapshotFeedback
from git_datmo.report.shown_batch import ShownBatch
from git_datmo.sizes import show_count, size_in_summary

MOST_RULES = 10


def batch_lines(shown: ShownBatch, console: Console) -> Iterator[str]:
    """Yield the lines that `show` prints for a batch."""
    feedback = shown.batch.feedback
    head = f"feedback {str(shown.batch.id)[:10]} of snapshot {str(feedback.snapshot)[:10]}"
    yield console.paint("yellow", head)
    yield f"  collected    {shorten(feedback.created[:16])} by {shorten(feedback.author.name)}"
    yield f"  size         {size_in_summary(feedback.content.size)}"
    for path in shown.taken:
        yield f"  taken as     {shorten(path)}"
    for each in shown.feedback:
        yield from status_lines(each, console)


def status_lines(feedback: SnapshotFeedback, console: Console) -> Iterator[str]:
    """Yield the lines that `feedback status` prints for a snapshot."""
    events = feedback.events
    head = console.paint("yellow", f"snapshot {shorten(events.snapshot)}")
    period = (
        f"  {shorten(events.first[:16])} to {shorten(events.last[:16])}" if events.first else ""
    )
    yield f"{head}{period}"
    if feedback.found is not None and feedback.found.snapshot.message:
        yield f"  {shorten(feedback.found.snapshot.message.partition(chr(10))[0])}"
    yield f"  predictions  {events.predictions} ({events.rows} rows)"
    yield f"  refusals     {events.refusals}{_rules(feedback)}"
    unmatched = f", {events.unmatched} without a stored prediction" if events.unmatched else ""
    yield f"  outcomes     {events.outcomes}{unmatched}"
    if feedback.absent:
        absent = f"{feedback.absent} of {feedback.batches}"
        yield f"  batches      {absent} not available, and not counted"
    if feedback.uncollected:
        yield f"  in the log   {show_count(feedback.uncollected, 'event')} not collected yet"
    if feedback.recorded:
        yield f"  recorded     {figures(feedback.recorded.items())}"
    yield from _metric_table(feedback.metrics)
    yield from _stability_table(feedback.stabilities)


def _rules(feedback: SnapshotFeedback) -> str:
    """Return the broken rules by field, the most frequent first."""
    counts = feedback.events.refused.most_common()
    words = [
        f"{shorten(name) or 'request'} {shorten(rule)} {count}"
        for (name, rule), count in counts[:MOST_RULES]
    ]
    more = [f"and {len(counts) - MOST_RULES} more"] if len(counts) > MOST_RULES else []
    return f": {', '.join([*words, *more])}" if words else ""


def _metric_table(metrics: tuple[ProductionMetric, ...]) -> Iterator[str]:
    """Yield a table of the metrics in production, beside recorded ones."""
    if not metrics:
        return
    rows = [
        (
            Cell(f"{each.field} {each.metric}"),
            Cell(f"{each.value:.6g}", is_number=True),
            Cell(str(each.count), is_number=True),
            Cell(figures(each.recorded.items())),
        )
        for each in metrics
    ]
    for line in layout_table(("metric", "production", "outcomes", "recorded"), rows):
        yield f"  {line}"


def _stability_table(stabilities: tuple[FieldStability, ...]) -> Iterator[str]:
    """Yield a table of the fields that the recorded data have, too."""
    if not stabilities:
        return
    rows = [
        (
            Cell(f"{each.side} {each.field}"),
            Cell(f"{each.stability.index:.2f}", is_number=True),
            Cell(str(each.rows), is_number=True),
            Cell("large change" if each.stability.is_large else ""),
        )
        for each in stabilities
    ]
    for line in layout_table(("field", "PSI", "rows", ""), rows):
        yield f"  {line}"
