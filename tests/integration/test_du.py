"""Test the sizes of payloads and snapshots, in the clone and on a remote."""

from __future__ import annotations

import sys

from tests.support.commands import datmo, experiments
from tests.support.disk_space import (
    MIB,
    noise,
    told,
    versions,
)
from tests.support.pair import Pair
from tests.support.shell import Shell


def test_du_lists_exclusive_and_shared_space(pair: Pair) -> None:
    alex = pair.alex
    alex.write("copy", noise(1))
    alex.write("same", noise(6))
    datmo(alex, "add-data", "copy", "same")
    one, two, three = versions(alex, 3)
    use = told(alex, "du")
    payloads = {each["path"]: each for each in use["payloads"]}
    assert set(payloads) == {":code", ":environment", "copy", "data", "same"}
    assert {path: each["versions"] for path, each in payloads.items()} | {":environment": 1} == {
        ":code": 3, ":environment": 1, "copy": 1, "data": 3, "same": 1,
    }  # fmt: skip
    assert 4 * MIB < payloads["data"]["own"] < 4 * MIB + 10_000
    assert payloads["copy"]["own"] < 1000
    assert 2 * MIB <= payloads["same"]["own"] < 2 * MIB + 10_000
    assert 2 * MIB <= use["payloads_shared"] < 2 * MIB + 10_000
    assert use["total"] == sum(each["own"] for each in use["payloads"]) + use["payloads_shared"]
    assert use["total"] <= use["disk"] < use["total"] + 200_000
    snapshots = {each["id"]: each for each in use["snapshots"]}
    assert list(snapshots) == [three, two, one]
    assert 6 * MIB <= snapshots[two]["size"] < 6 * MIB + 10_000
    # The first has its data from 'copy' too, the last is that of the working tree.
    assert [snapshots[oid]["own"] > 2 * MIB for oid in (one, two, three)] == [False, True, False]
    datmo(alex, "drop", two)
    freed = told(alex, "gc")["bytes"]
    assert snapshots[two]["own"] <= freed < snapshots[two]["own"] + 2000
    assert "shared between them" in datmo(alex, "du").stdout


def test_du_counts_curves_and_artifacts(repo: Shell) -> None:
    script = """\
import git_datmo as datmo, random
for step in range(20_000):
    datmo.log_metric("loss", random.random(), step)
datmo.log_text("note", "".join(map(str, (random.random() for _ in range(5000)))))
"""
    repo.commit("train.py", script)
    datmo(repo, "run", "--", sys.executable, "train.py")
    before = told(repo, "du")
    payloads = {each["path"]: each for each in before["payloads"]}
    assert payloads[":series"]["versions"] == payloads[":artifacts"]["versions"] == 1
    assert payloads[":series"]["own"] > 100_000
    assert payloads[":artifacts"]["own"] > 10_000
    (snapshot,) = before["snapshots"]
    assert snapshot["own"] > payloads[":series"]["own"] + payloads[":artifacts"]["own"]
    printed = datmo(repo, "du").stdout
    assert "  (curves), 1 version\n" in printed
    assert "  (artifacts), 1 version\n" in printed
    datmo(repo, "drop", snapshot["id"])
    assert told(repo, "gc")["bytes"] >= snapshot["own"]
    assert ":series" not in {each["path"] for each in told(repo, "du")["payloads"]}


def test_du_of_remote_lists_versions_and_local_part(pair: Pair) -> None:
    one, two = versions(pair.alex)
    pair.alex.git("push", "-q")
    other = pair.clone()
    use = told(other, "du", "--remote")
    (data,) = [each for each in use["payloads"] if each["path"] == "data"]
    assert data == {"path": "data", "versions": 2, "size": 4 * MIB, "here": 0}
    assert (use["remote"], use["snapshots"], use["here"]) == ("origin", 2, 0)
    assert 4 * MIB < use["size"] < 4 * MIB + 10_000
    datmo(other, "checkout", one)
    use = told(other, "du", "--remote", "origin")
    assert next(each["here"] for each in use["payloads"] if each["path"] == "data") == 2 * MIB
    assert 2 * MIB <= use["here"] < use["size"]
    datmo(pair.alex, "drop", two, "--remote")
    assert told(other, "du", "--remote")["snapshots"] == 1
    assert "in 1 snapshot on 'origin'" in datmo(other, "du", "--remote").stdout


def test_data_that_snapshots_share_is_freed_when_all_of_them_are_dropped(pair: Pair) -> None:
    alex = pair.alex
    (one,) = versions(alex, 1)
    alex.git("commit", "-q", "--allow-empty", "-m", "again")
    datmo(alex, "snapshot", "-m", "the same data")
    two = experiments(alex)[0]["id"]
    (three,) = versions(alex, 1, first=2)
    use = told(alex, "du")
    owns = {each["id"]: each["own"] for each in use["snapshots"]}
    assert owns[one] < 10_000
    assert owns[two] < 10_000
    (together,) = (each for each in use["together"] if each["own"] > MIB)
    assert set(together["records"]) == {one, two}
    assert 2 * MIB <= together["own"] < 2 * MIB + 10_000
    assert use["snapshots_shared"] >= together["own"]
    (line,) = (
        line
        for line in datmo(alex, "du").stdout.splitlines()
        if "2.00 MiB  freed only when" in line
    )
    assert line.endswith(
        f"when all of these are dropped: {', '.join(each[:10] for each in together['records'])}"
    )
    datmo(alex, "drop", one, two)
    assert together["own"] <= told(alex, "gc")["bytes"] < together["own"] + 20_000
    assert three in {each["id"] for each in told(alex, "du")["snapshots"]}
