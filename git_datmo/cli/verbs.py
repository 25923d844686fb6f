"""Table of verbs. The module of a verb is imported only when the verb is used."""

from __future__ import annotations

import importlib
from types import ModuleType

# Summary of each verb for help texts. The module has the verb's name, with `_` instead of `-`.
VERBS = {
    "init": "make a repository ready: store, hooks, refspecs",
    "add-data": "store and track data of any size",
    "add-model": "store and track a model",
    "rm": "stop tracking payloads; the files stay",
    "status": "show how payloads differ from what is stored and shared",
    "run": "run a command and snapshot what it made",
    "sweep": "run a command with every combination of parameters",
    "snapshot": "tie the commit to its payloads, environment and figures",
    "commit": "commit data that changed, as 'git commit' does code",
    "log": "show the experiments, newest first",
    "show": "show one experiment whole",
    "checkout": "put the payloads of a commit into the working tree",
    "fetch": "get others' experiments from a remote",
    "push": "share experiments and what they name",
    "bundle": "write one file with experiments and data, to clone from",
    "pull": "fetch, then bring unmodified payloads up to date",
    "reproduce": "rerun an experiment elsewhere and say whether it is the same",
    "env": "look at environments, compare and build them, work in one",
    "explain": "say which part of an experiment changed its metrics",
    "bisect": "find the commit that made a metric bad",
    "verify": "check the signatures of experiments and receipts",
    "drop": "give snapshots up, here or on a remote",
    "du": "show how much room payloads and snapshots take up",
    "evict": "free the store of what the remote has",
    "gc": "free the store of what nothing needs",
    "fsck": "check the store, name what is lost, and get it back",
    "demo": "play the whole story in a temporary folder",
    "completion": "print the completion script of a shell",
    "help": "show the manual of a verb",
}
HIDDEN = {"hook": "what the git hooks call"}


def load(verb: str) -> ModuleType:
    """Import and return the module of a verb."""
    return importlib.import_module(f"git_datmo.cli.commands.{verb.replace('-', '_')}")


def usage() -> str:
    """Return the usage text with all verbs."""
    width = max(map(len, VERBS))
    lines = [f"   {verb:<{width}}  {summary}" for verb, summary in VERBS.items()]
    return "\n".join(
        [
            "usage: git datmo [--version] [-h] VERB [ARGUMENTS]",
            "",
            "Data, model, environment and result travel with the commit.",
            "",
            *lines,
            "",
            "'git datmo VERB -h' explains a verb, 'git datmo help VERB' in full.",
        ]
    )
