"""Test the transfers of a fetch on the wire: only missing objects, in few requests, and not
twice."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path
from random import Random

import pytest

from git_datmo.git.deflate import deflate
from git_datmo.git.pack_writer import PackWriter, make_entry
from git_datmo.git.packed_objects import PackedObjects
from git_datmo.model import SHA1, Oid
from git_datmo.objects.stored_folders import write_folder
from git_datmo.objects.tree_nodes import Node, NodeKind
from tests.support.commands import STORE, datmo, picture, states
from tests.support.pair import Pair
from tests.support.servers.hosts import Host
from tests.support.servers.http_host import HttpHost
from tests.support.shared_data import MIB, clone, share
from tests.support.shell import Shell


class Wire:
    """Count requests and bytes that cross the wire of an HTTP host from now on."""

    def __init__(self, host: HttpHost) -> None:
        self._host, self._start = host, len(host.exchanges)

    @property
    def requests(self) -> int:
        return len(self._host.exchanges[self._start :])

    @property
    def size(self) -> int:
        return sum(each.bytes_in + each.bytes_out for each in self._host.exchanges[self._start :])


def filtering(pair: Pair) -> None:
    pair.hub.git("config", "uploadpack.allowFilter", "true")


def test_checkout_over_every_transport_gives_equal_files(pair: Pair, host: Host) -> None:
    """Fetch a part, then the rest, then the next version, with git-datmo's own indexer."""
    filtering(pair)
    share(
        pair, {"big": Random(1).randbytes(3 * MIB), **{f"sub/{n}": b"%d" % n for n in range(300)}}
    )
    ignacio = clone(pair, host.url(pair.hub.cwd), **host.environ)
    assert not ignacio.git(*STORE, "count-objects", "-v").count("in-pack: 1")
    datmo(ignacio, "checkout", "--", "data/sub/7")
    assert (ignacio.cwd / "data/sub/7").read_bytes() == b"7"
    traced = ignacio.having(GIT_TRACE=str(pair.top.cwd / "trace"))
    datmo(traced, "checkout")
    assert picture(ignacio.cwd / "data") == picture(pair.alex.cwd / "data")
    if host.name != "path":
        assert "index-pack" not in (pair.top.cwd / "trace").read_text()
    share(pair, {"sub/7": b"seven", "more/x": b"x"}, "more")
    ignacio.git("pull", "-q")
    assert picture(ignacio.cwd / "data") == picture(pair.alex.cwd / "data")
    assert set(states(ignacio).values()) == {"unchanged"}
    assert "missing" not in ignacio.git(*STORE, "fsck", "--no-dangling", ok=False)


def test_one_file_of_a_million_is_fetched_alone(pair: Pair, http_host: HttpHost) -> None:
    """Take one file of a snapshot that is on the remote alone."""
    filtering(pair)
    names = [b"%07d.png" % number for number in range(1_000_000)]
    wanted = names[271_828]
    blob = SHA1.hash("blob", b"the one")
    with PackWriter(pair.hub.cwd / "objects/pack", SHA1) as writer:
        writer.add(make_entry(blob, "blob", 7, deflate(b"the one")))
        written: set[Oid] = set()

        def write(content: bytes) -> Oid:
            oid = SHA1.hash("tree", content)
            if oid not in written:
                written.add(oid)
                writer.add(make_entry(oid, "tree", len(content), deflate(content)))
            return oid

        # Ids that no object has, but for one: blobs are never looked for on the way.
        ids = Random(2)
        nodes = {name: Node(NodeKind.FILE, Oid(ids.randbytes(20))) for name in names}
        nodes[wanted] = Node(NodeKind.FILE, blob)
        root = write_folder(nodes, write)
        writer.finish(promisor=True)
    alex = pair.alex
    share(pair, {"0": b"0"})
    (record,) = (
        path
        for path in alex.git("ls-tree", "-r", "--name-only", "refs/datmo/records").split()
        if "/" in path
    )
    text = alex.git("show", f"refs/datmo/records:{record}")
    small = alex.git("rev-parse", f"refs/datmo/records:{record}")
    object_id = [line for line in text.splitlines() if '"object"' in line][-1].split('"')[3]
    forged = text.replace(object_id, str(root))
    forged = re.sub(r'"files": ?1,', '"files": 1000000,', forged)
    # A record that claims fewer bytes than its files have is refused.
    forged = re.sub(r'"size": ?1\b', '"size": 7000000', forged)
    forge(pair.hub, forged, small)
    wire = Wire(http_host)
    ignacio = clone(pair, http_host.url(pair.hub.cwd))
    assert wire.size < 100_000
    wire = Wire(http_host)
    datmo(ignacio, "checkout", "--", f"data/{wanted.decode()}")
    assert (ignacio.cwd / "data" / wanted.decode()).read_bytes() == b"the one"
    assert wire.requests <= 5
    assert wire.size < 1_000_000


def forge(hub: Shell, text: str, instead_of: str) -> None:
    """Give the hub one record, and a note that names it on the same commit."""
    oid = hub.git("hash-object", "-w", "--stdin", stdin=f"{text}\n".encode())
    tree = hub.git("mktree", stdin=f"100644 blob {oid}\t{oid[2:]}.json\n".encode())
    tree = hub.git("mktree", stdin=f"040000 tree {tree}\t{oid[:2]}\n".encode())
    hub.git("update-ref", "refs/datmo/records", hub.git("commit-tree", "-m", "records", tree))
    note = hub.git("notes", "--ref=datmo", "show", "main").replace(instead_of, oid)
    hub.git("notes", "--ref=datmo", "add", "-f", "-F", "-", "main", stdin=note.encode())


def test_fetch_of_next_version_transfers_only_new_chunks(pair: Pair, http_host: HttpHost) -> None:
    """Insert a part into one file, and leave many others as they are."""
    filtering(pair)
    noise = Random(3)
    big, many = (
        noise.randbytes(16 * MIB),
        {f"many/{n:05}": noise.randbytes(50) for n in range(2000)},
    )
    share(pair, {"big": big, **many})
    url = http_host.url(pair.hub.cwd)
    ignacio = clone(pair, url)
    wire = Wire(http_host)
    datmo(ignacio, "checkout")
    assert wire.requests == 2
    more = noise.randbytes(MIB)
    share(pair, {"big": more + big, "many/00007": b"seven"}, "more")
    ignacio.git("fetch", "-q")
    wire = Wire(http_host)
    ignacio.git("merge", "-q", "origin/main")
    assert picture(ignacio.cwd / "data") == picture(pair.alex.cwd / "data")
    assert wire.size < 1.2 * 2 * MIB + 100_000
    assert wire.requests < 10
    # Nothing is left to be fetched.
    wire = Wire(http_host)
    datmo(ignacio, "checkout")
    assert wire.requests == 0


def packed_blobs(objects: Path) -> list[set[Oid]]:
    """Return the blobs of each pack of a repository that has any."""
    found = PackedObjects(objects, SHA1)
    blobs = [{Oid(pack.oid_at(place)) for place in range(pack.count)} for pack in found.packs()]
    return [kept for each in blobs if (kept := {oid for oid in each if found.kind(oid) == "blob"})]


def test_slices_of_one_push_are_fetched_one_by_one(pair: Pair, http_host: HttpHost) -> None:
    """Check that slices are requested one by one. Git searches for deltas between parts requested
    together."""
    filtering(pair)
    pair.alex.git("remote", "set-url", "origin", http_host.url(pair.hub.cwd))
    pair.hub.git("config", "receive.unpackLimit", "1")
    share(pair, {"big": Random(6).randbytes(80 * MIB)})
    shared = [blobs for blobs in packed_blobs(pair.hub.cwd / "objects") if len(blobs) > 40]
    assert len(shared) == 3
    ignacio = clone(pair, http_host.url(pair.hub.cwd))
    wire = Wire(http_host)
    datmo(ignacio, "checkout")
    assert picture(ignacio.cwd / "data") == picture(pair.alex.cwd / "data")
    assert wire.requests == 5
    fetched = [
        blobs
        for blobs in packed_blobs(ignacio.cwd / ".git/datmo/store.git/objects")
        if len(blobs) > 40
    ]
    assert len(fetched) == len(shared)
    assert all(any(len(blobs - others) <= 2 for others in shared) for blobs in fetched)


@pytest.mark.parametrize("related", [False, True])
def test_broken_connection_is_resumed_without_loss(
    pair: Pair, http_host: HttpHost, *, related: bool
) -> None:
    filtering(pair)
    noise, half = Random(4), 12 * MIB
    share(pair, {"first": b"first"})
    ignacio = clone(pair, http_host.url(pair.hub.cwd))
    if related:
        datmo(ignacio, "checkout")
    share(pair, {f"f{n}": noise.randbytes(MIB) for n in range(24)}, "more")
    ignacio.git("fetch", "-q")
    fault = http_host.cut_after(half, path="git-upload-pack")
    done = ignacio.run("git", "merge", "-q", "origin/main", ok=False) if related else None
    done = datmo(ignacio, "checkout", "origin/main", ok=False) if done is None else done
    assert fault.bitten
    assert "Traceback" not in done.stderr
    wire = Wire(http_host)
    datmo(ignacio, "checkout", *([] if related else ["origin/main"]))
    assert wire.size < half * 1.05 * 1.05 + 100_000
    assert picture(ignacio.cwd / "data") == picture(pair.alex.cwd / "data")


KILLING = f"""#!{sys.executable}
# Passes half of what is sent on, and ends who is fetching when that has arrived.
import glob, os, signal, subprocess, sys
half, arrived, store, pid = int(os.environ["HALF"]), int(os.environ["ARRIVED"]), os.environ["STORE"], os.environ["PID"]
child = subprocess.Popen(["git-upload-pack", *sys.argv[1:]], stdout=subprocess.PIPE)
while half and (data := os.read(child.stdout.fileno(), min(half, 65536))):
    half -= os.write(1, data)
while sum(map(os.path.getsize, glob.glob(store + "/objects/pack/tmp_datmo_*"))) < arrived:
    os.sched_yield()
os.kill(int(open(pid).read()), signal.SIGKILL)
child.kill()
"""


def test_killed_fetch_is_resumed_without_loss(pair: Pair) -> None:
    """Check that objects which arrived before the kill are not sent again."""
    filtering(pair)
    noise, whole = Random(5), 40 * MIB
    share(pair, {f"f{n}": noise.randbytes(8 * MIB) for n in range(5)})
    ignacio = clone(pair, f"file://{pair.hub.cwd}")
    top, store = pair.top.cwd, ignacio.cwd / ".git/datmo/store.git"
    arrived = whole // 2 - whole // 20
    pair.top.write("upload-pack", KILLING).chmod(0o755)
    ignacio.git("config", "remote.origin.uploadpack", str(top / "upload-pack"))
    told = {"HALF": whole // 2, "ARRIVED": arrived, "STORE": store, "PID": top / "pid"}
    dying = ignacio.having(**{name: str(value) for name, value in told.items()})
    killed = dying.run("sh", "-c", 'echo $$ > "$PID"; exec git-datmo checkout', ok=False)
    assert killed.returncode == -signal.SIGKILL
    counting = f'#!/bin/sh\ngit-upload-pack "$@" | tee -a "{top}/sent"\n'
    pair.top.write("upload-pack", counting).chmod(0o755)
    datmo(ignacio, "checkout")
    # Objects are whole or not sent: the last one that had begun to arrive comes again.
    assert os.path.getsize(top / "sent") < whole - arrived + MIB
    assert picture(ignacio.cwd / "data") == picture(pair.alex.cwd / "data")
    assert not list((store / "objects/pack").glob("tmp_*"))


OLD = 'unset GIT_PROTOCOL; exec git-upload-pack "$@"'
NO_LEVELS = 'exec git -c uploadpackfilter.tree.maxDepth=0 upload-pack "$@"'
NO_IDS = f"""exec {sys.executable} - 3<&0 "$@" <<'END'
import os, subprocess, sys
listed = subprocess.run(["git", "-C", sys.argv[-1], "for-each-ref", "--format=%(objectname)"], capture_output=True)
tips, child = listed.stdout.split(), subprocess.Popen(["git-upload-pack", *sys.argv[1:]], stdin=subprocess.PIPE)
asked = os.fdopen(3, "rb")
while head := asked.read(4):
    line = asked.read(max(int(head, 16) - 4, 0))
    if line.startswith(b"want ") and line.split()[1] not in tips:
        child.kill()
        os.write(1, b"%04xERR want %b not valid" % (63, line.split()[1]))
        # Who still writes when its answer comes must not find the pipe closed: it would not read the answer.
        asked.read()
        sys.exit(1)
    child.stdin.write(head + line)
    child.stdin.flush()
END"""


@pytest.mark.parametrize(
    ("program", "filters", "told"),
    [
        (OLD, True, "speaks an old protocol: fetching everything that it keeps"),
        (NO_IDS, True, "serves no objects by id: fetching everything that it keeps"),
        (NO_LEVELS, True, ""),
        ('exec git-upload-pack "$@"', False, "does not support partial fetches"),
    ],
    ids=["version 0", "no ids", "no levels of trees", "no filter"],
)
def test_fetch_from_host_with_fewer_capabilities_works(
    pair: Pair, program: str, told: str, *, filters: bool
) -> None:
    """Check that every host gives the data in the end, and that one line tells what is done
    instead."""
    if filters:
        filtering(pair)
    share(
        pair, {"big": Random(6).randbytes(2 * MIB), **{f"sub/{n}": b"%d" % n for n in range(5000)}}
    )
    pair.top.write("upload-pack", f"#!/bin/sh\n{program}\n").chmod(0o755)
    ignacio = clone(pair, f"file://{pair.hub.cwd}")
    ignacio.git("config", "remote.origin.uploadpack", str(pair.top.cwd / "upload-pack"))
    lines = datmo(ignacio, "checkout", "--", "data/sub/7").stderr.splitlines()
    assert [line for line in lines if told in line] == lines if told else lines == []
    assert len(lines) <= 1
    datmo(ignacio, "checkout")
    assert picture(ignacio.cwd / "data") == picture(pair.alex.cwd / "data")


def test_fetch_without_terminal_prints_nothing(pair: Pair) -> None:
    share(pair, {"big": Random(7).randbytes(2 * MIB)})
    ignacio = clone(pair, f"file://{pair.hub.cwd}")
    assert datmo(ignacio, "checkout").stderr == ""
