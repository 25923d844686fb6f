"""Get one payload, or a part of it, from a remote without a clone and with few bytes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from random import Random

import pytest

from tests.support.commands import datmo, experiments, picture
from tests.support.pair import Pair
from tests.support.servers.hosts import Host
from tests.support.servers.http_host import HttpHost
from tests.support.shared_data import MIB, share
from tests.support.shell import Shell


@pytest.fixture
def outside(pair: Pair) -> Shell:
    """Return a shell in a folder outside of any repository."""
    folder = pair.top.cwd / "outside"
    folder.mkdir()
    pair.hub.git("config", "uploadpack.allowFilter", "true")
    return pair.top.at(folder)


def train(shell: Shell, accuracy: float, content: str, *options: str) -> str:
    """Run a script that makes a model; return the snapshot's id."""
    script = (
        "import json\n"
        f"open('model.pkl', 'w').write({content!r})\n"
        f"json.dump({{'accuracy': {accuracy}, 'loss': {1 - accuracy}}}, open('metrics.json', 'w'))\n"
    )
    shell.commit("train.py", script)
    datmo(shell, "run", *options, "--", "python", "train.py")
    return str(experiments(shell)[0]["id"])


def test_folder_and_file_come_from_every_kind_of_host(
    pair: Pair, host: Host, outside: Shell
) -> None:
    share(pair, {"big": Random(1).randbytes(2 * MIB), "sub/a": b"a", "sub/deep/b": b"b"})
    work = outside.having(**host.environ)
    url = host.url(pair.hub.cwd)
    said = datmo(work, "get", url, "data/sub").stdout
    assert said.startswith(str(work.cwd / "sub"))
    assert picture(work.cwd / "sub") == picture(pair.alex.cwd / "data" / "sub")
    datmo(work, "get", url, "data/sub/deep/b", "-o", "other")
    assert (work.cwd / "other").read_bytes() == b"b"
    datmo(work, "get", url, "data")
    assert picture(work.cwd / "data") == picture(pair.alex.cwd / "data")
    assert sorted(os.listdir(work.cwd)) == ["data", "other", "sub"]


def test_small_file_beside_large_ones_costs_few_bytes(
    pair: Pair, http_host: HttpHost, outside: Shell
) -> None:
    for number in range(30):
        pair.alex.commit(f"code{number}", Random(number).randbytes(20_000).hex())
    big = {f"big{n}": Random(n).randbytes(2 * MIB) for n in range(3)}
    share(pair, {**big, "sub/small": b"the one"})
    before = len(http_host.exchanges)
    datmo(outside, "get", http_host.url(pair.hub.cwd), "data/sub/small")
    assert (outside.cwd / "small").read_bytes() == b"the one"
    spent = sum(each.bytes_in + each.bytes_out for each in http_host.exchanges[before:])
    assert spent < 60_000


def test_branch_tag_commit_and_experiment_are_revisions(pair: Pair, outside: Shell) -> None:
    alex, url = pair.alex, str(pair.hub.cwd)
    share(pair, {"x": b"1"})
    first = alex.git("rev-parse", "HEAD")
    alex.git("tag", "v1")
    share(pair, {"x": b"2"}, "second")
    alex.git("push", "-q", "origin", "HEAD:refs/heads/topic/two", "v1")
    snapshot = str(experiments(alex)[0]["id"])
    revisions = {
        "v1": b"1",
        first: b"1",
        first[:12]: b"1",
        "topic/two": b"2",
        "topic/two~1": b"1",
        snapshot[:12]: b"2",
        "HEAD": b"2",
    }
    for number, (revision, content) in enumerate(revisions.items()):
        datmo(outside, "get", f"{url}@{revision}", "data/x", "-o", f"out{number}")
        assert (outside.cwd / f"out{number}").read_bytes() == content, revision


def test_remote_that_cannot_leave_objects_out_works_too(pair: Pair, outside: Shell) -> None:
    share(pair, {"x": b"1"})
    pair.alex.commit("later.py", "pass\n")
    pair.alex.git("push", "-q")
    pair.hub.git("config", "uploadpack.allowFilter", "false")
    datmo(outside, "get", f"file://{pair.hub.cwd}", "data/x")
    assert (outside.cwd / "x").read_bytes() == b"1"


def test_model_with_the_best_metric_is_chosen(pair: Pair, outside: Shell) -> None:
    alex, url = pair.alex, str(pair.hub.cwd)
    train(alex, 0.5, "middle")
    best = train(alex, 0.9, "best")
    train(alex, 0.1, "worst")
    alex.git("push", "-q")
    said = datmo(outside, "get", url, "model.pkl", "--best", "max:accuracy").stdout
    assert best[:10] in said
    assert (outside.cwd / "model.pkl").read_text() == "best"
    datmo(outside, "get", url, "model.pkl", "--best", "min:accuracy", "-o", "other")
    assert (outside.cwd / "other").read_text() == "worst"
    datmo(outside, "get", url, "model.pkl", "--best", "accuracy", "-o", "third")
    assert (outside.cwd / "third").read_text() == "best"
    work = outside.at("fresh")
    work.cwd.mkdir()
    refused = datmo(work, "get", url, "model.pkl", "--best", "max:f1", code=128)
    assert "no experiment with 'model.pkl' has a metric 'f1'" in refused.stderr


def test_missing_path_and_revision_are_named(pair: Pair, outside: Shell) -> None:
    share(pair, {"x": b"1"})
    url = str(pair.hub.cwd)
    refused = datmo(outside, "get", url, "model.pkl", code=128).stderr
    assert "no payload has 'model.pkl'" in refused
    assert "there are: data" in refused
    refused = datmo(outside, "get", url, "data/y", code=128).stderr
    assert "the payload 'data' has no 'data/y'" in refused
    assert "'git datmo get URL data' brings the whole payload" in refused
    datmo(outside, "get", url, "data")
    shutil.rmtree(outside.cwd / "data")
    assert (
        "bad revision 'nothing'" in datmo(outside, "get", f"{url}@nothing", "data", code=128).stderr
    )
    (outside.cwd / "x").write_text("mine")
    assert "exists already" in datmo(outside, "get", url, "data/x", code=128).stderr
    assert (outside.cwd / "x").read_text() == "mine"
    datmo(outside, "get", str(outside.cwd / "no"), "data", code=128)
    assert os.listdir(outside.cwd) == ["x"]


def test_repository_around_the_folder_does_not_matter(pair: Pair, tmp_path: Path) -> None:
    share(pair, {"x": b"1"})
    before = pair.alex.git("for-each-ref")
    datmo(pair.alex, "get", "../" + pair.hub.cwd.name, "data/x", "-o", "got")
    assert (pair.alex.cwd / "got").read_bytes() == b"1"
    assert pair.alex.git("for-each-ref") == before
