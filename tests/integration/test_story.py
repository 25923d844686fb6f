"""Test the main story on real images and every transport: share with plain git, get it back,
continue, switch."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.commands import STORE, count_stored, datmo, experiments, objects, picture, states
from tests.support.servers.hosts import Host, LocalHost
from tests.support.shell import Shell, seal

EXAMPLE = Path(__file__).parents[2] / "examples" / "digits"
# A path and a file:// URL differ in little. Each host and each way is there; with DATMO_EVERY_STEP
# set, both ways of each server are.
WAYS = (("path", "hook"), ("file", "helper"), ("http", "helper"), ("ssh", "hook"))
if os.environ.get("DATMO_EVERY_STEP"):
    WAYS += (("http", "hook"), ("ssh", "helper"))

# Reads and writes the same files as examples/digits/train.py, in a tenth of its time.
QUICK = """\
import json
from pathlib import Path
paths = sorted(Path("data/digits").glob("*.pgm"))
sums = [sum(map(int, path.read_text().split()[4:])) for path in paths]
Path("model.pkl").write_bytes(repr(sums).encode())
Path("metrics.json").write_text(json.dumps({"accuracy": sums[0] / max(sums), "images": len(paths)}))
print(f"trained on {len(paths)} images")
"""


@dataclass(frozen=True)
class Images:
    """Hold the digits that everyone starts with, and 200 new ones."""

    first: Path
    more: Path


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    folder = tmp_path_factory.mktemp("images")
    writer = Shell(folder, seal(folder / "home"))
    writer.run("python", EXAMPLE / "write_images.py", "first")
    writer.run(
        "python",
        EXAMPLE / "write_images.py",
        "more",
        "--first",
        "1797",
        "--count",
        "200",
        "--shift",
        "1",
    )
    return Images(folder / "first", folder / "more")


@pytest.fixture(params=WAYS, ids="-".join)
def team(request: pytest.FixtureRequest, shell: Callable[..., Shell]) -> Team:
    """Return a host with an empty repository, and the way in which two people share through it."""
    kind, way = request.param
    hosts = {"http": "http_host", "ssh": "ssh_host"}
    host: Host = request.getfixturevalue(hosts[kind]) if kind in hosts else LocalHost(kind)
    top = shell("team", **host.environ)
    top.git("init", "-q", "--bare", "hub.git")
    # Every push stays the pack that it came as, so that the server shows what travelled, the
    # superfluous included.
    top.at("hub.git").git("config", "receive.unpackLimit", "1")
    # The example's own training, with scikit-learn, once; elsewhere one that takes no time.
    train = (EXAMPLE / "train.py").read_text() if request.param == ("path", "hook") else QUICK
    return Team(host, way, top, top.at("hub.git"), host.url(top.cwd / "hub.git"), train)


@dataclass(frozen=True)
class Team:
    host: Host
    way: str
    top: Shell
    hub: Shell
    url: str
    train: str

    def person(self, name: str) -> Shell:
        who = {"NAME": name, "EMAIL": f"{name.lower()}@example.com"}
        roles = {
            f"GIT_{role}_{key}": value
            for role in ("AUTHOR", "COMMITTER")
            for key, value in who.items()
        }
        return self.top.at(name.lower()).having(**roles)

    def clone(self, name: str) -> Shell:
        """Clone for a second person, set up as their way requires."""
        if self.way == "helper":
            self.top.git("clone", "-q", f"datmo::{self.url}", name.lower())
            return self.person(name)
        self.top.git("clone", "-q", self.url, name.lower())
        datmo(self.person(name), "init")
        return self.person(name)


def start(team: Team, images: Images) -> Shell:
    """Share Alex's first experiment."""
    team.top.git("init", "-q", "alex")
    alex = team.person("Alex")
    alex.git("remote", "add", "origin", team.url)
    datmo(alex, "init", *(["--helper"] if team.way == "helper" else []))
    alex.commit("train.py", team.train)
    shutil.copytree(images.first, alex.cwd / "data" / "digits")
    datmo(alex, "add-data", "data/digits")
    alex.git("commit", "-q", "--allow-empty", "-m", "add the digits")
    said = datmo(
        alex,
        "run",
        "-m",
        "baseline",
        "--why",
        "to have a start",
        "-p",
        "lr=0.1",
        "--",
        "python",
        "train.py",
    )
    assert "trained on" in said.stdout
    assert alex.git("status", "--porcelain") == ""
    alex.git("push", "-q", "-u", "origin", "main")
    return alex


def payloads(shell: Shell) -> dict[str, object]:
    """Return the payloads of the working tree, byte by byte."""
    return {
        path: picture(shell.cwd / path)
        for path in ("data", "model.pkl", "metrics.json", "train.py")
    }


def travelled(team: Team, before: dict[str, Any]) -> dict[str, tuple[str, int]]:
    return {oid: what for oid, what in objects(team.hub).items() if oid not in before}


def test_story_of_a_team_works_from_init_to_reproduce(team: Team, images: Images) -> None:
    alex = start(team, images)
    team.hub.git("fsck", "--strict")
    assert alex.git("rev-parse", "main") == team.hub.git("rev-parse", "main")

    # Ignacio gets the code, the experiments, and the data when they ask for it.
    ignacio = team.clone("Ignacio")
    assert set(states(ignacio).values()) == {"not fetched"}
    assert not (ignacio.cwd / "data").exists()
    baseline = experiments(ignacio)[0]
    assert baseline == experiments(alex)[0]
    assert (baseline["message"], baseline["why"]) == ("baseline", "to have a start")
    assert baseline["metrics"]["images"] == 1797
    assert baseline["parameters"] == {"lr": 0.1}
    datmo(ignacio, "checkout")
    assert payloads(ignacio) == payloads(alex)
    assert set(states(ignacio).values()) == {"unchanged"}
    first = payloads(alex)

    # 200 images more, and plain pushes and pulls.
    for image in images.more.iterdir():
        shutil.copy(image, ignacio.cwd / "data" / "digits")
    ignacio.git("commit", "-q", "--allow-empty", "-m", "200 more")
    datmo(ignacio, "run", "-m", "more images", "--", "python", "train.py")
    before, stored = objects(team.hub), count_stored(team.hub)
    seen = len(getattr(team.host, "exchanges", ()))
    ignacio.git("push", "-q")
    new = travelled(team, before)
    blobs = set(alex.git("hash-object", *sorted(map(str, images.more.iterdir()))).split())
    assert blobs <= new.keys()
    # Beside the images: one part of a split folder for each hex digit, model, metrics, log, records
    # and notes.
    assert len(new) <= len(blobs) + 60, new
    # Git completes a thin pack with objects of the server, which are counted again.
    assert count_stored(team.hub) - stored <= len(new) + 10
    if team.host.name == "http":
        sent = sum(exchange.bytes_in for exchange in team.host.exchanges[seen:])  # type: ignore[attr-defined]
        assert sent < sum(size for _, size in new.values()), (
            "what is pushed is compressed, and nothing besides"
        )
    team.hub.git("fsck", "--strict")

    mine = count_stored(alex, *STORE)
    alex.git("pull", "-q")
    assert count_stored(alex, *STORE) - mine <= len(new) + 10
    assert payloads(alex) == payloads(ignacio)
    second = payloads(alex)
    assert second != first
    told = experiments(alex)
    assert [each["message"] for each in told if each["run"]] == ["more images", "baseline"]
    assert [each["metrics"]["images"] for each in told if each["run"]] == [1997, 1797]
    assert told == experiments(ignacio)

    # Back and forth: the data follow the commit.
    for _ in range(2):
        alex.git("checkout", "-q", "HEAD~1")
        assert payloads(alex) == first
        assert set(states(alex).values()) == {"unchanged"}
        alex.git("checkout", "-q", "main")
        assert payloads(alex) == second
    assert alex.git("status", "--porcelain") == ""
    # Nothing of it is in the code's own object database.
    assert not blobs & objects(alex).keys()


VERDICTS = """\
import json, random, sys
from pathlib import Path
how = sys.argv[1]
total = sum(map(len, (path.read_bytes() for path in sorted(Path("data").iterdir()))))
if how == "missing":
    total += int(Path("settings.local").read_text())
if how == "noisy":
    total += random.random() / 1000
Path("model.pkl").write_text(repr(total))
Path("metrics.json").write_text(json.dumps({"total": total}))
"""


@pytest.mark.engine
@pytest.mark.xdist_group("engine")
def test_reruns_in_a_container_get_their_verdicts(
    make_repo: Callable[..., Shell], engine_environ: dict[str, str], images: Images
) -> None:
    hub = make_repo("hub.git", bare=True)
    alex = make_repo("alex")
    alex.git("remote", "add", "origin", str(hub.cwd))
    datmo(alex, "init")
    alex.write(".gitignore", "settings.local\n")
    alex.git("add", ".gitignore")
    alex.commit("fit.py", VERDICTS)
    alex.write("settings.local", "1")
    shutil.copytree(images.more, alex.cwd / "data")
    datmo(alex, "add-data", "data")
    made = {}
    for how in ("exact", "noisy", "missing"):
        datmo(alex, "run", "-m", how, "--", "python", "fit.py", how)
        made[how] = experiments(alex)[0]["id"]
    alex.git("push", "-q", "origin", "main")

    other = hub.at("..").having(**engine_environ)
    other.git("clone", "-q", f"datmo::{hub.cwd}", "ignacio")
    ignacio = other.at("ignacio")

    def verdict(how: str, *words: str, code: int) -> dict[str, Any]:
        said = datmo(
            ignacio, "reproduce", made[how], "--engine", "docker", "--json", *words, code=code
        )
        document: dict[str, Any] = json.loads(said.stdout)
        return document

    same = verdict("exact", code=0)
    assert same["verdict"] == "identical"
    assert same["snapshot"] == made["exact"]
    assert same["engine"]["name"] == "docker"
    assert all(difference["same"] for difference in (*same["metrics"], *same["outputs"]))
    assert verdict("noisy", code=1)["verdict"] == "different"
    within = verdict("noisy", "--tolerance", "total=0.01", code=0)
    assert within["verdict"] == "within tolerance"
    assert within["tolerances"] == {"total": 0.01}
    failed = verdict("missing", code=1)
    assert failed["verdict"] == "failed"
    assert failed["exit_code"] == 1

    # The rerun touched nothing here, and its receipt goes to everybody.
    assert ignacio.git("status", "--porcelain") == ""
    assert set(states(ignacio).values()) == {"not fetched"}
    ignacio.git("push", "-q")
    alex.git("pull", "-q", "origin", "main")
    datmo(alex, "fetch")
    receipts = {
        each["message"]: [r["verdict"] for r in each["receipts"]] for each in experiments(alex)
    }
    assert receipts["exact"] == ["identical"]
    assert receipts["noisy"] == ["different", "within tolerance"]
    assert receipts["missing"] == ["failed"]
