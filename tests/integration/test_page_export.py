"""Test exports of the page: complete, relative, masked, and pushed without touching the clone."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from git_datmo.records.record_values import Person
from git_datmo.records.snapshot_record import Run, Snapshot
from git_datmo.repository.workspace import open_workspace
from tests.support.commands import datmo, picture, refusal
from tests.support.page_repository import (
    TOKEN,
    copy_repository,
    ids,
    read_export,
)
from tests.support.shell import Shell


@pytest.fixture
def repo(page_template: Shell, tmp_path: Path) -> Shell:
    return copy_repository(page_template, tmp_path)


def test_export_has_all_documents_and_says_its_size_first(repo: Shell, tmp_path: Path) -> None:
    done = datmo(repo, "ui", "--export", "../page")
    assert re.search(r"the page of \d snapshots has .+ in \d+ files", done.stderr)
    page = tmp_path / "page"
    documents = read_export(page)
    for oid in ids(repo):
        key = oid[:16]
        assert documents[f"experiment/{key}"]["id"] == oid
        assert f"log/{key}" in documents
        for metric in documents[f"experiment/{key}"]["metrics"]:
            assert not metric["curve"] or metric["curve"] in documents
    assert {"experiments", "block/0", "data", "story", "contracts", "health"} <= documents.keys()
    # All paths are plain, whatever the repository names its files.
    for path in page.rglob("*"):
        assert re.fullmatch(r"[a-z0-9./-]+", str(path.relative_to(page)))
    assert list((page / "data" / "file").glob("*.png"))
    assert not list(page.rglob("*.svg"))
    index = (page / "index.html").read_text()
    assert 'data-mode="static"' in index
    assert "http:" not in index
    assert "https:" not in index
    assert 'src="/' not in index


def test_second_export_writes_only_what_changed(repo: Shell, tmp_path: Path) -> None:
    datmo(repo, "ui", "--export", "../page")
    before = picture(tmp_path / "page")
    done = datmo(repo, "ui", "--export", "../page")
    assert re.search(r": 0 written, \d+ unchanged, 0 removed", done.stdout)
    assert picture(tmp_path / "page") == before
    oid = ids(repo)[0]
    datmo(repo, "annotate", oid, "--comment", "a word")
    done = datmo(repo, "ui", "--export", "../page")
    changed = {
        name.decode() for name, what in picture(tmp_path / "page").items() if before[name] != what
    }
    # The counts of annotations are in the table, and so are the texts in the story.
    assert changed == {"data/experiments.js", "data/story.js", f"data/experiment/{oid[:16]}.js"}
    datmo(repo, "ui", "--export", "../page", "--only", "good")
    assert len(read_export(tmp_path / "page")["experiments"]["ids"]) == 1


def test_only_takes_tag_condition_and_range(repo: Shell, tmp_path: Path) -> None:
    use, second, first = ids(repo)
    for number, (words, expected) in enumerate(
        [
            (["good"], {first}),
            (["params.rate > 0.15"], {second}),
            (["good", "params.rate > 0.15"], set()),
            (["HEAD~1..HEAD"], {use, second, first}),
            (["HEAD~2"], set()),
        ]
    ):
        options = [part for word in words for part in ("--only", word)]
        datmo(repo, "ui", "--export", f"../page{number}", *options)
        found = set(read_export(tmp_path / f"page{number}")["experiments"]["ids"])
        assert found & {use, second, first} == expected, words


def test_commands_of_an_experiment_work(repo: Shell, tmp_path: Path) -> None:
    datmo(repo, "ui", "--export", "../page")
    first = ids(repo)[-1]
    commands = read_export(tmp_path / "page")[f"experiment/{first[:16]}"]["commands"]
    assert len(commands) == 7
    repo.git("checkout", "-q", "train.py")
    for command in (shlex.split(each["command"]) for each in commands):
        if command[:2] == ["git", "datmo"]:
            # A rerun would take seconds, and a plot needs a library, so these are only parsed.
            more = ("-h",) if command[2] in ("reproduce", "plot") else ()
            datmo(repo, *command[2:], *more)
        else:
            repo.run(*command)


def test_logs_code_and_previews_can_be_left_out(repo: Shell, tmp_path: Path) -> None:
    datmo(repo, "ui", "--export", "../page", "--no-logs", "--no-code", "--no-previews")
    names = read_export(tmp_path / "page")
    assert not [name for name in names if name.split("/")[0] in ("log", "patch", "text", "table")]
    assert not (tmp_path / "page" / "data" / "file").exists()
    experiment = names[f"experiment/{ids(repo)[0][:16]}"]
    assert experiment["log"] == ""
    assert experiment["code"]["files"] == ""


def test_secret_never_appears_in_export(repo: Shell, tmp_path: Path) -> None:
    """Attach a record that another program made, which masks nothing."""
    with open_workspace(repo.env, repo.cwd) as ws:
        head = ws.head()
        assert head is not None
        ws.ledger.attach(
            Snapshot(
                head, head, "", "2026-01-01T00:00:00.000000Z", Person(TOKEN, "a@b"),
                f"subject {TOKEN}", f"why {TOKEN}", (),
                {"api_key": "hunter2hunter2", f"name-{TOKEN}": TOKEN}, {}, None, True, None,
                Run(("python", TOKEN), exit_code=0),
            )
        )  # fmt: skip
    (repo.cwd / "data" / "b.csv").write_text(f"token\n{TOKEN}\n")
    (repo.cwd / "data" / "notes.txt").write_text(f"token={TOKEN}\n")
    datmo(repo, "add-data", "data")
    datmo(repo, "snapshot", "-m", "with notes")
    datmo(repo, "ui", "--export", "../page")
    documents = str(read_export(tmp_path / "page"))
    assert "notes.txt" in documents
    assert "[masked]" in documents
    assert TOKEN not in documents
    assert "hunter2" not in documents


def test_export_into_folder_with_other_files_is_refused(repo: Shell, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "file").write_text("mine")
    done = datmo(repo, "ui", "--export", "../mine", code=128)
    assert "'../mine' has files that are no export" in refusal(done)
    assert picture(tmp_path / "mine").keys() == {b"", b"file"}


@pytest.mark.parametrize(
    "words",
    [
        ("--only", "x"),
        ("--branch", "pages"),
        ("--export", "x", "--publish"),
        ("--export", "x", "--port", "1"),
        ("--port", "70000"),
        ("--export", "x", "--only", ""),
    ],
)
def test_options_that_do_not_go_together_are_refused(repo: Shell, words: tuple[str, ...]) -> None:
    datmo(repo, "ui", *words, code=129)


def test_publish_pushes_a_branch_and_leaves_the_clone(repo: Shell, tmp_path: Path) -> None:
    repo.git("init", "-q", "--bare", "../hub.git")
    repo.git("remote", "add", "origin", "../hub.git")
    hub = repo.at("../hub.git")
    before = (picture(repo.cwd), repo.git("for-each-ref"), (repo.cwd / ".git/index").read_bytes())
    done = datmo(repo, "ui", "--publish", "origin")
    assert "published on branch 'gh-pages' of 'origin'" in done.stdout
    names = hub.git("ls-tree", "-r", "--name-only", "gh-pages").splitlines()
    assert {"index.html", ".nojekyll", "data/experiments.js"} <= set(names)
    again = datmo(repo, "ui", "--publish")
    assert "unchanged on branch 'gh-pages'" in again.stdout
    assert hub.git("rev-list", "--count", "gh-pages").strip() == "1"
    datmo(repo, "ui", "--publish", "origin", "--only", "good")
    assert hub.git("rev-list", "--count", "gh-pages").strip() == "2"
    fewer = hub.git("ls-tree", "-r", "--name-only", "gh-pages").splitlines()
    assert set(fewer) < set(names)
    assert before == (
        picture(repo.cwd), repo.git("for-each-ref"), (repo.cwd / ".git/index").read_bytes()
    )  # fmt: skip


def test_publish_over_another_page_is_refused(repo: Shell) -> None:
    repo.git("init", "-q", "--bare", "../hub.git")
    repo.git("remote", "add", "origin", "../hub.git")
    repo.git("checkout", "-q", "--orphan", "docs")
    repo.git("rm", "-rfq", "--cached", ".")
    repo.commit("index.html", "docs")
    repo.git("push", "-q", "--no-verify", "origin", "docs:gh-pages", "docs:free")
    repo.git("checkout", "-qf", "main")
    done = datmo(repo, "ui", "--publish", "origin", code=128)
    assert "has an 'index.html' that is no export" in refusal(done)
    datmo(repo, "ui", "--publish", "origin", "--branch", "experiments")
    assert repo.at("../hub.git").git("show", "gh-pages:index.html") == "docs"
