"""Test the recorded reads of a run, the code that is stored with it, and the messages about the
rest."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.commands import datmo, experiments
from tests.support.shell import Shell


def stored_code(shell: Shell) -> set[str]:
    """Return the files of the newest snapshot's code."""
    code = experiments(shell)[0]["code"]["object"]
    store = shell.cwd / ".git" / "datmo" / "store.git"
    return set(
        shell.git("--git-dir", str(store), "ls-tree", "-r", "--name-only", code).splitlines()
    )


def test_untracked_files_are_stored_when_they_are_named_imported_or_run_alone(repo: Shell) -> None:
    repo.write("named.py", "import imported, os\nopen('private.csv').read()\n")
    repo.write("imported.py", "x = 1\n")
    repo.write("lying.py", "y = 1\n")
    repo.write("private.csv", "Bob,90000\n")
    said = datmo(repo, "run", "--", "python", "named.py").stderr
    assert stored_code(repo) == {"code.py", "named.py", "imported.py"}
    assert "'imported.py' is untracked; the command uses it, so it is stored with the code" in said
    assert "the run read 'private.csv', which is untracked" in said
    assert "git datmo add-data private.csv" in said
    assert "lying" not in said


def test_secret_file_that_run_reads_is_not_stored(repo: Shell) -> None:
    repo.write(".env", "A=1\n")
    repo.write("settings.py", f"KEY = 'ghp_{'a1B2' * 9}'\n")
    repo.commit("t.py", "open('.env').read(); import settings\n")
    said = datmo(repo, "run", "--", "python", "t.py").stderr
    assert stored_code(repo) == {"code.py", "t.py"}
    assert "the run read '.env', which looks like a secret by its name: it is not recorded" in said
    assert "'settings.py' looks like a secret (GitHub Token in line 1)" in said


def test_untracked_files_without_observed_python_are_named(repo: Shell) -> None:
    repo.write("table.csv", "1\n")
    said = datmo(repo, "run", "--", "sh", "-c", "true").stderr
    assert "'table.csv' is untracked, and not part of the record" in said
    assert stored_code(repo) == {"code.py"}


def test_reads_are_recorded_and_complete_where_python_alone_ran(
    repo: Shell, tmp_path: Path
) -> None:
    repo.write("data/a", "1\n")
    repo.write("data/b", "2\n")
    datmo(repo, "add-data", "data")
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_text("3\n")
    repo.commit("t.py", f"open('data/a').read(); open({str(elsewhere)!r}).read(); import helper\n")
    repo.commit("helper.py", "pass\n")
    said = datmo(repo, "run", "--", "python", "t.py").stderr
    read = experiments(repo)[0]["run"]["read"]
    assert (read["complete"], read["paths"]) == (True, ["data/a", "helper.py", "t.py"])
    assert read["outside"] == [str(elsewhere)]
    assert f"the run read '{elsewhere}', outside of the repository" in said
    datmo(repo, "run", "--", "sh", "-c", "python t.py")
    assert experiments(repo)[0]["run"]["read"]["complete"] is False


def test_files_of_an_environment_in_the_working_tree_are_no_reads(repo: Shell) -> None:
    repo.write(".gitignore", ".venv/\n")
    repo.run(sys.executable, "-m", "venv", "--without-pip", ".venv")
    repo.write(".venv/share/kernel.json", "{}")
    repo.write("cache/kernel.json", "{}")
    repo.commit(
        "t.py", "for folder in ('.venv/share', 'cache'): open(folder + '/kernel.json').read()\n"
    )
    said = datmo(repo, "run", "--", ".venv/bin/python", "t.py").stderr
    assert experiments(repo)[0]["run"]["read"]["paths"] == ["cache/kernel.json", "t.py"]
    assert "'cache/kernel.json'" in said
    assert ".venv/" not in said


def test_home_folder_is_in_no_record(repo: Shell) -> None:
    home = Path(repo.env["HOME"])
    (home / "datasets").mkdir()
    (home / "datasets" / "x.csv").write_text("1\n")
    repo.commit("t.py", "import os; open(os.path.expanduser('~/datasets/x.csv')).read()\n")
    datmo(repo, "run", "--", "python", "t.py")
    assert experiments(repo)[0]["run"]["read"]["outside"] == ["~/datasets/x.csv"]


def test_filtered_file_is_stored_encrypted_and_rerun_decrypted(repo: Shell) -> None:
    repo.git("config", "filter.lock.clean", "tr a-z n-za-m")
    repo.git("config", "filter.lock.smudge", "tr a-z n-za-m")
    repo.write(".gitattributes", "plan.txt filter=lock\n")
    repo.write("plan.txt", "launch\n")
    repo.git("add", ".")
    repo.commit(
        "t.py",
        "open('metrics.json', 'w').write('{\"n\": %d}' % (open('plan.txt').read() == 'launch\\n'))\n",
    )
    datmo(repo, "run", "--", "python", "t.py")
    code, store = experiments(repo)[0]["code"]["object"], repo.cwd / ".git" / "datmo" / "store.git"
    assert repo.git("--git-dir", str(store), "cat-file", "blob", f"{code}:plan.txt") == "ynhapu"
    assert "verdict: identical" in datmo(repo, "reproduce", "HEAD", "--engine", "host").stdout
    repo.write("plan.txt", "other\n")
    datmo(repo, "run", "--", "python", "t.py")
    code = experiments(repo)[0]["code"]["object"]
    assert repo.git("--git-dir", str(store), "cat-file", "blob", f"{code}:plan.txt") == "bgure"
    repo.git("config", "filter.lock.required", "true")
    repo.git("config", "filter.lock.smudge", "head -c 1; exit 3")
    failed = datmo(repo, "reproduce", "HEAD", "--engine", "host", code=2).stderr
    assert "git's filter of 'plan.txt' failed" in failed
    repo.git("config", "--unset", "filter.lock.smudge")
    refused = datmo(repo, "reproduce", "HEAD", "--engine", "host", code=2).stderr
    assert "'plan.txt' needs git's filter 'lock', which is not set up in this clone" in refused


def test_environment_is_that_of_the_python_that_ran(repo: Shell) -> None:
    repo.write("go.sh", "#!/bin/sh\nexec venv/bin/python t.py\n")
    repo.commit("t.py", "print(1)\n")
    repo.run("python", "-m", "venv", "--without-pip", "venv")
    place = (
        next((repo.cwd / "venv" / "lib").glob("python*")) / "site-packages" / "cowsay-6.1.dist-info"
    )
    place.mkdir()
    (place / "METADATA").write_text("Metadata-Version: 2.1\nName: cowsay\nVersion: 6.1\n")
    (place / "RECORD").write_text("")
    (place / "REQUESTED").write_text("")
    datmo(repo, "run", "--", "sh", "go.sh")
    assert "cowsay" in datmo(repo, "env", "show", "HEAD").stdout


def test_parameters_come_from_the_command_and_the_file_that_was_read(repo: Shell) -> None:
    repo.write("params.yaml", "model:\n  lr: 0.1\n  name: small\n")
    repo.commit("t.py", "open('params.yaml').read()\n")
    repo.git("add", ".")
    repo.git("commit", "-qm", "params")
    datmo(
        repo,
        "run",
        "-p",
        "seed=3",
        "--",
        "python",
        "-u",
        "t.py",
        "--epochs",
        "5",
        "--amp",
        "opt.wd=0.01",
        "--seed",
        "4",
    )
    assert experiments(repo)[0]["parameters"] == {
        "model.lr": 0.1,
        "model.name": "small",
        "epochs": 5,
        "amp": True,
        "opt.wd": 0.01,
        "seed": 3,
    }


def test_unrecorded_variable_is_named_at_run_and_verdict(
    repo: Shell,
) -> None:
    repo.commit(
        "t.py",
        "import os; open('m.txt', 'w').write(os.environ.get('DEPTH', '2') + os.getenv('HOME')[:0])\n",
    )
    said = datmo(repo.having(DEPTH="9"), "run", "--", "python", "t.py").stderr
    assert "'t.py' reads the variable 'DEPTH', which is not recorded" in said
    assert "HOME" not in said
    told = datmo(repo, "reproduce", "HEAD", "--engine", "host", code=1).stdout
    assert "  variable DEPTH: t.py reads it, and the record does not have it" in told
    repo.git("config", "--add", "datmo.variable", "DEPTH")
    assert "DEPTH" not in datmo(repo.having(DEPTH="9"), "run", "--", "python", "t.py").stderr
    assert "verdict: identical" in datmo(repo, "reproduce", "HEAD", "--engine", "host").stdout


def test_file_outside_repository_is_named_with_verdict(repo: Shell, tmp_path: Path) -> None:
    outside = tmp_path / "x.csv"
    outside.write_text("1\n")
    repo.commit("t.py", f"open('m.txt', 'w').write(open({str(outside)!r}).read())\n")
    datmo(repo, "run", "--", "python", "t.py")
    outside.write_text("2\n")
    told = datmo(repo, "reproduce", "HEAD", "--engine", "host", code=1).stdout
    assert f"file outside of the repository: the run read {outside}" in told
