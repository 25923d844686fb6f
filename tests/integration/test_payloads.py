"""Test payloads of every content, and every change of them between snapshots."""

from __future__ import annotations

import os
import shutil
from random import Random

import pytest

from tests.support.commands import STORE, datmo, experiments, objects, picture, refused, states
from tests.support.pair import Pair
from tests.support.shell import Shell

MIB = 1 << 20


def snapshot(shell: Shell, *words: str) -> str:
    return datmo(shell, "snapshot", *words).stdout.strip()


def test_files_of_every_size_are_stored_and_restored(pair: Pair) -> None:
    alex, random = pair.alex, Random(1)
    sizes = {"empty": 0, "one": 1, "limit": MIB, "over": MIB + 1, "large": 20 * MIB}
    for name, size in sizes.items():
        alex.write(f"data/{name}", random.randbytes(size))
        alex.write(f"single-{name}", random.randbytes(size))
    alex.write("data/zeros", bytes(5 * MIB))
    (alex.cwd / "hollow").mkdir()
    singles = [f"single-{name}" for name in sizes]
    datmo(alex, "add-data", "data", "hollow", *singles)
    assert set(states(alex).values()) == {"unchanged"}
    alex.commit("code.py", "one")
    told = {payload["path"]: payload for payload in experiments(alex)[0]["payloads"]}
    assert {path: told[path]["size"] for path in singles} == {
        f"single-{n}": size for n, size in sizes.items()
    }
    assert told["data"]["size"] == sum(sizes.values()) + 5 * MIB
    assert (told["hollow"]["size"], told["hollow"]["files"]) == (0, 0)
    alex.git("push", "-q")
    # Hosts refuse large objects, and recommend small ones.
    assert max(size for _, size in objects(pair.hub).values()) <= MIB
    ignacio = pair.clone()
    datmo(ignacio, "checkout")
    assert picture(ignacio.cwd) == picture(alex.cwd)
    assert set(states(ignacio).values()) == {"unchanged"}
    # A change in the middle of the large file travels alone.
    before = objects(pair.hub)
    with (ignacio.cwd / "data" / "large").open("r+b") as file:
        file.seek(7 * MIB)
        file.write(b"changed")
    ignacio.git("commit", "-q", "--allow-empty", "-m", "changed")
    ignacio.git("push", "-q")
    new = [what for oid, what in objects(pair.hub).items() if oid not in before]
    assert sum(size for _, size in new) < 3 * MIB
    alex.git("pull", "-q")
    assert picture(alex.cwd) == picture(ignacio.cwd)


def test_modes_and_links_are_restored(pair: Pair) -> None:
    alex = pair.alex
    alex.write("data/run.sh", "#!/bin/sh\n").chmod(0o755)
    alex.write("data/plain", "plain").chmod(0o640)
    alex.write("data/large", Random(2).randbytes(2 * MIB)).chmod(0o755)
    alex.write("tool", "#!/bin/sh\n").chmod(0o755)
    os.symlink("plain", alex.cwd / "data" / "link")
    os.symlink("../../nowhere", alex.cwd / "data" / "broken")
    os.symlink(".", alex.cwd / "data" / "loop")
    datmo(alex, "add-data", "data", "tool")
    alex.commit("code.py", "one")
    alex.git("push", "-q")
    ignacio = pair.clone()
    datmo(ignacio, "checkout")
    for path in ("data", "tool"):
        assert picture(ignacio.cwd / path) == picture(alex.cwd / path)
    # Only the mode changes; only the target changes.
    (alex.cwd / "data" / "run.sh").chmod(0o644)
    (alex.cwd / "tool").chmod(0o644)
    (alex.cwd / "data" / "link").unlink()
    os.symlink("large", alex.cwd / "data" / "link")
    assert states(alex) == {"data": "modified", "tool": "modified"}
    alex.commit("code.py", "two")
    alex.git("push", "-q")
    ignacio.git("pull", "-q")
    for path in ("data", "tool"):
        assert picture(ignacio.cwd / path) == picture(alex.cwd / path)
    assert set(states(ignacio).values()) == {"unchanged"}


def change_kinds(root: Shell) -> None:
    data = root.cwd / "data"
    (data / "file").unlink()
    (data / "file").mkdir()
    (data / "file" / "in").write_text("in")
    shutil.rmtree(data / "folder")
    (data / "folder").write_text("now a file")
    (data / "link").unlink()
    (data / "link").write_text("now a file")
    (data / "plain").unlink()
    (data / "plain").symlink_to("folder")
    shutil.rmtree(data / "deep")
    (data / "empty").rmdir()
    (data / "fresh" / "empty").mkdir(parents=True)
    (data / "filled").joinpath("in").write_text("in")
    (data / "emptied" / "in").unlink()


def test_files_folders_and_links_replace_each_other(pair: Pair) -> None:
    alex = pair.alex
    for path in (
        "file",
        "folder/a",
        "folder/b/c",
        "plain",
        "deep/er/still/x",
        "emptied/in",
        "stays",
    ):
        alex.write(f"data/{path}", path)
    (alex.cwd / "data" / "link").symlink_to("plain")
    for path in ("empty", "filled"):
        (alex.cwd / "data" / path).mkdir()
    datmo(alex, "add-data", "data")
    first, before = snapshot(alex), picture(alex.cwd / "data")
    change_kinds(alex)
    assert states(alex) == {"data": "modified"}
    second, after = snapshot(alex), picture(alex.cwd / "data")
    alex.git("push", "-q")
    ignacio = pair.clone()
    for shell in (alex, ignacio):
        for oid, expected in ((first, before), (second, after), (first, before), (second, after)):
            datmo(shell, "checkout", oid)
            assert picture(shell.cwd / "data") == expected
            assert states(shell) == {"data": "unchanged"}
    # Data that were stored in parts are equal to data that are stored at once.
    again = pair.alex.at("../again")
    again.cwd.mkdir()
    again.git("init", "-q")
    again.commit("code.py", "pass\n")
    datmo(again, "init")
    shutil.copytree(alex.cwd / "data", again.cwd / "data", symlinks=True)
    datmo(again, "add-data", "data")
    snapshot(again)
    assert experiments(again)[0]["payloads"] == experiments(alex)[0]["payloads"]


def test_payload_changes_between_folder_and_file(repo: Shell) -> None:
    repo.write("model", "a file")
    datmo(repo, "add-model", "model")
    first = snapshot(repo)
    (repo.cwd / "model").unlink()
    repo.write("model/weights", "a folder")
    assert states(repo) == {"model": "modified"}
    second = snapshot(repo)
    for oid, form in ((first, "file"), (second, "folder"), (first, "file")):
        datmo(repo, "checkout", oid)
        assert (repo.cwd / "model").is_dir() == (form == "folder")
        assert states(repo) == {"model": "unchanged"}


def test_deleted_files_are_restored_by_checkout(repo: Shell) -> None:
    for number in range(300):
        repo.write(f"data/{number}", f"{number}")
    datmo(repo, "add-data", "data")
    first, whole = snapshot(repo), picture(repo.cwd / "data")
    for number in range(0, 300, 3):
        (repo.cwd / "data" / f"{number}").unlink()
    assert states(repo) == {"data": "modified"}
    datmo(repo, "checkout")
    assert picture(repo.cwd / "data") == whole
    for number in range(0, 300, 3):
        (repo.cwd / "data" / f"{number}").unlink()
    second, part = snapshot(repo), picture(repo.cwd / "data")
    assert experiments(repo)[0]["payloads"][0]["files"] == 200
    datmo(repo, "checkout", first)
    assert picture(repo.cwd / "data") == whole
    datmo(repo, "checkout", second)
    assert picture(repo.cwd / "data") == part
    shutil.rmtree(repo.cwd / "data")
    assert states(repo) == {"data": "missing"}
    refused(
        repo,
        "snapshot",
        says=("the payload 'data' is missing", "git datmo checkout -- data", "git datmo rm data"),
    )
    datmo(repo, "checkout", "--", "data")
    assert picture(repo.cwd / "data") == part


def test_rm_keeps_the_files(repo: Shell) -> None:
    repo.write("data/x", "x")
    repo.write("group/one/x", "1")
    repo.write("group/two/x", "2")
    datmo(repo, "add-data", "data", "group/one", "group/two")
    first = snapshot(repo)
    assert repo.git("status", "--porcelain") == ""
    assert datmo(repo, "rm", "group").stdout.count("no longer tracked") == 2
    assert (repo.cwd / "group" / "one" / "x").read_text() == "1"
    assert states(repo) == {"data": "unchanged"}
    assert repo.git("status", "--porcelain") == "?? group/"
    second = snapshot(repo)
    assert [payload["path"] for payload in experiments(repo)[0]["payloads"]] == ["data"]
    datmo(repo, "checkout", first)
    assert states(repo) == dict.fromkeys(["data", "group/one", "group/two"], "unchanged")
    datmo(repo, "checkout", second)
    assert states(repo) == {"data": "unchanged"}
    assert not (repo.cwd / "group" / "one" / "x").exists()
    datmo(repo, "checkout", first)
    assert (repo.cwd / "group" / "one" / "x").read_text() == "1"


def test_payload_has_the_role_of_its_verb(repo: Shell) -> None:
    for name in ("data", "weights", "figures"):
        repo.write(name, name)
    datmo(repo, "add-data", "data")
    datmo(repo, "add-model", "weights")
    datmo(repo, "add-data", "--role", "output", "figures")
    snapshot(repo)
    roles = {payload["path"]: payload["role"] for payload in experiments(repo)[0]["payloads"]}
    assert roles == {"data": "data", "weights": "model", "figures": "output"}
    # Adding again keeps the role, unless another is named.
    repo.write("weights", "changed")
    datmo(repo, "add-data", "weights")
    datmo(repo, "add-data", "--role", "model", "figures")
    snapshot(repo)
    roles = {payload["path"]: payload["role"] for payload in experiments(repo)[0]["payloads"]}
    assert roles == {"data": "data", "weights": "model", "figures": "model"}


def test_second_add_stores_only_changes(repo: Shell) -> None:
    for number in range(1000):
        repo.write(f"data/{number // 100}/{number}", f"{number}" * 100)
    datmo(repo, "add-data", "data")
    before = objects(repo, *STORE)
    said = datmo(repo, "add-data", "data").stdout
    assert "0 bytes new in the store" in said
    assert objects(repo, *STORE) == before
    repo.write("data/3/345", "changed")
    datmo(repo, "add-data", "data")
    new = [kind for oid, (kind, _) in objects(repo, *STORE).items() if oid not in before]
    assert sorted(new) == ["blob", "tree", "tree"]
    # Touched, but the same.
    os.utime(repo.cwd / "data" / "5" / "567", (1, 1))
    assert states(repo) == {"data": "unchanged"}
    # Nothing of it is in the code's own object database, whose commands stay as they were.
    assert len(objects(repo)) < 10
    repo.git("fsck", "--strict")
    repo.git(*STORE, "fsck", "--strict")


@pytest.mark.parametrize(
    "name",
    [
        "x.datmo-file",
        "x.datmo-exec",
        "0.datmo-part",
        "x.datmo-name",
        ".gitmodules",
        ".gitattributes",
    ],
)
def test_names_that_look_like_the_formats_own(pair: Pair, name: str) -> None:
    alex = pair.alex
    alex.write(f"data/{name}", "file")
    alex.write(f"more/{name}/x", "folder")
    datmo(alex, "add-data", "data", "more")
    alex.commit("code.py", "one")
    alex.git("push", "-q")
    pair.hub.git("fsck", "--strict")
    ignacio = pair.clone()
    datmo(ignacio, "checkout")
    for path in ("data", "more"):
        assert picture(ignacio.cwd / path) == picture(alex.cwd / path)


def test_file_checked_out_from_another_snapshot_is_a_change(repo: Shell) -> None:
    repo.write("data/a", "1")
    repo.write("data/b", "1")
    datmo(repo, "add-data", "data")
    first = datmo(repo, "snapshot").stdout.strip()
    repo.write("data/a", "2")
    repo.write("data/c", "2")
    second = datmo(repo, "snapshot").stdout.strip()
    datmo(repo, "checkout", first, "--", "data/a")
    assert "not in a snapshot" in datmo(repo, "status").stdout
    datmo(repo, "checkout", second, "--", "data/a")
    assert "not in a snapshot" not in datmo(repo, "status").stdout
    datmo(repo, "checkout", first, "--", "data/a")
    third = datmo(repo, "snapshot").stdout.strip()
    datmo(repo, "checkout", first)
    datmo(repo, "checkout", third)
    assert {path.name: path.read_text() for path in (repo.cwd / "data").iterdir()} == {
        "a": "1",
        "b": "1",
        "c": "2",
    }


def test_part_checked_out_from_another_version_is_a_change(repo: Shell) -> None:
    """Check that the next snapshot records the files of the working tree, wherever they came
    from."""
    repo.write("data/a", "first")
    repo.write("data/b", "b")
    datmo(repo, "add-data", "data")
    repo.commit("code.py", "one")
    repo.git("tag", "one")
    repo.write("data/a", "second, longer")
    datmo(repo, "add-data", "data")
    repo.commit("code.py", "two")
    datmo(repo, "checkout", "one", "--", "data/a")
    assert states(repo) == {"data": "unchanged"}
    assert "not in a snapshot" in datmo(repo, "status").stdout
    datmo(repo, "snapshot")
    newest, _, oldest = experiments(repo)
    assert newest["payloads"] == oldest["payloads"]
    datmo(repo, "checkout", str(newest["id"]))
    assert (repo.cwd / "data" / "a").read_text() == "first"
