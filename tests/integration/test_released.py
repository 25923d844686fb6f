"""Test that dropped data are freed on a remote, which keeps the others."""

from __future__ import annotations

import pytest

from git_datmo.model import Oid
from git_datmo.progress import QUIET
from git_datmo.records.image_record import Image
from git_datmo.records.snapshot_record import Snapshot
from git_datmo.repository.workspace import open_workspace
from git_datmo.runs.frozen_environments import keep_image
from tests.support.commands import datmo, experiments
from tests.support.disk_space import (
    MIB,
    check_hub,
    check_store,
    filtering,
    keep_refs,
    noise,
    store_of,
    told,
    versions,
    weigh,
)
from tests.support.pair import Pair
from tests.support.servers.http_host import HttpHost
from tests.support.shell import Shell


@pytest.mark.parametrize(
    ("pair", "filters"), [("hook", "true"), ("helper", "false")], indirect=["pair"]
)
def test_remote_drop_frees_dropped_data(pair: Pair, filters: str) -> None:
    pair.hub.git("config", "uploadpack.allowFilter", filters)
    one, two, three = versions(pair.alex, 3)
    pair.alex.git("push", "-q")
    old = pair.clone("old")
    datmo(old, "checkout", "HEAD~1")
    check_hub(pair.hub, 2 * MIB, 3)
    done = told(pair.alex, "drop", two, "--remote")
    count = {
        "name": "origin",
        "clone": False,
        "kept": 2,
        "kept_images": 0,
        "released_images": 0,
        "unkept": [],
    }
    assert done["remotes"][0] == count | {"released": 1}
    assert keep_refs(pair.hub) == ["refs/datmo/keep/2"]
    check_hub(pair.hub, 2 * MIB, 2)
    assert told(pair.alex, "gc")["bytes"] > 2 * MIB
    check_store(pair.alex)
    # Again, there is nothing to do.
    assert told(pair.alex, "drop", "--remote")["remotes"][0] == count | {"released": 0}
    assert keep_refs(pair.hub) == ["refs/datmo/keep/2"]
    # A clone from before goes on, and so does a new one.
    old.git("pull", "-q")
    assert [found["id"] for found in experiments(old)] == [three, one]
    new = pair.clone("new")
    for clone in (old, new):
        for oid, number in ((one, 1), (three, 3)):
            datmo(clone, "checkout", "--force", oid)
            assert (clone.cwd / "data" / "large").read_bytes() == noise(number)
    (newest,) = versions(old, 1, first=5)
    old.git("push", "-q")
    assert keep_refs(pair.hub) == ["refs/datmo/keep/2"]
    check_hub(pair.hub, 2 * MIB, 3)
    datmo(pair.alex, "fetch")
    datmo(pair.alex, "checkout", newest)
    assert (pair.alex.cwd / "data" / "large").read_bytes() == noise(5)


@filtering
def test_remote_drop_by_clone_without_payloads_sends_few_bytes(
    pair: Pair, http_host: HttpHost, filters: str
) -> None:
    pair.hub.git("config", "uploadpack.allowFilter", filters)
    pair.hub.git("config", "http.receivepack", "true")
    for number in range(3):
        versions(pair.alex, 2, first=2 * number + 1)
        pair.alex.git("push", "-q")
    (dropped, *_) = experiments(pair.alex)
    pair.top.git("clone", "-q", f"datmo::{http_host.url(pair.hub.cwd)}", "other")
    other = pair.top.at("other")
    http_host.exchanges.clear()
    assert told(other, "drop", dropped["id"], "--remote")["remotes"][0]["kept"] == 5
    assert sum(exchange.bytes_in + exchange.bytes_out for exchange in http_host.exchanges) < 40_000
    assert weigh(store_of(other)) < 100_000
    check_hub(pair.hub, 2 * MIB, 5)
    last = pair.clone("last")
    datmo(last, "checkout")
    assert (last.cwd / "data" / "large").read_bytes() == noise(5)


def test_remote_drop_of_all_snapshots_succeeds(pair: Pair) -> None:
    made = versions(pair.alex)
    pair.alex.git("push", "-q")
    assert told(pair.alex, "drop", *made, "--remote")["remotes"][0]["kept"] == 0
    check_hub(pair.hub, 2 * MIB, 0)
    assert keep_refs(pair.hub) == ["refs/datmo/keep/2"]
    versions(pair.alex, 1, first=3)
    pair.alex.git("push", "-q")
    check_hub(pair.hub, 2 * MIB, 1)


def test_frozen_image_is_counted_at_its_size(pair: Pair) -> None:
    one, two = versions(pair.alex)
    image = freeze(pair.alex, one)
    pair.alex.git("push", "-q")
    datmo(pair.alex, "drop", two)
    assert (
        "released 1 snapshot, and keeps 1 snapshot and 1 image\n"
        in datmo(pair.alex, "drop", "--remote").stdout
    )
    done = told(pair.alex, "drop", image, "--remote")["remotes"][0]
    assert (done["released"], done["released_images"], done["kept"], done["kept_images"]) == (
        0,
        1,
        1,
        0,
    )


def freeze(shell: Shell, snapshot: str) -> str:
    """Make a record of an image as `env freeze` does, of files that no engine wrote."""
    folder = shell.cwd.parent / "image"
    folder.mkdir()
    (folder / "config.json").write_bytes(b"{}")
    with open_workspace(shell.env, shell.cwd) as ws:
        of = ws.ledger.record(Oid.fromhex(snapshot))
        assert isinstance(of, Snapshot)
        content, _ = keep_image(ws, folder, QUIET)
        digest = f"sha256:{'a' * 64}"
        made = Image(
            Oid.fromhex(snapshot), of.commit, ws.now(), ws.person, "linux/amd64", digest, content
        )
        (oid,) = ws.ledger.attach(made)
    return str(oid)


def test_push_into_old_epoch_survives_remote_drop(pair: Pair) -> None:
    """Push at the moment between the creation of the new ref and the deletion of the old one."""
    made = versions(pair.alex)
    pair.alex.git("push", "-q")
    ben = pair.clone("ben")
    before = pair.hub.git("rev-parse", "refs/datmo/keep/1")
    (new,) = versions(ben, 1, first=7)
    ben.git("push", "-q")
    late = pair.hub.git("rev-parse", "refs/datmo/keep/1")
    pair.hub.git("update-ref", "refs/datmo/keep/1", before)
    hook = pair.hub.cwd / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        "#!/bin/sh\n"
        f'[ "$1" != refs/datmo/keep/2 ] || [ -e landed ] || {{ : >landed; git update-ref refs/datmo/keep/1 {late}; }}\n'
    )
    hook.chmod(0o755)
    told(pair.alex, "drop", made[0], "--remote")
    assert (pair.hub.cwd / "landed").exists()
    assert keep_refs(pair.hub) == ["refs/datmo/keep/2"]
    check_hub(pair.hub, 2 * MIB, 2)
    other = pair.clone("other")
    datmo(other, "checkout", new)
    assert (other.cwd / "data" / "large").read_bytes() == noise(7)


def test_kept_objects_without_record_survive_remote_drop(pair: Pair) -> None:
    """Send objects without a record that names them."""
    made = versions(pair.alex)
    pair.alex.git("push", "-q")
    ben = pair.clone("ben")
    (new,) = versions(ben, 1, first=7)
    before = {
        ref: pair.hub.git("rev-parse", ref) for ref in ("refs/datmo/records", "refs/notes/datmo")
    }
    ben.git("push", "-q")
    for ref, tip in before.items():
        pair.hub.git("update-ref", ref, tip)
    assert told(pair.alex, "drop", made[0], "--remote")["remotes"][0]["kept"] == 2
    pair.hub.git("gc", "-q", "--prune=now")
    ben.git("update-ref", "-d", "refs/datmo-remotes/origin/records")
    datmo(ben, "push")
    check_hub(pair.hub, 2 * MIB, 2)
    other = pair.clone("other")
    datmo(other, "checkout", new)


def test_killed_remote_drop_is_finished_by_the_next(pair: Pair) -> None:
    made = versions(pair.alex)
    pair.alex.git("push", "-q")
    old = pair.hub.git("rev-parse", "refs/datmo/keep/1")
    told(pair.alex, "drop", made[0], "--remote")
    pair.hub.git("update-ref", "refs/datmo/keep/1", old)
    assert told(pair.alex, "drop", "--remote")["remotes"][0]["kept"] == 1
    assert keep_refs(pair.hub) == ["refs/datmo/keep/2"]
    check_hub(pair.hub, 2 * MIB, 1)


def test_snapshot_with_objects_missing_on_remote_is_reported_and_not_kept(pair: Pair) -> None:
    one, two = versions(pair.alex)
    pair.alex.git("push", "-q", "--no-verify", "origin", "refs/datmo/records", "refs/notes/datmo")
    ben = pair.clone("ben")
    three = versions(ben, 1, first=3)[0]
    datmo(ben, "push")
    kept = pair.hub.git("log", "--format=%s", "refs/datmo/keep/1").splitlines()
    assert kept.count("datmo: keep") == 1, "what the remote has not is not kept by a commit alone"
    done = datmo(ben, "drop", "--remote")
    assert done.stderr.count("does not keep what snapshot") == 2
    assert one[:10] in done.stderr
    assert two[:10] in done.stderr
    assert three[:10] not in done.stderr
