"""Test that add-data refuses unsuitable paths with a hint that works, and names links that lead
outside."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from tests.support.commands import datmo
from tests.support.shell import Shell


def hint_of(stderr: str) -> str:
    return next(
        line.removeprefix("hint: ") for line in stderr.splitlines() if line.startswith("hint: ")
    )


# Each is a .gitignore's folder and lines, the payload, the line to add, and whether it is a file.
TAKEN = [
    pytest.param("", "*\n!*/\n!*.json\n!.gitignore\n", "data", "/data", id="what-is-wanted"),
    pytest.param("", "!/data/\n", "data", "/data", id="the-payload-itself"),
    pytest.param("", "!*.py\n", "model.py", "/model.py", id="a-file"),
    pytest.param("sub/", "*\n!*/\n!*.json\n!.gitignore\n", "sub/data", "/data", id="below"),
    pytest.param("", "!*.d\n", "a*b.d", "/a\\*b.d", id="a-name-that-is-a-pattern"),
]


@pytest.mark.parametrize(("folder", "lines", "path", "wanted"), TAKEN)
def test_payload_that_gitignore_takes_back_in_is_refused(
    repo: Shell, folder: str, lines: str, path: str, wanted: str
) -> None:
    ignore = f"{folder}.gitignore"
    (Path(repo.cwd) / folder).mkdir(exist_ok=True)
    repo.write(ignore, lines)
    repo.git("add", "-f", ignore)
    repo.git("commit", "-qm", "ignore")
    repo.write(path if path.endswith(".py") else f"{path}/labels.json", b"{}")
    refused = datmo(repo, "add-data", path, code=128).stderr
    assert (
        f"line {len(lines.splitlines()) - (2 if '.json' in lines else 0)} of '{ignore}'" in refused
    )
    assert (
        hint_of(refused) == f"add the line '{wanted}' at the end of '{ignore}', then run this again"
    )
    repo.write(ignore, lines + wanted + "\n")
    datmo(repo, "add-data", path)
    repo.git("add", "-A")
    assert repo.git("ls-files", "--", f":(literal){path}") == ""


def test_pattern_in_the_exclude_file_behind_ours_is_refused(repo: Shell) -> None:
    repo.write("data/x", b"x")
    datmo(repo, "add-data", "data")
    exclude = Path(repo.cwd) / ".git" / "info" / "exclude"
    # In front of our part it is outranked.
    exclude.write_text("!*.bin\n" + exclude.read_text())
    repo.write("one.bin", b"x")
    datmo(repo, "add-data", "one.bin")
    exclude.write_text(exclude.read_text() + "!*.bin\n")
    repo.write("two.bin", b"x")
    refused = datmo(repo, "add-data", "two.bin", code=128).stderr
    assert (
        hint_of(refused)
        == f"add the line '/two.bin' at the end of '{exclude}', then run this again"
    )
    exclude.write_text(exclude.read_text() + "/two.bin\n")
    datmo(repo, "add-data", "two.bin")


def test_gitignore_that_wants_other_files_is_no_obstacle(repo: Shell) -> None:
    repo.write(".gitignore", b"*.json\n!labels.json\n")
    repo.write("data/labels.json", b"{}")
    datmo(repo, "add-data", "data")
    repo.git("add", "-A")
    assert repo.git("ls-files", "--", "data") == ""


@pytest.mark.parametrize("kind", ["submodule", "nested"])
def test_payload_below_another_repository_is_refused_and_added_there(
    repo: Shell, tmp_path: Path, kind: str
) -> None:
    repo.git("init", "-q", "-b", "main", str(tmp_path / "inner"))
    inner = repo.at(str(tmp_path / "inner"))
    inner.commit("code.py", "pass\n")
    if kind == "submodule":
        repo.git(
            "-c",
            "protocol.file.allow=always",
            "submodule",
            "--quiet",
            "add",
            str(tmp_path / "inner"),
            "my sub",
        )
        repo.git("commit", "-qm", "sub")
    else:
        repo.git("clone", "-q", str(tmp_path / "inner"), "my sub")
    repo.write("my sub/data/x", b"x")
    refused = datmo(repo, "add-data", "my sub/data", code=128).stderr
    assert "'my sub/data' lies in 'my sub', which is a git repository of its own" in refused
    repo.run("sh", "-c", hint_of(refused).removeprefix("add it from within that repository: "))
    sub = repo.at("my sub")
    assert "unchanged" in datmo(sub, "status").stdout
    sub.git("add", "-A")
    assert "data/x" not in sub.git("ls-files")
    sub.git("commit", "-q", "--allow-empty", "-m", "data")
    os.unlink(Path(sub.cwd) / "data" / "x")
    datmo(sub, "checkout")
    assert (Path(sub.cwd) / "data" / "x").read_bytes() == b"x"


def test_links_that_lead_out_of_the_payload_are_named(repo: Shell, tmp_path: Path) -> None:
    top = Path(repo.cwd)
    repo.write("data/file", b"x")
    outside = tmp_path / "disk"
    outside.mkdir()
    for name in "12345":
        (outside / name).write_text(f"sample {name}")
        os.symlink(outside / name, top / "data" / name)
    os.symlink("file", top / "data" / "good")
    os.symlink("../code.py", top / "data" / "up")
    os.symlink("nothing", top / "data" / "gone")
    os.symlink(top / "data" / "file", top / "data" / "absolute")
    said = datmo(repo, "add-data", "data").stderr.splitlines()
    assert len(said) == 3
    out, gone, absolute = _by_fault(said)
    assert out.startswith(
        "warning: 6 links in 'data' lead out of it and are stored as links, not as what they point at"
    )
    assert out.endswith(": 'data/1', 'data/2', 'data/3', …")
    assert gone == "warning: 1 link in 'data' points at nothing: 'data/gone'"
    assert absolute.startswith(
        "warning: 1 link in 'data' is an absolute path, which no other clone has"
    )
    os.unlink(top / "data" / "gone")
    command = out.partition("('")[2].partition("'")[0]
    repo.run(*shlex.split(command))
    assert (top / "data.copied" / "3").read_text() == "sample 3"
    assert datmo(repo, "add-data", "data.copied").stderr == ""


def _by_fault(said: list[str]) -> tuple[str, str, str]:
    by_word = {
        word: line for line in said for word in ("out of it", "nothing", "absolute") if word in line
    }
    return by_word["out of it"], by_word["nothing"], by_word["absolute"]
