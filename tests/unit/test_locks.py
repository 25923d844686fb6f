"""Test the reading of lock and project files, and differences from installed packages."""

from __future__ import annotations

import json

import pytest

from git_datmo.environments.lock_contradictions import Contradiction, contradictions
from git_datmo.environments.lock_files import is_lock, most_exact, read_lock
from git_datmo.environments.locked_versions import Lock, Pin

A, B = "a" * 64, "b" * 64
MIRROR = "https://packages.example.com/simple"

UV = f"""
version = 1
[[package]]
name = "Scikit_Learn"
version = "1.4.2"
source = {{ registry = "https://pypi.org/simple" }}
sdist = {{ url = "https://x/s.tar.gz", hash = "sha256:{A}", size = 1 }}
wheels = [{{ url = "https://x/s.whl", hash = "sha256:{B}" }}]
[[package]]
name = "torch"
version = "2.1.0+cu121"
source = {{ registry = "https://user:word@packages.example.com/simple" }}
[[package]]
name = "mine"
version = "0.1"
source = {{ editable = "." }}
[[package]]
name = "numpy"
version = "1.26.4"
source = {{ registry = "https://pypi.org/simple" }}
[[package]]
name = "numpy"
version = "2.1.0"
source = {{ registry = "https://pypi.org/simple" }}
"""
PYLOCK = f"""
lock-version = "1.0"
[[packages]]
name = "six"
version = "1.17.0"
index = "{MIRROR}"
wheels = [{{ hashes = {{ sha256 = "{A}", sha512 = "x" }} }}]
[[packages]]
name = "near"
version = "1.0"
directory = {{ path = "." }}
"""
POETRY = f"""
[[package]]
name = "six"
version = "1.17.0"
files = [{{file = "six.whl", hash = "sha256:{A}"}}]
[[package]]
name = "near"
version = "1.0"
files = []
[package.source]
type = "git"
url = "https://host/near"
"""
OLD_POETRY = f"""
[[package]]
name = "six"
version = "1.17.0"
[metadata.files]
six = [{{file = "six.whl", hash = "sha256:{A}"}}]
"""
PIPFILE = json.dumps(
    {
        "_meta": {"sources": [{"name": "ours", "url": MIRROR}]},
        "default": {
            "six": {"version": "==1.17.0", "hashes": [f"sha256:{A}", "md5:x"], "index": "ours"}
        },
        "develop": {"near": {"path": "."}},
    }
)
CONDA_LOCK = f"""
package:
- {{name: python, version: 3.11.7, manager: conda, hash: {{md5: x}}}}
- {{name: six, version: 1.17.0, manager: pip, hash: {{sha256: {A}}}}}
"""
REQUIREMENTS = f"""\
--extra-index-url {MIRROR}  # ours
six==1.17.0 \\
    --hash=sha256:{A} \\
    --hash=sha256:{B}
numpy>=2  # any
pywin32==1; sys_platform == 'win32'
near @ file:///near
-r other.txt
"""
ENVIRONMENT = "dependencies: [python=3.11, {pip: [six==1.17.0, 'numpy>=2']}]\n"
PYPROJECT = '[project]\nname = "x"\ndependencies = ["six==1.17.*", "numpy"]\n'


def lock(name: str, text: str) -> Lock:
    found = read_lock(name, text.encode())
    assert found is not None
    return found


def test_lock_of_uv_gives_pins() -> None:
    found = lock("uv.lock", UV)
    assert found.pins == {
        "scikit-learn": (Pin("1.4.2", frozenset({A, B})),),
        "torch": (Pin("2.1.0+cu121", index=MIRROR),),
        "numpy": (Pin("1.26.4"), Pin("2.1.0")),
    }


@pytest.mark.parametrize(
    ("name", "text", "index"),
    [
        ("pylock.toml", PYLOCK, MIRROR),
        ("poetry.lock", POETRY, ""),
        ("pdm.lock", POETRY, ""),
        ("poetry.lock", OLD_POETRY, ""),
        ("Pipfile.lock", PIPFILE, MIRROR),
        ("conda-lock.yml", CONDA_LOCK, ""),
    ],
)
def test_lock_of_another_tool_gives_pins(name: str, text: str, index: str) -> None:
    conda = {"python": ("==3.11.7",)} if name == "conda-lock.yml" else {}
    assert lock(name, text) == Lock(
        name, {"six": (Pin("1.17.0", frozenset({A}), index),)}, {}, conda=conda
    )


def test_requirements_files_give_pins_and_ranges() -> None:
    found = lock("requirements.txt", REQUIREMENTS)
    assert found.pins == {"six": (Pin("1.17.0", frozenset({A, B})),)}
    assert (found.ranges, found.indexes) == ({"numpy": ">=2"}, (MIRROR,))
    assert lock("environment.yml", ENVIRONMENT).ranges == {"numpy": ">=2"}
    assert lock("environment.yml", ENVIRONMENT).pins == {"six": (Pin("1.17.0"),)}
    assert lock("pyproject.toml", PYPROJECT).ranges == {"six": "==1.17.*", "numpy": ""}


def test_locks_are_ordered_by_exactness() -> None:
    files = {
        "uv.lock": UV.encode(),
        "requirements.txt": REQUIREMENTS.encode(),
        "requirements-locked.txt": f"six==1.17.0 --hash=sha256:{A}".encode(),
        "pyproject.toml": PYPROJECT.encode(),
        "environment.yml": ENVIRONMENT.encode(),
        "poetry.lock": POETRY.encode(),
    }
    order = []
    while (found := most_exact(files)) is not None:
        order.append(found.path)
        del files[found.path]
    assert order == [
        "poetry.lock",
        "requirements-locked.txt",
        "uv.lock",
        "requirements.txt",
        "environment.yml",
        "pyproject.toml",
    ]


def test_lock_that_contradicts_installed_packages_is_reported() -> None:
    installed = {"scikit-learn": "1.5.0", "torch": "2.1.0+cu121", "numpy": "2.0.0", "six": "1.17.0"}
    assert contradictions(lock("uv.lock", UV), installed) == (
        Contradiction("numpy", "2.0.0", "1.26.4 or 2.1.0"),
        Contradiction("scikit-learn", "1.5.0", "1.4.2"),
    )
    assert contradictions(lock("requirements.txt", REQUIREMENTS), {"numpy": "1.26"}) == (
        Contradiction("six", "", "1.17.0"),
        Contradiction("numpy", "1.26", ">=2"),
    )
    assert contradictions(lock("pyproject.toml", PYPROJECT), {"six": "1.17.2", "numpy": "3"}) == ()
    assert contradictions(lock("pyproject.toml", PYPROJECT), {"six": "1.17.2"}) == (
        Contradiction("numpy", "", "any version"),
    )


def test_build_of_the_pinned_version_is_that_version() -> None:
    asked = lock("requirements.txt", "torch==2.1.0\n")
    assert contradictions(asked, {"torch": "2.1.0+cpu"}) == ()
    assert contradictions(lock("requirements.txt", "six==1.17\n"), {"six": "1.17.0"}) == ()


@pytest.mark.parametrize(
    "name", ["uv.lock", "Pipfile.lock", "conda-lock.yml", "requirements.txt", "pyproject.toml"]
)
@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"{", b"[1, 2]", b"[[package]]\nname = 3\n", b"package: 3\n"]
)
def test_unreadable_lock_is_ignored(name: str, content: bytes) -> None:
    assert read_lock(name, content) is None


def test_lock_files_are_recognised_by_name() -> None:
    names = [
        "uv.lock",
        "requirements.txt",
        "requirements-dev.txt",
        "requirements.lock",
        "environment.yml",
    ]
    assert all(map(is_lock, names))
    assert not any(
        map(is_lock, ["my-requirements.txt", "requirements.py", "uv.toml", "package-lock.json"])
    )


UV_PROJECT = """
version = 1
requires-python = ">=3.12"
[[package]]
name = "project"
source = { virtual = "." }
dependencies = [{ name = "needed" }, { name = "elsewhere", marker = "sys_platform == 'win32'" }]
[[package]]
name = "needed"
version = "1"
source = { registry = "https://pypi.org/simple" }
dependencies = [{ name = "deeper" }]
[[package]]
name = "deeper"
version = "2"
source = { registry = "https://pypi.org/simple" }
[[package]]
name = "elsewhere"
version = "3"
source = { registry = "https://pypi.org/simple" }
"""


def test_lock_that_needs_what_is_missing_or_another_python_is_contradicted() -> None:
    asked = lock("uv.lock", UV_PROJECT)
    assert contradictions(asked, {"needed": "1"}, python="3.11.2") == (
        Contradiction("python", "3.11.2", ">=3.12"),
        Contradiction("deeper", "", "2"),
    )
    assert contradictions(asked, {"needed": "1", "deeper": "2"}, python="3.12.1") == ()


@pytest.mark.parametrize(
    ("wanted", "fits", "fails"),
    [
        ("^1.20", "1.99", "2.0"),
        ("^0.2.3", "0.2.9", "0.3.0"),
        ("^0", "0.9", "1.0"),
        ("~1.2.3", "1.2.9", "1.3.0"),
        ("~1", "1.9", "2.0"),
        ("1.2", "1.2.0", "1.2.1"),
        (">=1.2,<2", "1.5", "2.0"),
    ],
)
def test_ranges_of_poetry_are_checked(wanted: str, fits: str, fails: str) -> None:
    asked = lock(
        "pyproject.toml", f'[tool.poetry.dependencies]\npython = "^3.9"\nnumpy = "{wanted}"\n'
    )
    assert contradictions(asked, {"numpy": fits}, python="3.11.0") == ()
    assert [each.name for each in contradictions(asked, {"numpy": fails}, python="3.8.1")] == [
        "python",
        "numpy",
    ]


def test_environment_of_conda_is_held_against_pip_where_conda_is_not() -> None:
    asked = lock("environment.yml", "name: x\ndependencies: [python=3.10, numpy=1.26, mkl=2024]\n")
    assert contradictions(asked, {"numpy": "1.26.4"}, python="3.10.9") == ()
    assert [each.name for each in contradictions(asked, {"numpy": "2.0"}, python="3.11.1")] == [
        "python",
        "numpy",
    ]
