"""Test that the trailer `Datmo-Data` is in the message of each commit with changed payloads, and in
no other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from git_datmo.locking import locked
from git_datmo.records.data_id import parse_trailers
from tests.support.commands import datmo, experiments
from tests.support.independent_records import data_id
from tests.support.shell import Shell

OLD = "0123456789" * 4


@pytest.fixture
def tracked(repo: Shell) -> Shell:
    """Return a repository whose HEAD has a payload's data, with a trailer."""
    repo.write("data/x", "0\n")
    datmo(repo, "add-data", "data")
    repo.git("commit", "-q", "--allow-empty", "-m", "zero")
    return repo


def message(repo: Shell, commit: str = "HEAD") -> str:
    return repo.git("log", "-1", "--format=%B", commit)


def trailers(repo: Shell, commit: str = "HEAD") -> tuple[str, ...]:
    return parse_trailers(message(repo, commit))


def as_git_reads(repo: Shell, commit: str = "HEAD") -> list[str]:
    return repo.git("log", "-1", "--format=%(trailers:only,unfold)", commit).splitlines()


def newest_data(repo: Shell) -> str:
    """Return the data id of the newest snapshot's payloads, by the independent implementation."""
    return data_id(experiments(repo)[0]["payloads"])


def edit_with(repo: Shell, script: str) -> Shell:
    """Return the repository with an editor that is a script of sed."""
    editor = repo.cwd.with_name("editor")
    editor.write_text(f"#!/bin/sh\nsed -i -e '{script}' \"$1\"\n")
    editor.chmod(0o755)
    return Shell(repo.cwd, {**repo.env, "GIT_EDITOR": str(editor)})


def test_commit_with_changed_payload_gets_the_id_of_its_snapshot(tracked: Shell) -> None:
    assert trailers(tracked) == (newest_data(tracked),)
    first = trailers(tracked)
    tracked.write("data/x", "1\n")
    tracked.git("commit", "-q", "--allow-empty", "-m", "one")
    assert trailers(tracked) == (newest_data(tracked),) != first
    assert message(tracked).startswith("one\n\nDatmo-Data: ")


def test_commit_without_changed_payload_gets_no_trailer(tracked: Shell) -> None:
    tracked.commit("code.py", "1\n")
    assert trailers(tracked) == ()
    assert len(experiments(tracked)) == 1


@pytest.mark.parametrize(
    "words", [["-m", "one"], ["-m", "one", "--no-verify"], ["-F", "text"], ["-m", "a", "-m", "b"]]
)
def test_message_given_by_words_gets_the_trailer(tracked: Shell, words: Sequence[str]) -> None:
    tracked.write("data/x", "1\n")
    tracked.write("text", "one\n")
    tracked.git("commit", "-q", "--allow-empty", *words)
    assert as_git_reads(tracked) == [f"Datmo-Data: {newest_data(tracked)}"]


def test_message_of_an_editor_gets_the_trailer_before_comments(tracked: Shell) -> None:
    tracked.write("data/x", "1\n")
    edit_with(tracked, "1s/^/one/").git("commit", "-q", "--allow-empty", "-v")
    assert message(tracked) == f"one\n\nDatmo-Data: {newest_data(tracked)}"


def test_trailer_joins_those_that_are_there(tracked: Shell) -> None:
    tracked.write("data/x", "1\n")
    tracked.git("commit", "-q", "--allow-empty", "-s", "-m", "one")
    name = "Signed-off-by: A U Thor <author@example.com>"
    assert as_git_reads(tracked) == [name, f"Datmo-Data: {newest_data(tracked)}"]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (("core.commentChar=;",), "#1 is fixed"),
        (("core.commentChar=auto",), "#1 is fixed"),
        (("commit.cleanup=verbatim",), "one\n\n# kept"),
        (("commit.cleanup=scissors",), "one\n\n# kept"),
        (("trailer.separators==#", "trailer.where=start"), "one"),
        (("i18n.commitEncoding=ISO-8859-1",), "one"),
    ],
)
@pytest.mark.parametrize("edited", [False, True])
def test_settings_of_git_are_respected(
    tracked: Shell, settings: Sequence[str], text: str, edited: bool
) -> None:
    tracked.write("data/x", "1\n")
    tracked.write("text", text + "\n")
    words = [word for setting in settings for word in ("-c", setting)]
    repo = edit_with(tracked, "") if edited else tracked
    repo.git(*words, "commit", "-q", "--allow-empty", "-F", "text", *(["-e"] if edited else []))
    assert trailers(tracked) == (newest_data(tracked),)
    assert message(tracked).startswith(text + "\n")
    assert message(tracked).count("Datmo-Data") == 1
    if "separators" not in settings[0]:
        assert as_git_reads(tracked) == [f"Datmo-Data: {newest_data(tracked)}"]


@pytest.mark.parametrize(
    "words",
    [[], ["-v"], ["-t", "template"], ["-s"], ["-m", "one", "-e"], ["-v", "-m", "one", "-e"]],
)
def test_commit_given_up_by_an_empty_message_stays_given_up(
    tracked: Shell, words: Sequence[str]
) -> None:
    tracked.write("template", "write more than this\n")
    tracked.write("data/x", "1\n")
    before = tracked.git("rev-parse", "HEAD")
    done = edit_with(tracked, "/^one/d").run(
        "git", "commit", "-q", "--allow-empty", *words, ok=False
    )
    assert done.returncode == 1, str(done)
    assert tracked.git("rev-parse", "HEAD") == before
    tracked.git("commit", "-q", "--allow-empty", "--allow-empty-message", "-m", "")
    assert message(tracked).strip() == ""


def test_commit_given_up_leaves_the_next_its_trailer_and_snapshot(tracked: Shell) -> None:
    tracked.write("data/x", "1\n")
    tracked.write(".git/hooks/commit-msg.datmo-next", "#!/bin/sh\nexit 1\n").chmod(0o755)
    assert (
        tracked.run("git", "commit", "-q", "--allow-empty", "-m", "one", ok=False).returncode == 1
    )
    (tracked.cwd / ".git/hooks/commit-msg.datmo-next").unlink()
    tracked.git("commit", "-q", "--allow-empty", "-m", "two")
    assert len(experiments(tracked)) == 2
    assert trailers(tracked) == (newest_data(tracked),)


@pytest.mark.parametrize("words", [["--no-edit"], ["-m", "again"], ["-m", "again", "--no-verify"]])
@pytest.mark.parametrize("changed", [False, True])
def test_amended_commit_has_the_trailer_of_its_data(
    tracked: Shell, words: Sequence[str], changed: bool
) -> None:
    if changed:
        tracked.write("data/x", "1\n")
    tracked.git("commit", "-q", "--amend", "--allow-empty", *words)
    assert trailers(tracked) == (newest_data(tracked),)
    assert len(experiments(tracked)) == 1 + changed


def test_message_of_another_commit_loses_a_trailer_that_does_not_hold(tracked: Shell) -> None:
    first = tracked.git("rev-parse", "HEAD").strip()
    tracked.write("data/x", "1\n")
    tracked.git("commit", "-q", "--allow-empty", "-C", first)
    assert trailers(tracked) == (newest_data(tracked),)
    tracked.git("commit", "-q", "--allow-empty", "-C", first)
    assert message(tracked).strip() == "zero"
    tracked.git("commit", "-q", "--allow-empty", "-m", f"see\n\nDatmo-Data: {OLD}\nAcked-by: me")
    assert message(tracked).strip() == "see\n\nAcked-by: me"


def test_setting_switches_the_trailer_off(tracked: Shell) -> None:
    tracked.git("config", "datmo.trailer", "no")
    tracked.write("data/x", "1\n")
    tracked.git("commit", "-q", "--allow-empty", "-m", "one")
    assert trailers(tracked) == ()
    assert len(experiments(tracked)) == 2


@pytest.mark.parametrize("way", ["rebase", "cherry-pick", "cherry-pick with a conflict"])
def test_picked_commit_keeps_its_trailer(tracked: Shell, way: str) -> None:
    tracked.git("checkout", "-q", "-b", "side")
    tracked.write("data/x", "1\n")
    tracked.commit("code.py", "side\n")
    wanted = trailers(tracked)
    assert wanted
    tracked.git("checkout", "-q", "main")
    tracked.commit("code.py" if "conflict" in way else "other.py", "main\n")
    if way == "rebase":
        tracked.git("checkout", "-q", "side")
        tracked.git("rebase", "-q", "main")
    elif way == "cherry-pick":
        tracked.git("cherry-pick", "side")
    else:
        assert tracked.run("git", "cherry-pick", "side", ok=False).returncode
        tracked.write("code.py", "both\n")
        tracked.git("add", "code.py")
        tracked.git("-c", "core.editor=true", "cherry-pick", "--continue")
    assert trailers(tracked) == wanted


@pytest.mark.parametrize("way", ["squash", "fixup", "reword"])
def test_interactive_rebase_keeps_the_trailer_of_the_newest_data(tracked: Shell, way: str) -> None:
    start = tracked.git("rev-parse", "HEAD").strip()
    for number in (1, 2):
        tracked.write("data/x", f"{number}\n")
        tracked.commit("code.py", f"{number}\n")
    wanted = newest_data(tracked)
    todo = f"2s/pick/{way}/"
    env = {**tracked.env, "GIT_SEQUENCE_EDITOR": f"sed -i -e {todo}", "GIT_EDITOR": "true"}
    Shell(tracked.cwd, env).git("rebase", "-q", "-i", start)
    assert trailers(tracked) == (wanted,)


def test_squash_of_a_merge_keeps_one_trailer(tracked: Shell) -> None:
    tracked.git("checkout", "-q", "-b", "side")
    for number in (1, 2):
        tracked.write("data/x", f"{number}\n")
        tracked.commit("code.py", f"{number}\n")
    wanted = newest_data(tracked)
    tracked.git("checkout", "-q", "main")
    tracked.git("merge", "-q", "--squash", "side")
    tracked.git("commit", "-q", "--no-edit")
    assert trailers(tracked) == (wanted,)


@pytest.mark.parametrize("mine", ["", "mine\n"])
def test_edited_squash_with_its_own_message_has_the_data_of_the_branch(
    tracked: Shell, mine: str
) -> None:
    tracked.git("checkout", "-q", "-b", "side")
    for number in (1, 2):
        tracked.write("data/theirs", f"{number}\n")
        tracked.commit("code.py", f"{number}\n")
    wanted = newest_data(tracked)
    tracked.git("checkout", "-q", "main")
    tracked.git("merge", "-q", "--squash", "side")
    tracked.write("code.py", "edited\n")
    if mine:
        tracked.write("data/mine", mine)
    tracked.git("commit", "-q", "-a", "-m", "squashed")
    assert trailers(tracked) == (wanted,)
    assert (tracked.cwd / "data" / "theirs").read_text() == "2\n"
    assert (tracked.cwd / "data" / "mine").exists() == bool(mine)
    assert not json.loads(datmo(tracked, "status", "--json").stdout)["differs"]


def test_commit_on_data_that_others_changed_names_what_both_make(tracked: Shell) -> None:
    """Move HEAD without hooks, and change a file that the other commits did not change."""
    tracked.git("checkout", "-q", "-b", "side")
    tracked.write("data/y", "theirs\n")
    tracked.commit("code.py", "1\n")
    tracked.git("checkout", "-q", "main")
    tracked.git("-c", "core.hooksPath=/dev/null", "merge", "-q", "--ff-only", "side")
    assert not (tracked.cwd / "data" / "y").exists()
    tracked.write("data/x", "mine\n")
    tracked.git("commit", "-q", "--allow-empty", "-m", "mine")
    assert (tracked.cwd / "data" / "y").read_text() == "theirs\n"
    assert trailers(tracked) == (newest_data(tracked),)
    assert len(experiments(tracked)) == 3


def test_merge_that_brings_one_side_s_data_gets_no_trailer(tracked: Shell) -> None:
    tracked.git("checkout", "-q", "-b", "side")
    tracked.write("data/x", "1\n")
    tracked.commit("side.py", "1\n")
    tracked.git("checkout", "-q", "main")
    tracked.commit("main.py", "1\n")
    tracked.git("merge", "-q", "--no-edit", "side")
    assert trailers(tracked) == ()


def test_linked_working_tree_writes_its_own(tracked: Shell) -> None:
    tracked.git("worktree", "add", "-q", "../linked")
    linked = tracked.at("../linked")
    datmo(linked, "checkout")
    linked.write("data/x", "linked\n")
    linked.git("commit", "-q", "--allow-empty", "-m", "linked")
    assert trailers(linked) == (newest_data(linked),)


def test_submodule_writes_its_own_trailer(tracked: Shell, make_repo: object) -> None:
    outer = tracked.at("..").at("outer")
    outer.cwd.mkdir()
    outer.git("init", "-q", ".")
    outer.git("submodule", "--quiet", "add", str(tracked.cwd), "inner")
    inner = outer.at("inner")
    datmo(inner, "init")
    inner.write("more/x", "1\n")
    datmo(inner, "add-data", "more")
    inner.git("commit", "-q", "--allow-empty", "-m", "one")
    assert len(trailers(inner)) == 1
    outer.git("commit", "-q", "-m", "outer")
    assert trailers(outer) == ()


def test_signed_commit_with_the_trailer_verifies(tracked: Shell) -> None:
    key = tracked.cwd.with_name("key")
    tracked.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key))
    key.with_name("allowed").write_text(f"author@example.com {key.with_suffix('.pub').read_text()}")
    for name, value in (
        ("gpg.format", "ssh"),
        ("user.signingKey", str(key)),
        ("gpg.ssh.allowedSignersFile", str(key.with_name("allowed"))),
    ):
        tracked.git("config", name, value)
    tracked.write("data/x", "1\n")
    tracked.git("commit", "-q", "-S", "--allow-empty", "-m", "one")
    assert len(trailers(tracked)) == 1
    tracked.git("verify-commit", "HEAD")


def test_failure_warns_and_lets_the_commit_go(tracked: Shell) -> None:
    (tracked.cwd / "data" / "x").unlink()
    (tracked.cwd / "data").rmdir()
    done = tracked.run("git", "commit", "-q", "--allow-empty", "-m", "one")
    assert "the commit gets no trailer for its data: the payload 'data' is missing" in done.stderr
    assert message(tracked).strip() == "one"


def test_commit_beside_a_command_that_holds_the_state_goes_on_without_trailer(
    tracked: Shell,
) -> None:
    tracked.write("data/x", "1\n")
    # The hook after the commit would wait for a minute.
    post_commit = tracked.cwd / ".git/hooks/post-commit"
    post_commit.unlink()
    with locked(tracked.cwd / ".git/datmo/lock"):
        done = tracked.run("git", "commit", "-q", "--allow-empty", "-m", "one")
    assert "the commit gets no trailer for its data: another git-datmo command" in done.stderr
    assert trailers(tracked) == ()


def test_commit_without_snapshot_gets_hint_to_make_it(tracked: Shell) -> None:
    tracked.write("data/x", "1\n")
    hook = tracked.cwd / ".git/hooks/post-commit"
    kept = hook.read_bytes()
    hook.write_bytes(b"#!/bin/sh\n")
    tracked.git("commit", "-q", "--allow-empty", "-m", "one")
    hook.write_bytes(kept)
    assert "its snapshot was not made; the files are here: 'git datmo snapshot' makes it" in str(
        datmo(tracked, "status")
    )
    datmo(tracked, "snapshot")
    assert trailers(tracked) == (newest_data(tracked),)
    assert "no record" not in str(datmo(tracked, "status"))


def test_earlier_hooks_run_before_and_see_their_words(tracked: Shell) -> None:
    for name in ("prepare-commit-msg", "commit-msg"):
        text = f'#!/bin/sh\necho {name} "$@" >>said\ngrep -c Datmo-Data "$1" >>said\nexit 0\n'
        tracked.write(f".git/hooks/{name}.datmo-next", text).chmod(0o755)
    tracked.write("data/x", "1\n")
    tracked.git("commit", "-q", "--allow-empty", "-m", "one")
    said = (tracked.cwd / "said").read_text().splitlines()
    file = ".git/COMMIT_EDITMSG"
    assert said == [f"prepare-commit-msg {file} message", "0", f"commit-msg {file}", "1"]


def test_hook_without_payloads_starts_no_process(repo: Shell, tmp_path: Path) -> None:
    """Check that a commit starts only a shell or two, and no interpreter."""
    marks = tmp_path / "marks"
    program = tmp_path / "first" / "git-datmo"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho \"$2\" >>'{marks}'\n")
    program.chmod(0o755)
    env = {**repo.env, "PATH": f"{program.parent}:{repo.env['PATH']}"}
    spied = Shell(repo.cwd, env)
    spied.commit("code.py", "1\n")
    assert not marks.exists()
    repo.write("data/x", "1\n")
    datmo(repo, "add-data", "data")
    spied.commit("code.py", "2\n")
    assert marks.read_text().split() == ["prepare-commit-msg", "post-commit"]


def test_commit_with_unchanged_payloads_starts_one_interpreter(
    tracked: Shell, tmp_path: Path
) -> None:
    real = shutil.which("git-datmo", path=tracked.env["PATH"])
    marks = tmp_path / "marks"
    program = tmp_path / "first" / "git-datmo"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho \"$2\" >>'{marks}'\nexec '{real}' \"$@\"\n")
    program.chmod(0o755)
    spied = Shell(tracked.cwd, {**tracked.env, "PATH": f"{program.parent}:{tracked.env['PATH']}"})
    spied.commit("code.py", "1\n")
    tracked.write("code.py", "2\n")
    edit_with(spied, "1s/^/two/").git("commit", "-q", "-a")
    assert marks.read_text().split() == ["prepare-commit-msg", "commit-msg"]
    tracked.write("data/x", "1\n")
    spied.commit("code.py", "3\n")
    assert marks.read_text().split()[2:] == ["prepare-commit-msg", "post-commit"]
