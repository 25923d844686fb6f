"""Records signed with real keys, checked by git, over a remote."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.team import datmo, refused
from tests.integration.test_strangers import plant
from tests.servers.shell import Shell


def use_ssh(shell: Shell) -> None:
    key = Path(shell.env["HOME"]) / "key"
    shell.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "alex", "-f", key)
    shell.git("config", "--global", "gpg.format", "ssh")
    shell.git("config", "--global", "user.signingKey", f"{key}.pub")


def trust_ssh(shell: Shell) -> None:
    home = Path(shell.env["HOME"])
    (home / "allowed").write_text(f"author@example.com {(home / 'key.pub').read_text()}")
    shell.git("config", "--global", "gpg.ssh.allowedSignersFile", home / "allowed")


@pytest.fixture
def gnupg() -> Iterator[str]:
    """A folder for keys whose path is short enough for the agent's socket."""
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


def test_other_than_ssh_keys_and_object_formats(
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
