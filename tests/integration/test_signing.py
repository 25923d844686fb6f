"""Test records signed with real keys and checked by git, over a remote."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import datmo, refused
from tests.support.forged_records import plant
from tests.support.shell import Shell
from tests.support.ssh_keys import trust_ssh, use_ssh


@pytest.fixture
def gnupg() -> Iterator[str]:
    """Return a folder for keys whose path is short enough for the agent's socket."""
    folder = tempfile.mkdtemp(prefix="datmo-gpg-", dir="/tmp")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def verified(shell: Shell, *names: str, code: int = 0) -> list[dict[str, Any]]:
    return [
        json.loads(line)
        for line in datmo(shell, "verify", "--json", *names, code=code).stdout.splitlines()
    ]


def states(shell: Shell, *names: str, code: int = 0) -> list[tuple[str, list[str]]]:
    found = verified(shell, *names, code=code)
    return [
        (each["kind"], [signature["state"] for signature in each["signatures"]]) for each in found
    ]


def test_signed_records_travel_and_are_checked(make_repo: Callable[..., Shell]) -> None:
    hub, alex = make_repo("hub.git", bare=True), make_repo("alex")
    alex.git("remote", "add", "origin", str(hub.cwd))
    datmo(alex, "init")
    alex.commit("fit.py", "open('out', 'w').write('x')\n")
    # Without a key nothing is run, and nothing is recorded.
    refused(
        alex,
        "run",
        "--sign",
        "--",
        "python",
        "fit.py",
        code=125,
        says=("cannot sign", "user.signingKey"),
    )
    assert not (alex.cwd / "out").exists()
    refused(alex, "snapshot", "--sign", says=("cannot sign",))
    assert alex.git("for-each-ref", "refs/datmo/records") == ""

    use_ssh(alex)
    datmo(alex, "run", "--sign", "--", "python", "fit.py")
    assert states(alex, code=1) == [("snapshot", ["unknown"])], "nobody said whose key it is"
    trust_ssh(alex)
    assert states(alex) == [("snapshot", ["good"])]
    alex.git("config", "datmo.sign", "true")
    datmo(alex, "reproduce", "HEAD", "--engine", "host")
    alex.git("push", "-q", "origin", "main")

    hub.at("..").git("clone", "-q", f"datmo::{hub.cwd}", "other")
    other = hub.at("../other")
    assert states(other) == [("snapshot", ["good"]), ("receipt", ["good"])]
    said = datmo(other, "verify").stdout
    assert (
        "by A U Thor <author@example.com>: signature good of author@example.com, key SHA256:"
        in said
    )
    assert "signed" in other.git("log", "-1", "--notes=datmo")
    other.git("fsck", "--strict")

    # A receipt that nobody signed is told as such, and fails nothing; a signature is of one record
    # alone.
    datmo(other, "reproduce", "HEAD", "--engine", "host", "--trust")
    assert states(other) == [("snapshot", ["good"]), ("receipt", ["good"]), ("receipt", [])]
    plain = datmo(other, "snapshot", "-m", "unsigned").stdout.strip()
    assert states(other, plain, code=1) == [("snapshot", [])]
    files = other.git("ls-tree", "-r", "--format=%(objectname)", "refs/datmo/records").split()
    documents = [json.loads(other.git("cat-file", "blob", oid)) for oid in files]
    stolen = next(each for each in documents if each.get("kind") == "annotation")
    plant(other, json.dumps({**stolen, "record": plain}).encode(), "HEAD", "annotation signed")
    assert states(other, plain, code=1) == [("snapshot", ["bad"])]
    assert "signature bad" in datmo(other, "verify", plain, code=1).stdout


def test_signature_by_openpgp_in_sha256_repository_verifies(
    make_repo: Callable[..., Shell], gnupg: str
) -> None:
    alex = make_repo("alex", object_format="sha256", GNUPGHOME=gnupg)
    datmo(alex, "init")
    alex.commit("x", "x")
    made = "%no-protection\nKey-Type: eddsa\nKey-Curve: ed25519\nName-Real: Alex\nName-Email: author@example.com\n"
    try:
        alex.run("gpg", "--batch", "-q", "--generate-key", "-", stdin=f"{made}%commit\n".encode())
        alex.git("config", "user.signingKey", "author@example.com")
        datmo(alex, "snapshot", "--sign", "-m", "x")
        (found,) = verified(alex)
        assert found["signatures"][0]["state"] == "good"
        assert found["signatures"][0]["signer"] == "Alex <author@example.com>"
        alex.git("fsck", "--strict")
    finally:
        alex.run("gpgconf", "--kill", "all", ok=False)


@pytest.fixture
def unsigned(make_repo: Callable[..., Shell], shell: Callable[..., Shell]) -> Shell:
    """Return a clone that requires signatures, of a remote whose second snapshot is not signed."""
    hub, alex = make_repo("hub.git", bare=True), make_repo("alex")
    alex.git("remote", "add", "origin", str(hub.cwd))
    use_ssh(alex)
    trust_ssh(alex)
    datmo(alex, "init")
    alex.write("data/x", "1")
    datmo(alex, "add-data", "data")
    alex.commit("fit.py", "pass\n")
    datmo(alex, "run", "--sign", "-m", "signed", "--", "python", "fit.py")
    alex.git("push", "-q", "-u", "origin", "main")
    alex.write("data/x", "2")
    datmo(alex, "commit", "-qm", "two")
    datmo(alex, "run", "-m", "unsigned", "--", "python", "fit.py")
    alex.git("push", "-q")
    shell().git("clone", "-q", str(hub.cwd), "bob")
    bob = shell("bob")
    datmo(bob, "init")
    bob.git("config", "datmo.requireSigned", "true")
    return bob


def listed(shell: Shell) -> list[str]:
    return [
        json.loads(line)["id"]
        for line in datmo(shell, "log", "--data", "--json").stdout.splitlines()
    ]


def signed_id(shell: Shell) -> str:
    oid = json.loads(datmo(shell, "show", "HEAD~1", "--json").stdout)["id"]
    assert isinstance(oid, str)
    return oid


UNSIGNED = "no signature by a trusted key"


def test_checkout_of_an_unsigned_snapshot_is_refused(unsigned: Shell) -> None:
    refused(unsigned, "checkout", says=(UNSIGNED, "git datmo verify"))
    assert not (unsigned.cwd / "data").exists()
    datmo(unsigned, "checkout", "HEAD~1")
    assert (unsigned.cwd / "data/x").read_text() == "1"
    refused(unsigned, "checkout", "HEAD", "--", "data", says=(UNSIGNED,))
    unsigned.git("-c", "datmo.requireSigned=false", "datmo", "checkout")
    assert (unsigned.cwd / "data/x").read_text() == "2"


def test_hooks_do_not_check_out_unsigned_snapshot(unsigned: Shell) -> None:
    unsigned.git("checkout", "-q", "HEAD~1")
    datmo(unsigned, "checkout")
    said = unsigned.run("git", "checkout", "-q", "main").stderr
    assert UNSIGNED in said
    assert (unsigned.cwd / "data/x").read_text() == "1"
    unsigned.git("config", "datmo.requireSigned", "false")
    datmo(unsigned, "pull")
    assert (unsigned.cwd / "data/x").read_text() == "2"


def test_snapshot_of_a_key_that_is_not_trusted_is_refused(unsigned: Shell) -> None:
    (Path(unsigned.env["HOME"]) / "allowed").write_text("")
    refused(unsigned, "checkout", "HEAD~1", says=(UNSIGNED,))


def test_reproduction_of_an_unsigned_snapshot_is_refused(unsigned: Shell) -> None:
    refused(unsigned, "reproduce", "HEAD", "--trust", "--engine", "host", says=(UNSIGNED,))
    words = ("--metric", "x", "--trust", "--engine", "host")
    refused(unsigned, "explain", "HEAD~1", "HEAD", *words, says=(UNSIGNED,))


def test_unsigned_drop_has_no_effect_where_signatures_are_required(unsigned: Shell) -> None:
    unsigned.git("config", "datmo.requireSigned", "false")
    oid = signed_id(unsigned)
    datmo(unsigned, "drop", oid)
    assert oid not in listed(unsigned)
    unsigned.git("config", "datmo.requireSigned", "true")
    assert oid in listed(unsigned)


def test_signed_drop_is_obeyed_and_no_unsigned_drop_hides_it(unsigned: Shell) -> None:
    oid = signed_id(unsigned)
    dropped = json.loads(
        unsigned.run("git", "-c", "datmo.sign=true", "datmo", "drop", "--json", oid).stdout
    )["id"]
    assert oid not in listed(unsigned)
    # A stranger drops that drop and its signature, with a record of his own.
    raw = json.loads(unsigned.git("cat-file", "blob", dropped))
    records = unsigned.git("ls-tree", "-r", "--format=%(objectname)", "refs/datmo/records").split()
    about = [
        each
        for each in records
        if json.loads(unsigned.git("cat-file", "blob", each)).get("record") == dropped
    ]
    assert len(about) == 1
    plant(unsigned, json.dumps(raw | {"records": [dropped, *about]}).encode(), raw["commit"])
    assert oid not in listed(unsigned)


def test_unsigned_drop_of_an_unsigned_drop_changes_nothing(unsigned: Shell) -> None:
    oid = signed_id(unsigned)
    dropped = json.loads(datmo(unsigned, "drop", "--json", oid).stdout)["id"]
    raw = json.loads(unsigned.git("cat-file", "blob", dropped))
    plant(unsigned, json.dumps(raw | {"records": [dropped]}).encode(), raw["commit"])
    assert oid in listed(unsigned)
