"""Test that every command escapes foreign text that a terminal would obey."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from git_datmo.cli.verbs import VERBS
from tests.support.commands import datmo
from tests.support.forged_records import genuine, plant
from tests.support.pair import Pair
from tests.support.shell import Done, Shell

# A title, a colour, a C1 control, an override of direction, a line that looks like one of ours.
EVIL = "e\x1b]0;pwned\x07\x1b[31m\x9b31m\u202ex\nfatal: forged"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

COMMANDS: dict[str, list[tuple[str, ...]]] = {
    "init": [("init", EVIL), ("init", "--helper", "origin"), ("init",)],
    "add-data": [("add-data", EVIL), ("add-data", f"data/{EVIL}"), ("add-data", "mine")],
    "add-model": [("add-model", EVIL)],
    "rm": [("rm", EVIL), ("rm", f"d{EVIL}")],
    "status": [("status",), ("status", "--json")],
    "run": [
        ("run", "-m", EVIL, "--", EVIL),
        ("run", "-m", EVIL, "-p", f"{EVIL}=1", "--", "true"),
        ("run", EVIL),
        ("run", "--detach", "--", "sh", "-c", 'echo "$0" | tr "\\n" " "; exec sleep 1000', EVIL),
    ],
    "ps": [("ps",), ("ps", "--json")],
    "logs": [("logs",), ("logs", EVIL)],
    "stop": [("stop", EVIL), ("stop",)],
    "sweep": [("sweep", "-p", f"{EVIL}=1,2", "--", "true"), ("sweep", "-p", "a=1,2", "--", EVIL)],
    "snapshot": [("snapshot", "-m", EVIL), ("snapshot", EVIL)],
    # With other words, git itself speaks.
    "commit": [("commit", "-q", "-m", EVIL)],
    "log": [
        ("log",),
        ("log", "--json"),
        ("log", EVIL),
        ("log", "--where", EVIL),
        ("log", "--all", "--csv"),
        ("log", "--graph"),
        ("log", "--oneline"),
    ],
    "show": [
        ("show",),
        ("show", "--json"),
        ("show", EVIL),
        ("show", "--log"),
        ("show", "--code"),
        ("show", "--code", "--", EVIL),
    ],
    "annotate": [
        ("annotate", "HEAD", "--comment", EVIL),
        ("annotate", EVIL, "--comment", EVIL),
        ("annotate", "--tag", EVIL),
    ],
    "tag": [("tag", "HEAD", EVIL), ("tag", EVIL)],
    "untag": [("untag", "HEAD", EVIL)],
    "diff": [
        ("diff", "HEAD~1", "HEAD"),
        ("diff", "HEAD~1", "HEAD", "--json"),
        ("diff", EVIL),
        ("diff", "HEAD", "HEAD", "--", EVIL),
    ],
    "compare": [("compare", "HEAD~1", "HEAD"), ("compare", EVIL), ("compare", "HEAD", "--json")],
    "plot": [("plot", EVIL), ("plot", "HEAD", EVIL)],
    "report": [("report",), ("report", EVIL), ("report", "HEAD", "--format", "html")],
    "ui": [
        ("ui", "--export", "page"),
        ("ui", "--export", EVIL, "--only", EVIL),
        ("ui", "--publish", EVIL),
    ],
    "checkout": [
        ("checkout", "--force"),
        ("checkout", EVIL),
        ("checkout", "--", EVIL),
        ("checkout", "--json"),
    ],
    "fetch": [("fetch",), ("fetch", EVIL)],
    "push": [("push", "--dry-run"), ("push",), ("push", EVIL), ("push", "--dry-run", "--json")],
    "bundle": [("bundle", EVIL), ("bundle", "out", EVIL)],
    "get": [("get", EVIL, EVIL), ("get", ".", EVIL)],
    "import": [("import", EVIL, EVIL), ("import", "mlflow", EVIL)],
    "export": [("export", EVIL, "out"), ("export", "json", "out.json")],
    "pull": [("pull",), ("pull", EVIL)],
    "reproduce": [
        ("reproduce",),
        ("reproduce", "--trust", "--engine", "host"),
        ("reproduce", EVIL),
        ("reproduce", "HEAD", "HEAD~1", "--trust", "--engine", "host"),
    ],
    "env": [("env",), ("env", EVIL), ("env", "diff", "HEAD", EVIL), ("env", "HEAD", "--json")],
    "explain": [("explain", "HEAD~1", "HEAD"), ("explain", EVIL, "HEAD")],
    "bisect": [
        ("bisect", EVIL, "HEAD"),
        ("bisect", "HEAD~1", "HEAD", "--trust", "--engine", "host"),
    ],
    "verify": [
        ("verify",),
        ("verify", EVIL),
        ("verify", "--complete", "--all"),
        ("verify", "--json"),
    ],
    "drop": [("drop", EVIL), ("drop", "--remote", EVIL)],
    "du": [("du",), ("du", EVIL), ("du", "--json")],
    "evict": [("evict", EVIL), ("evict", "--dry-run")],
    "gc": [("gc", "--dry-run")],
    "fsck": [("fsck",), ("fsck", "--remote", "origin")],
    "serve": [("serve", EVIL), ("serve", "--engine", "host", "--entry", EVIL)],
    "test": [("test", EVIL), ("test", "--engine", "host", "--trust", "--entry", EVIL)],
    "feedback": [("feedback", "add", EVIL), ("feedback", "status"), ("feedback", "take", EVIL)],
    "image": [("image", EVIL), ("image", "--output", "image.tar", EVIL)],
    "contract": [
        ("contract", "show", EVIL),
        ("contract", "diff", EVIL),
        ("contract", "check", EVIL),
        ("contract", "check", "--against", EVIL),
        ("contract", "infer", EVIL),
    ],
    "demo": [("demo", "--engine", EVIL)],
    "completion": [("completion", "bash"), ("completion", EVIL)],
    "help": [("help", EVIL), ("help",)],
}


@pytest.fixture
def victim(pair: Pair) -> Shell:
    """Return a clone whose remote has a foreign snapshot with hostile text in every field."""
    alex, hub = pair.alex, pair.hub
    alex.write("data/x", "good")
    datmo(alex, "add-data", "data")
    datmo(alex, "run", "-m", "good", "--", "true")
    alex.git("push", "-q", "origin", "main")
    clone = pair.clone()
    document = genuine(alex)
    alex.commit("code.py", "2\n", EVIL)
    alex.git("push", "-q", "origin", "main")
    document.update(
        commit=alex.git("rev-parse", "HEAD"),
        message=EVIL,
        why=EVIL,
        clean=True,
        created="2099-01-01T00:00:00Z",
    )
    document.update(
        tree=alex.git("rev-parse", "HEAD^{tree}"), metrics={EVIL: EVIL}, parameters={EVIL: EVIL}
    )
    document["author"] = {"name": EVIL, "email": EVIL}
    document["payloads"][0]["path"] = f"d{EVIL}"
    document["run"].update(command=[EVIL, "x"], engine="host", folder=EVIL, machine={EVIL: EVIL})
    names = [hashed_name(f"d{EVIL}")]
    for kept in document["objects"]:
        if kept["name"].startswith("payload-"):
            kept["name"] = names[0]
    document["objects"].sort(key=lambda kept: kept["name"])
    plant(hub, json.dumps(document).encode(), "main", f"snapshot {EVIL}")
    hub.git("notes", "--ref=datmo", "append", "-m", f"{'1' * 40} snapshot {EVIL}", "main")
    return clone


def hashed_name(path: str) -> str:
    import hashlib

    return "payload-" + hashlib.sha256(path.encode()).hexdigest()[:40]


def check(done: Done | subprocess.CompletedProcess[str]) -> None:
    for text in (done.stdout, done.stderr):
        assert not OBEYED.search(text), repr(text)
        assert "\nfatal: forged" not in text, repr(text)
        assert "BUG" not in text, text
        assert "Traceback" not in text, text


def test_hostile_text_is_tried_with_every_verb() -> None:
    assert COMMANDS.keys() == VERBS.keys()


def test_hostile_text_is_obeyed_by_no_terminal(victim: Shell) -> None:
    check(victim.run("git", "pull", "-q", ok=False))
    shown = datmo(victim, "log")
    assert "\ufffd" in shown.stdout, "the stranger's record is not shown at all"
    check(shown)
    for commands in COMMANDS.values():
        for words in commands:
            check(victim.run("git", "datmo", *words, ok=False))
    for words in (
        ("checkout", "-q", "HEAD~1"),
        ("checkout", "-q", "main"),
        ("commit", "--allow-empty", "-qm", "x"),
    ):
        check(victim.run("git", *words, ok=False))
    check(victim.run("git", "push", "-q", ok=False))


def test_text_of_server_is_escaped_for_terminals(pair: Pair, tmp_path: Path) -> None:
    said = "ERR no \x1b]0;pwned\x07 \x1b[31mred\u202e"
    server = tmp_path / "upload-pack"
    packet = said.encode()
    server.write_bytes(b"#!/bin/sh\ncat <<'END'\n%04x%s\nEND\n" % (len(packet) + 4, packet))
    server.chmod(0o755)
    pair.alex.git("config", "remote.origin.uploadpack", str(server))
    for words in (
        ("fetch",),
        ("pull",),
        ("push",),
        ("verify", "--complete", "--all"),
        ("checkout", "--force", "HEAD"),
    ):
        check(datmo(pair.alex, *words, ok=False))


def test_hint_quotes_a_path_for_the_shell(repo: Shell) -> None:
    path = "a b'; echo \x1b[31m"
    repo.write(f"{path}/x", "1")
    datmo(repo, "add-data", path)
    datmo(repo, "snapshot", "-m", "one")
    (repo.cwd / path / "x").unlink()
    (repo.cwd / path).rmdir()
    said = datmo(repo, "snapshot", "-m", "two", ok=False).stderr
    command = re.search(r"hint: '(git datmo checkout -- .*)' restores it", said)
    assert command, said
    repo.run("bash", "-c", command[1])
    assert (repo.cwd / path / "x").read_text() == "1"
