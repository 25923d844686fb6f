"""Test that settings are read as git reads them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from git_datmo.errors import DatmoError
from git_datmo.git.command import Git
from git_datmo.git.config import Config, Setting, read_config
from git_datmo.model import SHA1
from tests.support.shell import Shell
from tests.support.strategies import bare


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return bare(tmp_path_factory.mktemp("config"), SHA1)


def of(value: str) -> Config:
    return Config((Setting("local", "datmo.x", value),))


def git_says(repo: Shell, kind: str, value: str) -> str | None:
    """Return a value as git reads it, or None where git refuses it."""
    done = repo.run(
        "git", "-c", f"datmo.x={value}", "config", f"--type={kind}", "datmo.x", ok=False
    )
    return done.stdout.strip() if done.returncode == 0 else None


fewer = settings(max_examples=max(1, settings().max_examples // 2))
numbers = st.builds(
    lambda n, unit: f"{n}{unit}", st.integers(-(1 << 40), 1 << 40), st.sampled_from(["", *"kKmMgG"])
)


@fewer
@given(
    numbers
    | st.sampled_from(
        ["0", "007", "0x1F", "1_000", " 1", "1 ", "k", "-", "1.5", "1t", "\u0663", "1kk", "+1"]
    )
)
def test_number_is_read_as_git_reads_it(repo: Shell, text: str) -> None:
    expected = git_says(repo, "int", text)
    if expected is None:
        with pytest.raises(DatmoError, match=r"datmo\.x"):
            of(text).number("datmo.x", 7)
    else:
        assert of(text).number("datmo.x", 7) == int(expected)


@pytest.mark.parametrize(
    "text",
    [
        "true",
        "TRUE",
        "True",
        "yes",
        "YES",
        "on",
        "On",
        "1",
        "false",
        "no",
        "off",
        "0",
        "",
        "2",
        "-1",
        "1k",
        "nO",
    ],
)
def test_flag_is_read_as_git_reads_it(repo: Shell, text: str) -> None:
    assert of(text).flag("datmo.x", default=text == "") == (git_says(repo, "bool", text) == "true")


def test_last_setting_wins_and_what_is_not_set_is_the_default() -> None:
    config = Config(
        (
            Setting("global", "a.b", "1"),
            Setting("local", "a.b", "2"),
            Setting("worktree", "a.c", "x"),
        )
    )
    assert (config.get("a.b"), config.all("a.b"), config.number("a.b", 0)) == ("2", ["1", "2"], 2)
    assert (config.get("a.d"), config.get("a.d", "z"), config.number("a.d", 5)) == ("", "z", 5)
    assert (config.flag("a.d"), config.flag("a.d", default=True)) == (False, True)
    assert [setting.key for setting in config.local()] == ["a.b", "a.c"]


sections = st.text(st.characters(exclude_characters="\0\n", exclude_categories=["Cs"]), max_size=10)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@fewer
@given(st.lists(st.tuples(sections, texts), max_size=4))
def test_settings_are_read_as_git_reads_them(
    tmp_path_factory: pytest.TempPathFactory, wanted: list[tuple[str, str]]
) -> None:
    """Try names with dots, blanks and equals signs, values of several lines, and arbitrary
    bytes."""
    shell = bare(tmp_path_factory.mktemp("read"), SHA1)
    for section, value in wanted:
        shell.git("config", "--add", f"datmo.{section}.Key", value)
    config = read_config(Git(shell.env, Path(shell.cwd)))
    for section, _ in wanted:
        values = [value for name, value in wanted if name == section]
        assert config.all(f"datmo.{section}.key") == values
    mine = [setting for setting in config.local() if setting.key.startswith("datmo.")]
    assert len(mine) == len(wanted)


def test_key_without_a_value_is_true_and_bytes_come_through(repo: Shell) -> None:
    folder = Path(repo.cwd)
    (folder / "config").write_bytes(
        (folder / "config").read_bytes() + b"[datmo]\n\tflag\n\tempty =\n\traw = \xff\n"
    )
    config = read_config(Git(repo.env, folder))
    assert config.flag("datmo.flag")
    assert not config.flag("datmo.empty")
    assert config.get("datmo.raw").encode("utf-8", "surrogateescape") == b"\xff"
