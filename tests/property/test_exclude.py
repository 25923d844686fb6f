"""Test that exclude patterns match the paths of payloads, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from git_datmo.model import SHA1
from git_datmo.payloads.exclude_file import BEGIN, END, pattern, remove_excludes, write_excludes
from tests.support.shell import Shell
from tests.support.strategies import bare

odd = st.sampled_from(list("*?[]!#\\ \t\r-^ab.~$&'\"{}\u00e4\u2028")) | st.characters(
    exclude_characters="/\0\n", exclude_categories=["Cs"]
)
names = st.text(odd, min_size=1, max_size=6).filter(lambda name: name not in (".", "..", ".git"))
paths = st.lists(names, min_size=1, max_size=3).map("/".join)


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Return a repository with an empty working tree, since `check-ignore` reads only paths."""
    inside = bare(tmp_path_factory.mktemp("exclude"), SHA1, "core.bare=false")
    top = inside.at("..")
    inside.git("config", "core.worktree", str(Path(top.cwd).resolve() / "tree"))
    (Path(top.cwd) / "tree").mkdir()
    return top.at("tree").having(GIT_DIR=str(Path(inside.cwd).resolve()))


def ignored(repo: Shell, asked: list[str]) -> set[str]:
    """Return the paths that git ignores."""
    # From the top, so that a colon in front is no pathspec magic.
    stdin = "".join(f"./{path}\0" for path in asked).encode("utf-8", "surrogateescape")
    printed = repo.run(
        "git", "check-ignore", "-z", "--stdin", "--no-index", ok=False, stdin=stdin
    ).stdout
    return {path.removeprefix("./") for path in printed.split("\0")[:-1]}


def exclude_of(repo: Shell) -> Path:
    return Path(repo.env["GIT_DIR"]) / "info" / "exclude"


@given(paths, st.lists(paths, max_size=4), odd)
@example("a\\", [], "x")
@example("a  ", ["a ", "a"], "x")
@example("a\r", ["a"], "x")
@example("!a", ["a"], "x")
@example("[a]", ["a"], "x")
@example("**", ["a", "a/b"], "x")
@example("a\\ ", ["a ", "a\\"], "x")
def test_exclude_pattern_matches_only_its_path(
    repo: Shell, path: str, others: list[str], letter: str
) -> None:
    exclude_of(repo).unlink(missing_ok=True)
    write_excludes(exclude_of(repo), [path])
    near = [path + letter, letter + path, f"sub/{path}", path[:-1], path.swapcase(), *others]
    below = f"{path}/inner"
    wrong = [
        p
        for p in near
        if p and not p.startswith("/") and p != path and not p.startswith(f"{path}/")
    ]
    wrong = [p for p in wrong if all(part not in ("", ".", "..", ".git") for part in p.split("/"))]
    assert ignored(repo, [path, below, *wrong]) == {path, below}


@given(
    st.lists(paths, max_size=4),
    st.lists(paths, max_size=4),
    st.text(odd | st.just("\n"), max_size=30),
)
def test_rest_of_the_file_stays_as_it_is(
    repo: Shell, one: list[str], two: list[str], rest: str
) -> None:
    file = exclude_of(repo)
    file.write_bytes(rest.encode())
    write_excludes(file, one)
    write_excludes(file, two)
    text = file.read_bytes().decode()
    before, begin, after = text.partition(BEGIN + "\n")
    if begin:
        assert before.rstrip("\n") == rest.rstrip("\n")
        assert before == rest or before == rest + "\n"
        block, _, behind = after.partition(END + "\n")
        assert block == "".join(f"{pattern(path)}\n" for path in sorted(set(two)))
        assert behind == ""
    else:
        assert text == rest
        assert not one
        assert not two


@given(st.lists(paths, min_size=1, max_size=4))
def test_same_paths_again_change_nothing(repo: Shell, chosen: list[str]) -> None:
    file = exclude_of(repo)
    file.unlink(missing_ok=True)
    write_excludes(file, chosen)
    before = file.stat()
    write_excludes(file, reversed(chosen))
    assert file.stat().st_ino == before.st_ino


def test_lines_after_own_section_of_exclude_stay_after_it(repo: Shell) -> None:
    file = exclude_of(repo)
    file.write_text(f"before\n{BEGIN}\n/old\n{END}\nbehind\n")
    write_excludes(file, ["new"])
    assert file.read_text() == f"before\n{BEGIN}\n/new\n{END}\nbehind\n"
    write_excludes(file, [])
    assert file.read_text() == f"before\n{BEGIN}\n{END}\nbehind\n"


def test_name_of_two_lines_does_not_make_two_patterns(repo: Shell) -> None:
    """Check a name with a newline, whose second line could be a pattern for tracked files."""
    exclude_of(repo).unlink(missing_ok=True)
    write_excludes(exclude_of(repo), ["a\n*.py"])
    assert ignored(repo, ["code.py", "a", "a\n*.py"]) <= {"a\n*.py"}


@pytest.mark.parametrize("end", ["", "\n"])
def test_section_without_an_end_keeps_the_lines_after_it(tmp_path: Path, end: str) -> None:
    exclude = tmp_path / "exclude"
    exclude.write_text(f"*.o\n{BEGIN}\n/data\n/old\n*.tmp\n/mine{end}")
    write_excludes(exclude, ["new"])
    assert exclude.read_text() == f"*.o\n{BEGIN}\n/new\n{END}\n*.tmp\n/mine{end}"
    remove_excludes(exclude)
    assert exclude.read_text() == f"*.o\n*.tmp\n/mine{end}"
