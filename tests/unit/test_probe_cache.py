"""Test that an interpreter is asked again after each change that could change its answer."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from git_datmo.environments import interpreter_probe, probe_cache
from git_datmo.environments.interpreter_probe import Answered, begin_cached_probe
from git_datmo.environments.probe_cache import KEPT, ProbeCache
from tests.support.virtual_environments import Env

LATER = 10.0


@pytest.fixture
def env(tmp_path: Path) -> Env:
    made = Env(tmp_path / "env")
    made.add("calm")
    (made.site / "more.pth").write_text(f"{tmp_path / 'more'}\n")
    return made


@pytest.fixture
def cache(tmp_path: Path) -> ProbeCache:
    return ProbeCache(tmp_path / "probes")


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the interpreters be asked some time after their packages were installed."""
    real = time.time
    monkeypatch.setattr(interpreter_probe.time, "time", lambda: real() + LATER)


def ask(env: Env, cache: ProbeCache, **environ: str) -> tuple[bool, dict[str, str]]:
    """Return whether the answer was cached, and the versions of the packages."""
    with begin_cached_probe(env.python, {"PATH": os.defpath, **environ}, env.site, cache) as asked:
        found = {known.name: known.version for known in asked.answer().distributions}
        return isinstance(asked, Answered), found


@pytest.mark.usefixtures("settled")
def test_second_answer_is_the_first(env: Env, cache: ProbeCache) -> None:
    first = ask(env, cache)
    assert first == (False, {"calm": "1.0"})
    assert ask(env, cache) == (True, first[1])


def test_answer_right_after_a_change_is_not_kept(env: Env, cache: ProbeCache) -> None:
    assert ask(env, cache)[0] is False
    assert ask(env, cache)[0] is False


def install(env: Env) -> None:
    env.add("storm")


def edit_metadata(env: Env) -> None:
    (env.site / "calm-1.0.dist-info" / "METADATA").write_text("Name: calm\nVersion: 1.1\n")


def add_url(env: Env) -> None:
    (env.site / "calm-1.0.dist-info" / "direct_url.json").write_text('{"url": "file:///x"}')


def edit_path_file(env: Env) -> None:
    (env.site / "more.pth").write_text("/nothing\n")


def make_named_folder(env: Env) -> None:
    Path((env.site / "more.pth").read_text().strip()).mkdir()


def change_configuration(env: Env) -> None:
    path = env.bin.parent / "pyvenv.cfg"
    path.write_text(path.read_text() + "\n")


def add_conda_package(env: Env) -> None:
    (env.bin.parent / "conda-meta").mkdir()


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize(
    "change",
    [
        install,
        edit_metadata,
        add_url,
        edit_path_file,
        make_named_folder,
        change_configuration,
        add_conda_package,
    ],
    ids=lambda change: change.__name__,
)
def test_interpreter_is_asked_again_after_a_change(
    env: Env, cache: ProbeCache, change: Callable[[Env], None]
) -> None:
    ask(env, cache)
    assert ask(env, cache)[0] is True
    change(env)
    assert ask(env, cache)[0] is False


@pytest.mark.usefixtures("settled")
def test_other_variables_are_another_question(env: Env, cache: ProbeCache, tmp_path: Path) -> None:
    ask(env, cache)
    assert ask(env, cache, PYTHONPATH=str(tmp_path))[0] is False
    assert ask(env, cache, LANG="C")[0] is True


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("content", [b"", b"[]", b'{"sources": [], "answer": "no"}', b"\xff"])
def test_damaged_cache_is_made_again(env: Env, cache: ProbeCache, content: bytes) -> None:
    ask(env, cache)
    (path,) = cache.folder.iterdir()
    path.write_bytes(content)
    assert ask(env, cache) == (False, {"calm": "1.0"})
    assert ask(env, cache)[0] is True


def test_few_answers_are_kept(env: Env, cache: ProbeCache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe_cache, "SETTLED", -int(LATER * 1e9))
    said = b'x: {"sources": []}'
    for number in range(KEPT + 3):
        cache.keep(env.python, {"PYTHONPATH": str(number)}, env.site, said, time.time())
    assert len(list(cache.folder.iterdir())) == KEPT
