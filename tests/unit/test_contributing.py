"""Test that a contributor's files are true: commands, paths, checks, and waiting for the package
manager."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from git_datmo import __version__

TOP = Path(__file__).parents[2]
GUIDE = (TOP / "CONTRIBUTING.md").read_text("utf-8")
APT_GET = """\
#!/bin/sh
# Fails twice as apt-get does while another process holds its lock.
echo "$*" >>calls
[ "$(wc -l <calls)" -gt 2 ] || { echo "E: Could not get lock /var/lib/apt/lists/lock. Held by 7."; exit 100; }
"""


def test_pre_commit_runs_the_checks_of_ci() -> None:
    config = yaml.safe_load((TOP / ".pre-commit-config.yaml").read_text("utf-8"))
    hooks = [hook["entry"] for repo in config["repos"] for hook in repo["hooks"]]
    script = (TOP / "tests" / "run.sh").read_text("utf-8")
    checks = re.search(r"^check_code\(\) \{\n(.*?)^\}", script, re.MULTILINE | re.DOTALL)
    assert checks
    assert hooks == [line.strip() for line in checks[1].splitlines()]
    assert " && ".join(hooks) in GUIDE
    assert "sh tests/run.sh" in (TOP / ".ci" / "run").read_text("utf-8")


def test_pre_commit_accepts_its_configuration() -> None:
    subprocess.run([sys.executable, "-m", "pre_commit", "validate-config"], cwd=TOP, check=True)


def test_newest_release_in_changelog_is_the_version() -> None:
    releases = re.findall(
        r"^## ([0-9.]+) - \d{4}-\d{2}-\d{2}$",
        (TOP / "CHANGELOG.md").read_text("utf-8"),
        re.MULTILINE,
    )
    assert releases[0] == __version__


def test_version_option_prints_the_version() -> None:
    done = subprocess.run(["git", "datmo", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"git-datmo version {__version__}\n"


@pytest.mark.parametrize(
    "path",
    sorted(
        set(re.findall(r"\b(?:git_datmo|tests|hooks|docs)/[\w./-]*\w", GUIDE)) - {"docs/_build"}
    ),
)
def test_path_in_contributing_exists(path: str) -> None:
    assert (TOP / path).exists()


def wait_for_lock(folder: Path, apt_get: str) -> subprocess.CompletedProcess[str]:
    program = folder / "apt-get"
    program.write_text(apt_get)
    program.chmod(0o755)
    script = f'. "{TOP}/tests/packages.sh"; apt_get update'
    env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "DATMO_APT_PAUSE": "0"}
    return subprocess.run(
        ["sh", "-c", script], cwd=folder, env=env, capture_output=True, text=True, check=False
    )


def test_package_manager_that_is_locked_is_waited_for(tmp_path: Path) -> None:
    done = wait_for_lock(tmp_path, APT_GET)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "calls").read_text() == "-q -o DPkg::Lock::Timeout=300 update\n" * 3


def test_package_manager_that_fails_is_not_asked_again(tmp_path: Path) -> None:
    done = wait_for_lock(tmp_path, "#!/bin/sh\necho >>calls\necho 'E: No space left'\nexit 100\n")
    assert done.returncode == 1
    assert done.stderr == "E: No space left\n"
    assert (tmp_path / "calls").read_text() == "\n"


@pytest.mark.parametrize(
    "script", sorted(path for path in TOP.glob("*/*.sh") if "apt-get " in path.read_text("utf-8"))
)
def test_script_that_installs_packages_waits_for_locks(script: Path) -> None:
    """Check that scripts call apt-get by `apt_get`, which waits. An own folder needs no lock."""
    lines = [
        line
        for line in script.read_text("utf-8").splitlines()
        if re.search(r"apt-get .*(install|update)", line)
    ]
    assert all("chroot" in line for line in lines), lines


def test_readme_is_short_and_its_links_lead_to_files() -> None:
    readme = (TOP / "README.md").read_text("utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", readme)
    assert len(readme.splitlines()) < 150
    assert len(links) > 15
    assert [link for link in links if not (TOP / link).exists()] == []


def test_word_has_one_meaning_in_the_glossary() -> None:
    words = re.findall(
        r"^\| ([a-z][^|]*) \|", (TOP / "docs" / "GLOSSARY.md").read_text("utf-8"), re.MULTILINE
    )
    assert len(words) > 40
    assert sorted(set(words) - {"word"}) == sorted(word for word in words if word != "word")
