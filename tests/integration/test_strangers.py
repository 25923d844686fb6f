"""Test records, notes and trees that no git-datmo writes: they are refused before a byte is
written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import datmo, experiments, picture, refusal, refused, states
from tests.support.forged_records import BLOB, LINK, TREE, genuine, plant, put, put_tree
from tests.support.independent_records import kept_by_snapshot
from tests.support.pair import Pair
from tests.support.shell import Shell


@pytest.fixture
def shared(pair: Pair) -> Pair:
    """Share one good experiment."""
    pair.alex.write("data/x", "good")
    datmo(pair.alex, "add-data", "data")
    datmo(pair.alex, "snapshot", "-m", "good")
    pair.alex.git("push", "-q", "origin", "main")
    return pair


def spoil(**changes: Any) -> Callable[[dict[str, Any]], bytes]:
    return lambda document: json.dumps({**document, **changes}).encode()


def at_path(path: str) -> Callable[[dict[str, Any]], bytes]:
    def change(document: dict[str, Any]) -> bytes:
        document["payloads"][0]["path"] = path
        return json.dumps(document).encode()

    return change


BAD_RECORDS: dict[str, Callable[[dict[str, Any]], bytes]] = {
    "malformed": lambda _: b'{"version": 1, "kind": ',
    "not text": lambda _: b"\xff\xfe\0\1" * 100,
    "a list": lambda _: b"[1, 2, 3]",
    "deep": lambda _: b"[" * 100_000,
    "NaN": lambda document: json.dumps({**document, "metrics": {"loss": float("nan")}}).encode(),
    "another version": spoil(version=99),
    "another kind": spoil(kind="miracle"),
    "a receipt's kind": spoil(kind="receipt"),
    "a commit that is none": spoil(commit="HEAD; touch ran"),
    "a key less": lambda document: json.dumps(
        {k: v for k, v in document.items() if k != "clean"}
    ).encode(),
    "huge": lambda document: json.dumps({**document, "message": "x" * (17 << 20)}).encode(),
    "upwards": at_path("../x"),
    "deeper upwards": at_path("data/../../x"),
    "hooks": at_path(".git/hooks/post-checkout"),
    "GIT": at_path("data/.GIT/config"),
    "git~1": at_path("git~1/config"),
    "absolute": at_path("/tmp/x"),
    "empty": at_path(""),
    "a dot": at_path("./x"),
    "two slashes": at_path("data//x"),
    "a slash behind": at_path("data/"),
    "a zero": at_path("data\0x"),
}


def test_malformed_records_are_named_and_ignored(shared: Pair) -> None:
    ignacio = shared.clone()
    document, commit = json.dumps(genuine(shared.alex)), shared.alex.git("rev-parse", "HEAD")
    bad = {
        plant(shared.hub, raw(json.loads(document)), commit): trick
        for trick, raw in BAD_RECORDS.items()
    }
    ignacio.git("pull", "-q")
    before = picture(shared.top.cwd)
    told = datmo(ignacio, "log", "--data", "--json")
    assert [json.loads(line)["message"] for line in told.stdout.splitlines()] == ["good"]
    for done in (told, datmo(ignacio, "status"), datmo(ignacio, "show")):
        warnings = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
        assert len(warnings) == len(bad), str(done)
        assert all(any(oid in line for line in warnings) for oid in bad), str(done)
        assert done.stderr.splitlines() == warnings
    for oid in bad:
        refused(ignacio, "checkout", oid)
    for oid in (*bad,)[:3]:
        refused(ignacio, "show", oid)
        refused(ignacio, "reproduce", oid, "--engine", "venv", "--trust")
    assert picture(shared.top.cwd) == before
    # The commit's data are those of the good record, and sharing goes on.
    datmo(ignacio, "checkout")
    assert (ignacio.cwd / "data" / "x").read_text() == "good"
    ignacio.write("data/x", "better")
    ignacio.git("commit", "-q", "--allow-empty", "-m", "better")
    ignacio.git("push", "-q")
    assert len(experiments(ignacio)) == 2
    shared.alex.git("pull", "-q")
    assert (shared.alex.cwd / "data" / "x").read_text() == "better"


def test_foreign_notes_are_ignored_and_kept(shared: Pair) -> None:
    commit = shared.alex.git("rev-parse", "HEAD")
    hub = shared.hub
    unknown = "0123456789" * 4
    for text in (
        "a word from a stranger",
        f"{unknown} snapshot of nothing",
        "\x1b[31mred",
        f"{'f' * 40}",
        "x" * 100_000,
    ):
        hub.git("notes", "--ref=datmo", "append", "-F", "-", commit, stdin=text.encode())
    other = hub.git("commit-tree", "-m", "other", hub.git("rev-parse", "main^{tree}"))
    hub.git("notes", "--ref=datmo", "add", "-m", "a note on a commit that nobody has", other)
    ignacio = shared.clone()
    ignacio.git("fetch", "-q")
    done = datmo(ignacio, "log")
    assert "good" in done.stdout
    assert f"names the unknown record {unknown}" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    datmo(ignacio, "checkout")
    assert states(ignacio) == {"data": "unchanged"}
    # Lines that git-datmo did not write stay in the note.
    datmo(ignacio, "snapshot", "-m", "mine")
    ignacio.git("push", "-q")
    assert "a word from a stranger" in hub.git("notes", "--ref=datmo", "show", commit)


def test_foreign_files_among_records_are_ignored(shared: Pair) -> None:
    hub = shared.hub
    index = hub.having(GIT_INDEX_FILE=str(hub.cwd / "planting"), GIT_WORK_TREE=str(hub.cwd))
    index.git("read-tree", "refs/datmo/records")
    blob = put(hub, "blob", b"{}")
    for path in ("README", f"{blob[:2]}/{blob[2:]}.txt", f"ab/{'c' * 38}.json", "ab/deep/er.json"):
        index.git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")
    tip = hub.git("commit-tree", "-p", "refs/datmo/records", "-m", "x", index.git("write-tree"))
    hub.git("update-ref", "refs/datmo/records", tip)
    ignacio = shared.clone()
    done = datmo(ignacio, "log")
    assert "good" in done.stdout
    assert done.stderr == ""
    ignacio.write("data/x", "new")
    datmo(ignacio, "checkout", "--force")
    datmo(ignacio, "snapshot")
    ignacio.git("push", "-q")
    hub.git("merge-base", "--is-ancestor", tip, "refs/datmo/records")


def evil_trees(hub: Shell, outside: Path) -> dict[str, str]:
    """Return folders that would write outside of themselves, by the name of the trick."""
    bad = put(hub, "blob", b"bad")
    away = put(hub, "blob", str(outside).encode())
    inner = put_tree(hub, (BLOB, b"x", bad))
    names = (
        *(b"..", b".", b".git", b".GIT", b"git~1", b".git::$INDEX_ALLOCATION", b".g\xe2\x80\x8cit"),
        *(b"a/b", b"../x", b"/x", b"..\\x\\.git"),
    )
    made = {f"{name!r}": put_tree(hub, (TREE, name, inner)) for name in names}
    made["a file"] = put_tree(hub, (BLOB, b"..", bad))
    made["below"] = put_tree(
        hub, (BLOB, b"a", bad), (TREE, b"b", put_tree(hub, (TREE, b"..", inner)))
    )
    made["a link, then through it"] = put_tree(hub, (LINK, b"link", away), (TREE, b"link", inner))
    made["a folder, then a link in its place"] = put_tree(
        hub, (TREE, b"link", inner), (LINK, b"link", away)
    )
    made["a name twice"] = put_tree(hub, (BLOB, b"a", bad), (BLOB, b"a", away))
    made["a submodule"] = put_tree(hub, ("160000", b"module", bad))
    made["a mode that is none"] = put_tree(hub, ("100000", b"odd", bad))
    made["escaped"] = put_tree(hub, (BLOB, b"...datmo-name", bad))
    made["a marker"] = put_tree(
        hub, (TREE, b"...datmo-file", put_tree(hub, (BLOB, b"0" * 16, bad)))
    )
    made["a split"] = put_tree(hub, (TREE, b"0.datmo-part", put_tree(hub, (BLOB, b"..", bad))))
    return made


@pytest.mark.parametrize("target", [b"", b"a\0b", b"a" * 4096], ids=["empty", "NUL", "long"])
def test_link_with_a_target_that_no_link_can_have_is_refused(shared: Pair, target: bytes) -> None:
    hub, commit = shared.hub, shared.alex.git("rev-parse", "HEAD")
    tree = put_tree(hub, (LINK, b"link", put(hub, "blob", target)))
    document = genuine(shared.alex)
    document["payloads"][0].update(object=tree, size=len(target))
    document["objects"] = kept_by_snapshot(document)
    record = plant(hub, json.dumps(document).encode(), commit)
    hub.git("update-ref", "refs/heads/evil", put(hub, "commit", keep(tree)))
    ignacio = shared.clone()
    ignacio.git("fetch", "-q", "origin", "main")
    datmo(ignacio, "fetch")
    refusal(
        datmo(ignacio, "checkout", record, code=128), "data/link", "a target that no link can have"
    )
    assert not (ignacio.cwd / "data" / "link").is_symlink()


def test_trees_that_lead_outside_are_refused(shared: Pair, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    hub, commit = shared.hub, shared.alex.git("rev-parse", "HEAD")
    ignacio = shared.clone()
    records = {}
    for trick, tree in evil_trees(hub, outside).items():
        document = genuine(shared.alex)
        document["message"] = trick
        document["payloads"][0]["object"] = tree
        records[trick] = plant(hub, json.dumps(document).encode(), commit)
        # Kept, as a stranger's push would keep it.
        hub.git("update-ref", f"refs/heads/evil{len(records)}", put(hub, "commit", keep(tree)))
    ignacio.git("fetch", "-q", "origin", "main")
    datmo(ignacio, "fetch")
    before = picture(shared.top.cwd)
    hooks = picture(ignacio.cwd / ".git" / "hooks")
    for number, (trick, record) in enumerate(records.items()):
        for words in (
            (record, "--force"),
            *([(record,), (record, "--", "data")] if number < 2 else []),
        ):
            done = datmo(ignacio, "checkout", *words, ok=False)
            assert done.returncode == 128, f"{trick}: {done}"
            assert done.stderr.count("fatal: ") == 1, f"{trick}: {done}"
            assert "BUG" not in done.stderr, f"{trick}: {done}"
            assert picture(shared.top.cwd) == before, trick
    assert not list(outside.iterdir())
    assert picture(ignacio.cwd / ".git" / "hooks") == hooks
    datmo(ignacio, "log")
    datmo(ignacio, "status")


def keep(tree: str) -> bytes:
    person = b"A <a@example.com> 1000000000 +0000"
    return b"tree %s\nauthor %s\ncommitter %s\n\nx\n" % (tree.encode(), person, person)


def test_payloads_within_each_other_are_refused(shared: Pair, tmp_path: Path) -> None:
    """Let one payload have a link, and the other a file beyond it."""
    outside = tmp_path / "outside"
    outside.mkdir()
    hub = shared.hub
    away = put(hub, "blob", str(outside).encode())
    document = genuine(shared.alex)
    first = document["payloads"][0]
    first["object"] = put_tree(hub, (LINK, b"link", away))
    second = {
        **first,
        "path": "data/link/in",
        "object": put_tree(hub, (BLOB, b"x", put(hub, "blob", b"bad"))),
    }
    document["payloads"].append(second)
    hub.git(
        "update-ref",
        "refs/heads/evil",
        put(
            hub,
            "commit",
            keep(put_tree(hub, (TREE, b"a", first["object"]), (TREE, b"b", second["object"]))),
        ),
    )
    bad = plant(hub, json.dumps(document).encode(), shared.alex.git("rev-parse", "HEAD"))
    ignacio = shared.clone()
    datmo(ignacio, "fetch")
    before = picture(ignacio.cwd)
    refused(ignacio, "checkout", bad)
    refused(ignacio, "checkout", bad, "--force")
    assert picture(ignacio.cwd) == before
    assert not list(outside.iterdir())


def test_payload_beyond_link_of_working_tree_is_refused(shared: Pair, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    document = genuine(shared.alex)
    document["payloads"][0]["path"] = "link/data"
    document["objects"] = kept_by_snapshot(document)
    bad = plant(shared.hub, json.dumps(document).encode(), shared.alex.git("rev-parse", "HEAD"))
    ignacio = shared.clone()
    (ignacio.cwd / "link").symlink_to(outside)
    datmo(ignacio, "fetch")
    for force in ((), ("--force",)):
        refused(ignacio, "checkout", bad, *force, says=("'link'",))
    assert not list(outside.iterdir())


def test_hooks_refuse_hostile_snapshot_and_pull_succeeds(shared: Pair) -> None:
    """Plant the newest snapshot of a pulled commit: the payloads are unchanged, and the pull
    succeeds."""
    ignacio = shared.clone()
    datmo(ignacio, "checkout")
    shared.alex.commit("code.py", "new")
    shared.alex.git("push", "-q")
    commit = shared.alex.git("rev-parse", "HEAD")
    document = genuine(shared.alex, "HEAD~1")
    document.update(
        commit=commit,
        tree=shared.alex.git("rev-parse", "HEAD^{tree}"),
        created="2099-01-01T00:00:00Z",
    )
    program = b"#!/bin/sh\ntouch ran\n"
    inner = put_tree(shared.hub, (BLOB, b"post-checkout", put(shared.hub, "blob", program)))
    payload = document["payloads"][0]
    payload.update(object=put_tree(shared.hub, (TREE, b".git", inner)), size=len(program))
    document["objects"] = kept_by_snapshot(document)
    shared.hub.git(
        "update-ref",
        "refs/heads/evil",
        put(shared.hub, "commit", keep(document["payloads"][0]["object"])),
    )
    plant(shared.hub, json.dumps(document).encode(), commit)
    done = ignacio.run("git", "pull", "-q")
    assert "the name '.git' in a payload" in done.stderr
    assert "BUG" not in done.stderr
    assert ignacio.git("rev-parse", "HEAD") == commit
    assert picture(ignacio.cwd / "data") == picture(shared.alex.cwd / "data")
