"""The `git datmo feedback` command."""

from __future__ import annotations

import argparse
from math import inf
from typing import TYPE_CHECKING

from git_datmo.cli.console import Console

if TYPE_CHECKING:
    from pathlib import Path

    from git_datmo.repository.workspace import Workspace

DESCRIPTION = """\
Work with the events that 'git datmo serve --log DIR' stores: predictions, refused requests, and
outcomes, which say what became of predictions.

add FILE stores the outcomes of a CSV file with late labels. Its column 'prediction' has the ids of
predictions, 'row' the row of a prediction with several, and every other column is a label.
A file that is added twice changes nothing.

collect makes a record of the new events of each snapshot, on the commit that was served. Your
next push shares it.

status shows the feedback on each served snapshot: collected events, also those of other clones, and
the events of a log. It counts predictions, and refusals by field and rule. Metrics of outcomes are
beside the recorded ones. The population stability index (PSI) compares the values of each field
with those of the recorded data, if a check of these data against a contract has recorded them.

take [ID...] PATH makes data of collected batches, all of them or those with these ids: a file
.csv or .jsonl with a row for each row of a prediction, joined with its outcome. A prediction that
several batches have is taken once. The file is tracked as a payload, so the next run names it
as input, and 'git datmo log' and 'show' say which feedback that experiment learned from. The
column of an answer is 'predicted_NAME'.

forget removes all events of predictions from the collected batches: of those with an --id, and of
those with a row that meets --where, which compares columns of the table of 'take' as in 'git datmo
log'. Batches are rewritten, the old ones are dropped, and each copy that remains is named.

The log is the folder of --log, or of the configuration key datmo.feedbackLog. Values are stored
only of fields that the contract classifies as public."""
EXAMPLES = """
git datmo feedback status --log events
git datmo feedback add labels.csv --log events
git datmo feedback collect --log events
git datmo feedback take data/feedback.csv
git datmo feedback take 81d7e0 3f9c2a data/feedback.jsonl
git datmo feedback forget --where 'customer = 4711'
git datmo feedback status --json
"""

INTERMIXED = True
# The least and the greatest number of names of each action, and their kind.
NAMES: dict[str, tuple[int, float, str]] = {
    "add": (1, 1, "one FILE"),
    "collect": (0, 0, "no names"),
    "forget": (0, 0, "no names"),
    "status": (0, 0, "no names"),
    "take": (1, inf, "ids of batches, and a PATH"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of `git datmo feedback` to its parser."""
    parser.add_argument(
        "action", nargs="?", choices=tuple(NAMES), default="status", help="an action (status)"
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="FILE|ID|PATH",
        help="add: a CSV file with outcomes; take: ids of batches, and the file to write",
    )
    parser.add_argument(
        "--log", default="", metavar="DIR", help="the folder of the events (datmo.feedbackLog)"
    )
    parser.add_argument(
        "--id", action="append", default=[], metavar="ID", help="forget: the id of a prediction"
    )
    parser.add_argument(
        "--where", default="", metavar="COND", help="forget: a condition on predictions"
    )
    parser.add_argument("--dry-run", action="store_true", help="forget: change nothing")
    parser.add_argument(
        "--json", action="store_true", help="status: print one JSON object a snapshot"
    )


def run(options: argparse.Namespace, console: Console) -> int:
    """Run an action of `git datmo feedback` and return 0.

    Raises `UsageError` for a wrong number of names.
    """
    from git_datmo.errors import UsageError
    from git_datmo.repository.workspace import open_workspace

    least, most, takes = NAMES[options.action]
    if not least <= len(options.names) <= most:
        raise UsageError(f"'{options.action}' takes {takes}", "see 'git datmo help feedback'")
    if options.json and options.action != "status":
        raise UsageError("--json belongs to 'status'", "leave out --json")
    forgets = bool(options.id or options.where)
    if forgets != (options.action == "forget") or (options.dry_run and not forgets):
        raise UsageError(
            "--id, --where and --dry-run belong to 'forget', which needs --id or --where",
            "see 'git datmo help feedback'",
        )
    console.use_colours()
    with open_workspace(console.environ, console.cwd) as ws:
        actions = {
            "add": _add,
            "collect": _collect,
            "forget": _forget,
            "status": _status,
            "take": _take,
        }
        return actions[options.action](options, console, ws)


def find_log(given: str, console: Console, ws: Workspace) -> Path:
    """Return the folder of the log; raise `UsageError` if nothing names it."""
    from git_datmo.errors import UsageError
    from git_datmo.repository.event_log_folder import configured_log

    if given:
        return console.cwd / given
    configured = configured_log(ws)
    if configured is None:
        raise UsageError("no event log is named", "give --log DIR, or set datmo.feedbackLog")
    return configured


def _add(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Store the outcomes of a CSV file."""
    from git_datmo.contract_checks.contract_files import find_contracts
    from git_datmo.serving.event_log import open_events
    from git_datmo.serving.event_reader import known_events, log_files
    from git_datmo.serving.model_contract import model_contract
    from git_datmo.serving.outcome_events import outcomes_of_csv
    from git_datmo.sizes import show_count

    folder = find_log(options.log, console, ws)
    known = known_events(log_files(folder))
    contract = model_contract(find_contracts(ws))
    # All lines are read before the first is stored, so that an error stores none of them.
    events = list(outcomes_of_csv(console.cwd / options.names[0], contract, ws.clock()))
    new = [event for event in events if event["id"] not in known]
    if new:
        file = open_events(folder)
        file.append(new)
        file.sync()
        file.close()
    old = len(events) - len(new)
    before = f"; {old} {'was' if old == 1 else 'were'} there before" if old else ""
    console.print(f"stored {show_count(len(new), 'outcome')}{before}")
    hidden = sorted({name for event in new for name in event["data"]["left_out"]})
    if hidden:
        console.warn(
            f"the values of {', '.join(hidden)} were left out: the contract does not classify"
            " them as public"
        )
    return 0


def _collect(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Make records of the new events.

    Raises `Incomplete` after that if this clone does not have a snapshot that the log's server
    served.
    """
    from git_datmo.cli.feedback_lines import waiting_lines
    from git_datmo.errors import Incomplete
    from git_datmo.records.record_registry import find_kind
    from git_datmo.serving.event_log import OUTCOME
    from git_datmo.serving.feedback_collection import collect

    folder = find_log(options.log, console, ws)
    done = collect(ws, folder)
    for oid, feedback in done.made:
        words = " ".join(find_kind(feedback.kind).words(feedback))
        console.print(
            f"feedback {str(oid)[:10]} of snapshot {str(feedback.snapshot)[:10]}: {words}"
        )
    if not done.made:
        console.tell("the log has no new events" if not done.waiting else "nothing was collected")
    for line in waiting_lines(done.waiting):
        console.warn(line)
    # Clients can send outcomes of any name; the other events are the server's own.
    if any(set(counts) != {OUTCOME} for counts in done.waiting.values()):
        raise Incomplete(
            f"'{folder}' has events of snapshots that are not in this clone",
            "'git datmo fetch' gets the snapshots of others; then collect again",
        )
    return 0


def _take(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Make data of batches."""
    from git_datmo.serving.take_feedback import take
    from git_datmo.sizes import show_count

    *names, path = options.names
    taken = take(ws, names, ws.relative(path), console.progress())
    joined = taken.joined
    count = len(taken.batches)
    console.print(
        f"{taken.payload.path}: {show_count(len(joined.rows), 'row')} of"
        f" {show_count(joined.predictions, 'prediction')}, {joined.labelled} with an outcome, from"
        f" {count} {'batch' if count == 1 else 'batches'}"
    )
    if joined.unmatched:
        console.warn(
            f"{show_count(joined.unmatched, 'outcome')} left out: these batches do not have the"
            " predictions"
        )
    return 0


def _forget(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Take events out of batches."""
    from git_datmo.cli.feedback_lines import forgotten_lines, remains
    from git_datmo.serving.forget_feedback import forget

    has_log = options.log or ws.repo.config.get("datmo.feedbacklog")
    log = find_log(options.log, console, ws) if has_log else None
    done = forget(
        ws, options.id, options.where, log=log, dry=options.dry_run, progress=console.progress()
    )
    for line in forgotten_lines(done, dry=options.dry_run):
        console.print(line)
    for line in () if options.dry_run else remains(done):
        console.tell(line)
    return 0


def _status(options: argparse.Namespace, console: Console, ws: Workspace) -> int:
    """Print the figures of each served snapshot."""
    from git_datmo.cli.feedback_status_lines import status_lines
    from git_datmo.history.experiments import History
    from git_datmo.report.feedback_status import feedback_document, read_feedback

    has_log = options.log or ws.repo.config.get("datmo.feedbacklog")
    log = find_log(options.log, console, ws) if has_log else None
    found = read_feedback(ws, History(ws), log, console.progress())
    for feedback in found:
        if options.json:
            console.print_json(feedback_document(feedback))
            continue
        for line in status_lines(feedback, console):
            console.print(line)
    if not found and not options.json:
        console.tell("this clone has no feedback" if log is None else "the log has no events")
    return 0
