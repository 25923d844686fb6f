"""Test that a run's environment is found without options, and is equal on equal machines."""

from __future__ import annotations

import json
import venv
from collections.abc import Callable
from pathlib import Path

from tests.support.commands import datmo, experiments
from tests.support.shell import Shell

WHEEL = "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
SMI = """\
#!/bin/sh
case $1 in
--query-gpu*) echo "NVIDIA A100, 40536, 535.54.03"; echo "NVIDIA A100, 40536, 535.54.03" ;;
*) echo "| NVIDIA-SMI 535.54.03   Driver Version: 535.54.03   CUDA Version: 12.2 |" ;;
esac
"""


def machine(shell: Callable[..., Shell], place: str, *, backwards: bool) -> Shell:
    """Return a shell in a repository whose environment has a package of an index, a file, and a
    folder."""
    home = shell(place)
    python = home.cwd / "envs" / "deep er" / "env"
    venv.create(python, symlinks=True, with_pip=False)
    (site,) = python.glob("lib/python*/site-packages")
    editable = home.cwd / "own" / "tool"
    editable.mkdir(parents=True)
    (editable / "tool.py").write_text("VALUE = 3\n")
    urls = {
        "solid": None,
        "filed": {"url": f"file://{home.cwd}/filed-1.0.whl", "archive_info": {}},
        "tool": {"url": f"file://{editable}", "dir_info": {"editable": True}},
    }
    for name in sorted(urls, reverse=backwards):
        folder = site / f"{name}-1.0.dist-info"
        folder.mkdir()
        (site / f"{name}.py").write_text(f"NAME = '{name}'\n")
        texts = {
            "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
            "INSTALLER": "pip\n",
            "WHEEL": WHEEL,
        }
        if urls[name]:
            texts["direct_url.json"] = json.dumps(urls[name])
        texts["RECORD"] = "".join(
            f"{path},,\n" for path in (f"{name}.py", *(f"{folder.name}/{n}" for n in texts))
        )
        for file, text in texts.items():
            (folder / file).write_text(text)
    return Shell(home.cwd / "work", {**home.env, "PATH": f"{python}/bin:{home.env['PATH']}"})


def start(shell: Shell) -> None:
    shell.cwd.mkdir()
    shell.git("init", "-q", ".")
    shell.commit("train.py", "import solid, os\nprint(solid.NAME)\n")
    shell.commit("requirements.txt", "solid==2.0\nfiled>=1\n")
    shell.commit("apt.txt", "coreutils # for the tests\n")
    datmo(shell, "init")


def test_environment_is_found_whole_and_is_the_same_elsewhere(
    shell: Callable[..., Shell],
) -> None:
    one, other = (
        machine(shell, "one", backwards=False),
        machine(shell, "another place", backwards=True),
    )
    for each in (one, other):
        start(each)
    smi = one.cwd.parent / "bin" / "nvidia-smi"
    smi.parent.mkdir()
    smi.write_text(SMI)
    smi.chmod(0o755)
    one = Shell(one.cwd, {**one.env, "PATH": f"{smi.parent}:{one.env['PATH']}", "SEED": "7"})
    other = Shell(other.cwd, {**other.env, "SEED": "7", "HOSTNAME": "elsewhere", "API_TOKEN": "x"})

    said = datmo(one, "run", "--", "python", "train.py").stderr
    assert "'solid' is 1.0 here, but 'requirements.txt' asks for 2.0: recorded as installed" in said
    assert said.count("warning: ") == 1
    datmo(other, "run", "--", "python", "train.py")
    (first,), (second,) = experiments(one), experiments(other)
    assert first["environment"] == second["environment"]

    store = Path(".git/datmo/store.git")
    tree = f"--git-dir={store}"
    names = one.git(tree, "ls-tree", "--name-only", first["environment"]["object"]).split()
    assert names == [
        "Dockerfile",
        "environment.json",
        "filed-1.0-py3-none-any.whl",
        "requirements.txt",
        "tool.tar",
    ]
    document = json.loads(
        one.git(tree, "cat-file", "blob", f"{first['environment']['object']}:environment.json")
    )
    assert document["version"] == 2
    assert document["variables"] == {"SEED": "7", "TZ": "UTC"}
    assert document["system"] == ["coreutils"]
    assert document["packages"] == [
        {"name": "solid", "version": "1.0", "source": "index", "hashes": []}
    ]
    assert [local["file"] for local in document["local"]] == [
        "filed-1.0-py3-none-any.whl",
        "tool.tar",
    ]

    facts = first["run"]["machine"]
    assert {
        name: facts[name] for name in ("gpus", "gpu", "gpu_memory", "nvidia_driver", "cuda")
    } == {
        "gpus": 2,
        "gpu": "NVIDIA A100",
        "gpu_memory": 40536 << 20,
        "nvidia_driver": "535.54.03",
        "cuda": "12.2",
    }
    assert facts["system_packages"].startswith("coreutils=")
    assert "gpus" not in second["run"]["machine"]
