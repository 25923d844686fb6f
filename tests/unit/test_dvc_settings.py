"""Test which remote and cache DVC's settings name."""

from __future__ import annotations

from pathlib import Path

import pytest

from git_datmo.interop.dvc_settings import read_settings

TWO = "['remote \"a\"']\nurl = http://a/\n['remote \"B\"']\n    url = http://b # far\n"


@pytest.mark.parametrize(
    ("config", "local", "name", "url"),
    [
        ("['remote \"a\"']\n    url = http://a\n", "", "a", "http://a"),
        (f"{TWO}[core]\n    remote = B\n", "", "b", "http://b"),
        (f"[core]\n    remote = a\n{TWO}", "[core]\nremote = b\n", "b", "http://b"),
        (TWO, "['remote \"a\"']\nurl = 's3://x/y'\n[core]\nremote = a\n", "a", "s3://x/y"),
        (f"{TWO}['remote \"c\"']\nurl = remote://a/d\n", "[core]\nremote=c\n", "c", "http://a/d"),
        ("['remote \"a\"']\nurl = ../../store\n", "", "a", "{top}/store"),
        ("['remote \"a\"']\nurl = ~/store\n", "", "a", "/home/alex/store"),
        ("['remote \"a\"']\nurl = /x%20y\n", "", "a", "/x%20y"),
    ],
)
def test_default_remote_of_settings_is_found(
    tmp_path: Path, config: str, local: str, name: str, url: str
) -> None:
    folder = tmp_path / "repo/.dvc"
    folder.mkdir(parents=True)
    (folder / "config").write_text(config)
    (folder / "config.local").write_text(local)
    settings = read_settings(tmp_path / "repo", {"HOME": "/home/alex"})
    assert settings.remote == name
    assert settings.options["url"] == url.format(top=tmp_path)
    assert settings.problem == ""


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ("", ""),
        (TWO, "DVC has 2 remotes and no default"),
        ("[core]\nremote = x\n", "DVC's settings do not say where the remote 'x' is"),
        ("['remote \"a\"']\nurl = remote://a/b\n", "DVC's settings do not say where the remote"),
        ("[core\n", "'.dvc/config' cannot be read"),
    ],
)
def test_settings_without_a_usable_remote_say_why(
    tmp_path: Path, config: str, problem: str
) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text(config)
    settings = read_settings(tmp_path, {})
    assert (settings.remote, bool(settings.problem)) == ("", bool(problem))
    assert settings.problem.startswith(problem)


def test_cache_folder_of_settings_is_relative_to_them(tmp_path: Path) -> None:
    (tmp_path / ".dvc").mkdir()
    assert read_settings(tmp_path, {}).cache == tmp_path / ".dvc/cache"
    (tmp_path / ".dvc/config").write_text('[cache]\n    dir = "../shared"\n')
    assert read_settings(tmp_path, {}).cache == tmp_path / "shared"
