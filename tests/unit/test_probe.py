"""Test the search for a command's interpreter and its packages, in real virtual environments."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from git_datmo.environments.interpreter_probe import (
    Distribution,
    Origin,
    find_interpreter,
    origin_of,
    probe,
)
from git_datmo.errors import DatmoError
from tests.support.virtual_environments import Env


@pytest.fixture
def env(tmp_path: Path) -> Env:
    return Env(tmp_path / "env")


def script(path: Path, first: str, *more: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([first, *more, ""]))
    path.chmod(0o755)
    return path


def test_interpreter_of_python_command_is_found(env: Env, tmp_path: Path) -> None:
    environ = {"PATH": f"{env.bin}:/usr/bin:/bin"}
    script(env.bin / "trainer", f"#!{env.python}", "import sys")
    script(tmp_path / "train.py", "#!/usr/bin/env python", "import sys")
    script(tmp_path / "split.py", "#!/usr/bin/env -S python -u", "import sys")
    script(
        tmp_path / "long",
        "#!/bin/sh",
        f'\'\'\'exec\' "{env.python}" "$0" "$@"',
        "' '''",
        "import sys",
    )
    for command in (
        ["python", "train.py"],
        ["trainer"],
        ["./train.py"],
        ["./split.py"],
        ["./long"],
        [str(env.python)],
        ["env", "A=1", "python", "train.py"],
    ):
        assert find_interpreter(command, environ, tmp_path) == env.python, command


def test_interpreter_of_other_program_is_the_active_one(env: Env, tmp_path: Path) -> None:
    make = script(tmp_path / "make.sh", "#!/bin/sh", "true")
    active = {"PATH": "/usr/bin:/bin", "VIRTUAL_ENV": str(env.bin.parent)}
    assert find_interpreter([str(make)], active, tmp_path) == env.python
    assert find_interpreter(["nothing-by-this-name"], active, tmp_path) == env.python
    other = script(tmp_path / "other" / "python3", "#!/bin/sh")
    assert find_interpreter([str(make)], {"PATH": str(other.parent)}, tmp_path) == str(other)
    assert find_interpreter([str(make)], {"PATH": str(tmp_path)}, tmp_path) is None


def test_relative_path_is_taken_from_the_folder_of_the_command(env: Env, tmp_path: Path) -> None:
    assert find_interpreter(["env/bin/python"], {"PATH": ""}, tmp_path) == env.python
    assert find_interpreter(["python"], {"PATH": "env/bin"}, tmp_path) == env.python


def test_interpreter_reports_its_version(env: Env) -> None:
    found = probe(env.python, {})
    assert (found.implementation, found.version) == (
        sys.implementation.name,
        sys.version.split()[0],
    )
    assert found.distributions == ()


def test_distribution_is_read_with_its_metadata(env: Env) -> None:
    env.add(
        "Some.Name",
        "1.2",
        REQUESTED="",
        RECORD="some/name.py,,\nsingle.py,,\n../../bin/x,,\n__pycache__/a.pyc,,\n",
    )
    env.add("quiet", top_level__txt="loud\n")
    assert env.ask() == {
        "Some.Name": Distribution("Some.Name", "1.2", modules=("single", "some")),
        "quiet": Distribution("quiet", "1.0", requested=False, modules=("loud",)),
    }


def test_packages_without_marks_count_as_requested(env: Env) -> None:
    env.add("one")
    env.add("two", metadata="Requires-Dist: one\n")
    assert all(found.requested for found in env.ask().values())


def test_package_of_installer_that_marks_nothing_counts_as_requested(env: Env) -> None:
    env.add("asked", REQUESTED="")
    env.add("poetic", INSTALLER="poetry 1.8\n")
    env.add("piped")
    assert {name: d.requested for name, d in env.ask().items()} == {
        "asked": True,
        "poetic": True,
        "piped": False,
    }


def test_requirements_with_markers_and_extras_are_resolved(env: Env) -> None:
    lines = [
        "needed>=1",
        "old; python_version < '3'",
        "maybe; extra == 'more'",
        "with-extra[fast] (>=1)",
        "absent",
    ]
    env.add(
        "top",
        metadata="".join(f"Requires-Dist: {line}\n" for line in lines) + "Provides-Extra: more\n",
    )
    env.add(
        "with-extra",
        metadata="Requires-Dist: Speed_Up ; extra == 'fast'\nRequires-Dist: maybe; extra == 'x'\n",
    )
    for name in ("needed", "old", "maybe", "speed.up"):
        env.add(name)
    (env.site / "packaging.pth").write_text(packaging_folder() + "\n")
    found = env.ask()
    assert found["top"].requires == ("needed", "with-extra")
    assert found["with-extra"].requires == ("speed-up",)


def packaging_folder() -> str:
    """Return a folder to import `packaging` from, which a virtual environment without pip does not have."""
    import packaging

    return str(Path(packaging.__file__).parent.parent)


def test_extras_without_marker_library_are_skipped(env: Env) -> None:
    env.add("top", metadata="Requires-Dist: needed\nRequires-Dist: maybe; extra == 'more'\n")
    env.add("needed")
    env.add("maybe")
    assert env.ask()["top"].requires == ("needed",)


def test_extras_of_git_datmo_belong_to_it(env: Env) -> None:
    env.add("git-datmo", metadata="Requires-Dist: pytest; extra == 'test'\nProvides-Extra: test\n")
    env.add("pytest")
    assert env.ask()["git-datmo"].requires == ("pytest",)


def test_leftovers_of_interrupted_install_are_skipped(env: Env) -> None:
    env.add("whole")
    (env.site / "empty-1.0.dist-info").mkdir()
    nameless = env.site / "nameless-1.0.dist-info"
    nameless.mkdir()
    (nameless / "METADATA").write_text("Metadata-Version: 2.1\n")
    env.add("whole", "0.9").rename(env.site / "~hole-0.9.dist-info")
    (env.site / "binary-1.0.dist-info").mkdir()
    (env.site / "binary-1.0.dist-info" / "METADATA").write_bytes(b"\xff\xfe\x00")
    assert {d.name: d.version for d in env.ask().values()} == {"whole": "1.0"}


def test_folder_that_hides_standard_library_is_harmless(env: Env) -> None:
    env.add("whole")
    for module in ("json", "re", "site", "os"):
        (env.site.parent / f"{module}.py").write_text("raise SystemExit(9)\n")
    found = probe(env.python, {"PATH": ""}, cwd=env.site.parent)
    assert [d.name for d in found.distributions] == ["whole"]


def test_noise_on_stdout_is_skipped(env: Env) -> None:
    (env.site / "loud.pth").write_text("import sys; sys.stdout.write('hello')\n")
    env.add("whole")
    assert list(env.ask()) == ["whole"]


def test_direct_url_gives_the_origin(env: Env) -> None:
    url = {
        "url": "https://user:secret@host/x.git",
        "vcs_info": {"vcs": "git", "commit_id": "a" * 40},
    }
    env.add("vcs", direct_url__json=json.dumps(url))
    env.add(
        "conda-made",
        direct_url__json='{"url": "file:///croot/x", "dir_info": {}}',
        INSTALLER="conda",
    )
    env.add("broken", direct_url__json="{")
    found = env.ask()
    assert found["vcs"].origin == Origin("vcs", "git+https://host/x.git@" + "a" * 40)
    assert found["conda-made"].origin is None
    assert found["broken"].origin is None


def test_develop_install_counts_as_local(env: Env, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "mine.egg-info").mkdir(parents=True)
    (project / "mine.egg-info" / "PKG-INFO").write_text(
        "Metadata-Version: 2.1\nName: mine\nVersion: 1\n"
    )
    (env.site / "easy-install.pth").write_text(f"{project}\n")
    assert env.ask()["mine"].origin == Origin("folder", folder=str(project), editable=True)


@pytest.mark.parametrize(
    ("raw", "origin"),
    [
        (None, None),
        ("x", None),
        ({}, None),
        ({"url": 1}, None),
        ({"url": "file:///x", "dir_info": {}}, Origin("folder", folder="/x")),
        (
            {"url": "file:///a%20b", "dir_info": {"editable": True}},
            Origin("folder", folder="/a b", editable=True),
        ),
        (
            {
                "url": "ssh://git@h/x",
                "vcs_info": {"vcs": "git", "commit_id": "c"},
                "subdirectory": "d",
            },
            Origin("vcs", "git+ssh://git@h/x@c#subdirectory=d"),
        ),
        ({"url": "file:///x", "vcs_info": {"vcs": "git", "commit_id": "c"}}, Origin("vcs")),
        (
            {"url": "https://h/w.whl", "archive_info": {"hash": "sha256=ab"}},
            Origin("archive", "https://h/w.whl#sha256=ab"),
        ),
        (
            {"url": "https://t@h/w.whl", "archive_info": {"hashes": {"sha256": "ab"}}},
            Origin("archive", "https://h/w.whl#sha256=ab"),
        ),
        (
            {"url": "https://h/w.whl", "archive_info": {"hash": "md5=ab"}},
            Origin("archive", "https://h/w.whl"),
        ),
        ({"url": "file:///w.whl", "archive_info": {}}, Origin("archive")),
    ],
)
def test_origin_is_parsed_from_direct_url(raw: object, origin: Origin | None) -> None:
    assert origin_of(raw) == origin


def test_program_that_is_no_python_is_reported_in_one_line(tmp_path: Path) -> None:
    liar = script(tmp_path / "python", "#!/bin/sh", "echo cannot >&2", "exit 3")
    for interpreter, why in ((str(liar), "cannot"), (str(tmp_path / "none"), "No such file")):
        with pytest.raises(DatmoError, match=why) as caught:
            probe(interpreter, {})
        assert "\n" not in caught.value.what
