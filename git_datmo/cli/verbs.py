"""Table of verbs. The module of a verb is imported only when the verb is used."""

from __future__ import annotations

import importlib
import keyword
from types import ModuleType

# Summary of each verb for help texts. The module has the verb's name, with `_` instead of `-`.
VERBS = {
    "init": "prepare a repository: store, hooks, refspecs",
    "add-data": "store and track data of any size",
    "add-model": "store and track a model",
    "rm": "stop tracking payloads; the files stay",
    "status": "show how payloads differ from the stored and shared versions",
    "run": "run a command and record the experiment",
    "ps": "list the runs in progress",
    "logs": "print the output of a run, while it goes on",
    "stop": "stop a run in progress, and record it",
    "sweep": "run a command with every combination of parameters",
    "snapshot": "record the payloads, environment and metrics of a commit",
    "commit": "commit changed data, even if no code changed",
    "log": "show the experiments, newest first",
    "show": "show one experiment in full",
    "annotate": "add a hypothesis, result, decision or comment to an experiment",
    "tag": "add tags to an experiment, or show them",
    "untag": "remove tags from an experiment",
    "diff": "show how two experiments differ",
    "compare": "compare any number of experiments, differences first",
    "plot": "draw curves of experiments in the terminal or as a picture",
    "report": "report what changed, and whether it is better, for a pull request",
    "ui": "show experiments in a browser, or write them as a page",
    "checkout": "put the payloads of a commit into the working tree",
    "fetch": "fetch the experiments of others from a remote",
    "push": "share experiments and their data with a remote",
    "get": "bring one payload of a remote without a clone",
    "import": "make experiments of the runs of another tracker",
    "export": "write experiments for other programs",
    "bundle": "write one file with experiments and data, to clone from",
    "pull": "fetch experiments, then update unmodified payloads",
    "reproduce": "rerun an experiment and compare the results",
    "serve": "serve a model over HTTP, in its own environment",
    "test": "test a model against its contract and the model before it",
    "contract": "infer contracts of data and models, and check them",
    "feedback": "learn what became of predictions of a served model",
    "image": "make a container image that serves a model",
    "env": "show, compare, build and use environments",
    "explain": "attribute changes of metrics to parts of an experiment",
    "bisect": "find the commit that made a metric bad",
    "verify": "check the signatures of experiments and receipts",
    "drop": "take snapshots out of use, locally or on a remote",
    "du": "show the disk space of payloads and snapshots",
    "evict": "free local copies of objects that the remote has",
    "gc": "free objects that no snapshot or working tree needs",
    "fsck": "check the store, and get lost objects back",
    "demo": "run a complete example in a temporary folder",
    "completion": "print the completion script of a shell",
    "help": "show the manual of a verb",
}
HIDDEN = {"hook": "do the work of a git hook"}


def load(verb: str) -> ModuleType:
    """Import and return the module of a verb."""
    # `import` is a word of Python, so its module has another name.
    name = f"{verb}_" if keyword.iskeyword(verb) else verb.replace("-", "_")
    return importlib.import_module(f"git_datmo.cli.commands.{name}")


def usage() -> str:
    """Return the usage text with all verbs."""
    width = max(map(len, VERBS))
    lines = [f"   {verb:<{width}}  {summary}" for verb, summary in VERBS.items()]
    return "\n".join(
        [
            "usage: git datmo [--version] [-h] VERB [ARGUMENTS]",
            "",
            "Version data, models, environments and results together with the code.",
            "",
            *lines,
            "",
            "'git datmo VERB -h' explains a verb. 'git datmo help VERB' shows its manual page.",
        ]
    )
