"""People add texts and tags to experiments; those of several people are united."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.support.commands import datmo, experiments, refused
from tests.support.pair import Pair
from tests.support.shell import Shell

EVIL = "e\x1b]0;pwned\x07\x1b[31m\x9b31m\u202ex\nsecond line"


def annotations(shell: Shell, name: str = "HEAD") -> list[tuple[str, str]]:
    found = json.loads(datmo(shell, "show", name, "--json").stdout)["annotations"]
    return [(each["type"], each["message"]) for each in found]


def tags(shell: Shell, name: str = "HEAD") -> list[str]:
    return datmo(shell, "tag", name).stdout.split()


def added(shell: Shell, *words: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(datmo(shell, "annotate", "--json", *words).stdout)
    return document


def test_annotations_and_answers_are_shown_in_log_show_and_notes(repo: Shell) -> None:
    datmo(repo, "snapshot", "-m", "try")
    first = added(repo, "--hypothesis", "smaller is better")
    added(repo, first["id"][:10], "--comment", "than\nwhat?")
    added(repo, "HEAD", "--result", "it was", "--tag", "best")
    assert annotations(repo) == [
        ("hypothesis", "smaller is better"),
        ("comment", "than\nwhat?"),
        ("result", "it was"),
    ]
    for verb in ("log", "show"):
        lines = [line.strip() for line in datmo(repo, verb).stdout.splitlines()]
        assert "tags:       best" in lines
        hypothesis, comment, more, result = lines[-4:]
        assert hypothesis.startswith("hypothesis: smaller is better  (A U Thor, 20")
        assert comment.startswith("comment: than  (")
        assert more == "what?"
        assert result.startswith("result: it was  (")
    note = repo.git("notes", "--ref=datmo", "show", "HEAD")
    assert "annotation hypothesis: smaller is better" in note
    assert "annotation result: it was +best" in note


def test_editor_is_asked_for_a_text(repo: Shell, tmp_path: Path) -> None:
    datmo(repo, "snapshot", "-m", "try")
    editor = tmp_path / "my editor"
    editor.write_text('#!/bin/sh\necho "# a remark" >> "$1"\necho "from the editor" >> "$1"\n')
    editor.chmod(0o755)
    writing = repo.having(GIT_EDITOR=f"'{editor}'")
    datmo(writing, "annotate", "--decision")
    datmo(writing, "annotate")
    assert annotations(repo) == [("decision", "from the editor"), ("comment", "from the editor")]
    empty = datmo(repo.having(GIT_EDITOR="true"), "annotate", code=1)
    assert empty.stderr == "nothing added: the text is empty\n"
    refused(repo.having(GIT_EDITOR="false"), "annotate", says=("the editor 'false' failed",))
    assert len(annotations(repo)) == 2
    assert not list((repo.cwd / ".git" / "datmo").glob("ANNOTATION*"))


def test_tags_are_added_removed_and_listed(repo: Shell) -> None:
    datmo(repo, "snapshot", "-m", "one")
    datmo(repo, "snapshot", "-m", "two")
    two, one = (each["id"] for each in experiments(repo))
    assert datmo(repo, "tag", one, "good", "paper/2").stdout.split() == ["good", "paper/2"]
    datmo(repo, "tag", two, "good")
    assert [each["message"] for each in experiments(repo, "--tag", "good")] == ["two", "one"]
    chosen = experiments(repo, "--tag", "good", "--tag", "paper/2")
    assert [each["message"] for each in chosen] == ["one"]
    assert [each["message"] for each in experiments(repo, "--where", "tags ~ paper")] == ["one"]
    assert datmo(repo, "untag", one, "good", "absent").stdout.split() == ["paper/2"]
    assert tags(repo, one) == ["paper/2"]
    before = repo.git("rev-parse", "refs/datmo/records")
    assert tags(repo, one) == ["paper/2"]
    datmo(repo, "tag", one, "paper/2")
    datmo(repo, "untag", one, "good")
    assert repo.git("rev-parse", "refs/datmo/records") == before


def test_tags_of_scripts_and_other_trackers_are_removed(repo: Shell) -> None:
    words = ("team=blue", "first try", "a\x07b", "mine")
    lines = "".join(f"datmo.set_tag({word!r})\n" for word in words)
    repo.commit("t.py", f"import git_datmo as datmo\n{lines}")
    datmo(repo, "run", "--", "python", "t.py")
    datmo(repo, "tag", "HEAD", "team=red")
    for verb in ("log", "show"):
        shown = datmo(repo, verb).stdout
        assert "    tags:       a\ufffdb  first try  mine  team=blue  team=red\n" in shown
    done = datmo(repo, "untag", "HEAD", "team=blue", "first try", "a\ufffdb", "team=green")
    assert done.stdout.split() == ["mine", "team=red"]
    assert done.stderr.endswith("has no tag 'team=green'\n")
    for verb in ("log", "show"):
        assert "    tags:       mine  team=red\n" in datmo(repo, verb).stdout
    assert experiments(repo)[0]["tags"] == ["mine", "team=red"]
    assert tags(repo) == ["mine", "team=red"]
    assert experiments(repo, "--tag", "team=blue") == []
    refused(repo, "tag", "mine2", says=("git datmo tag HEAD mine2",))
    assert datmo(repo, "tag", "HEAD", "mine2").stdout.split() == ["mine", "mine2", "team=red"]


def test_annotations_and_tags_of_two_people_are_united(pair: Pair) -> None:
    alex = pair.alex
    datmo(alex, "snapshot", "-m", "try")
    datmo(alex, "tag", "HEAD", "both")
    alex.git("push", "-q", "origin", "main")
    ignacio = pair.clone()
    added(alex, "--comment", "from alex", "--tag", "a")
    added(ignacio, "--comment", "from ignacio", "--tag", "b")
    datmo(ignacio, "untag", "HEAD", "both")
    alex.git("push", "-q", "origin", "main")
    datmo(ignacio, "push")
    datmo(alex, "fetch")
    datmo(ignacio, "fetch")
    for shell in (alex, ignacio):
        assert sorted(annotations(shell)) == [("comment", "from alex"), ("comment", "from ignacio")]
        assert tags(shell) == ["a", "b"]


def test_hostile_annotation_is_shown_safely(repo: Shell) -> None:
    datmo(repo, "snapshot", "-m", "try")
    added(repo, "--comment", EVIL)
    added(repo, "--comment", "<b>" + "x" * 100_000)
    for words in (("log",), ("show",), ("log", "--json"), ("log", "--oneline")):
        shown = datmo(repo, *words).stdout
        for letter in "\x1b\x07\x9b\u202e":
            assert letter not in shown


def test_wrong_annotation_is_refused(repo: Shell) -> None:
    datmo(repo, "snapshot", "-m", "try")
    for tag in ("", "two words", "-x", "a\x1b", "x" * 101):
        refused(repo, "annotate", f"--tag={tag}", code=129, says=("is not a tag",))
    refused(repo, "annotate", "--result", "x", "--comment", "y", code=129, says=("not allowed",))
    refused(repo, "tag", "nonsense", "x", says=("nonsense",))
    for text in (" ", "\n"):
        done = datmo(repo, "annotate", "--comment", text, code=1)
        assert done.stderr == "nothing added: the text is empty\n"
    assert annotations(repo) == []
