"""Test that secrets are shown as printed, masked in records, and refused by a push."""

from __future__ import annotations

import json
from collections.abc import Callable

from tests.support.commands import datmo, experiments, refusal, refused
from tests.support.shell import Shell

TOKEN = "ghp_" + "a1B2c3" * 6
OWN = "0a1b2c3d4e5f"


def stored(repo: Shell, name: str) -> str:
    (experiment, *_) = experiments(repo)
    return repo.git(
        "--git-dir=.git/datmo/store.git", "cat-file", "blob", experiment["run"][name]["object"]
    )


def test_secrets_are_masked_in_what_a_run_leaves(make_repo: Callable[..., Shell]) -> None:
    repo = make_repo(WANDB_API_KEY=OWN)
    program = f"import sys\nprint('with', sys.argv)\nsys.stderr.write('{TOKEN[:20]}' '{TOKEN[20:]}\\n')\nprint('{OWN}!')\n"
    repo.commit("train.py", program)
    datmo(repo, "init")
    repo.git("config", "datmo.variable", "WANDB_API_KEY")
    words = ("-m", f"why {TOKEN}", "-p", "hub_token=k3y-of-mine", "-p", "lr=0.1")
    done = datmo(
        repo, "run", *words, "--", "python", "train.py", "--api-key", "k3y-of-mine", "--lr", "0.1"
    )
    assert f"{OWN}!\n" in done.stdout
    assert f"{TOKEN}\n" in done.stderr
    for said in (
        "the command had what looks like a secret",
        "the message had",
        "the parameters had",
        "3 lines of the output had",
        "the variable 'WANDB_API_KEY' looks like a secret: it is not recorded",
    ):
        assert said in done.stderr
    (experiment,) = experiments(repo)
    assert experiment["message"] == "why [masked]"
    assert experiment["parameters"] == {"hub_token": "[masked]", "lr": 0.1}
    assert experiment["run"]["command"] == [
        "python",
        "train.py",
        "--api-key",
        "[masked]",
        "--lr",
        "0.1",
    ]
    log = stored(repo, "log")
    assert "[masked]!" in log
    assert all(secret not in log for secret in (TOKEN, OWN, "k3y-of-mine"))
    environment = experiment["environment"]["object"]
    text = repo.git(
        "--git-dir=.git/datmo/store.git", "cat-file", "blob", f"{environment}:environment.json"
    )
    assert "WANDB_API_KEY" not in json.loads(text)["variables"]


def test_secret_parameter_of_sweep_is_masked_everywhere(
    make_repo: Callable[..., Shell],
) -> None:
    repo = make_repo()
    repo.commit("train.py", "import sys; print(sys.argv[1])\n")
    datmo(repo, "init")
    datmo(repo, "sweep", "-p", "hub_token=k3y-of-mine", "--", "python", "train.py", "{hub_token}")
    experiment = experiments(repo)[0]
    assert (experiment["parameters"], experiment["run"]["command"][-1]) == (
        {"hub_token": "[masked]"},
        "[masked]",
    )
    assert stored(repo, "log") == "[masked]"


def test_command_with_masked_secret_is_not_rerun(make_repo: Callable[..., Shell]) -> None:
    """Check that the command is refused before an engine starts and before the question of
    trust."""
    repo = make_repo(DOCKER_HOST="tcp://127.0.0.1:9")
    repo.commit("train.py", "import json; json.dump({'x': 1}, open('metrics.json', 'w'))\n")
    datmo(repo, "init")
    datmo(repo, "run", "--", "python", "train.py", "--x", "1")
    repo.git("commit", "-q", "--allow-empty", "-m", "second")
    datmo(repo, "run", "--", "python", "train.py", "--api-key", "k3y-of-mine")
    stranger = repo.having(
        GIT_AUTHOR_EMAIL="other@example.org", GIT_COMMITTER_EMAIL="other@example.org"
    )
    for words in (
        ("reproduce", "HEAD"),
        ("reproduce", "HEAD", "HEAD", "--engine", "host", "--trust"),
        ("reproduce", "HEAD~1", "--with", "params=HEAD"),
        ("explain", "HEAD~1", "HEAD"),
        ("bisect", "--metric", "x", "--below", "0", "HEAD~1", "HEAD"),
    ):
        refused(
            stranger,
            *words,
            says=("a secret in the command was masked", "--api-key '[masked]'", "variable"),
        )
    words = ("HEAD", "--with", "params=HEAD~1", "--engine", "host", "--trust")
    assert json.loads(datmo(repo, "reproduce", *words, "--json").stdout)["exit_code"] == 0


def test_push_of_secret_is_refused_with_its_location(make_repo: Callable[..., Shell]) -> None:
    """Try both ways out: drop the record, and declare the text to be no secret."""
    repo, remote, other = make_repo(), make_repo("remote", bare=True), make_repo("other", bare=True)
    repo.commit("Dockerfile", f"FROM python:3.11-slim\nENV TOKEN={TOKEN}\n")
    datmo(repo, "init")
    repo.git("remote", "add", "origin", str(remote.cwd))
    repo.git("remote", "add", "other", str(other.cwd))
    datmo(repo, "run", "--", "python", "-c", "")
    (experiment,) = experiments(repo)
    oid, environment = experiment["id"], experiment["environment"]["object"]
    done = repo.run("git", "push", "origin", "main", code=1)
    refusal(
        done,
        f"the environment's 'Dockerfile' of snapshot '{oid}'",
        "GitHub Token",
        "git datmo drop",
    )
    assert remote.git("for-each-ref") == ""

    repo.git("config", "--add", "datmo.notSecret", oid[:10])
    datmo(repo, "push", "other")
    assert environment in other.git("cat-file", "--batch-all-objects", "--batch-check")

    repo.git("config", "--unset", "datmo.notSecret")
    datmo(repo, "drop", oid, "--why", "a key")
    repo.git("push", "-q", "origin", "main")
    assert environment not in remote.git("cat-file", "--batch-all-objects", "--batch-check")
    assert "refs/datmo/records" in remote.git("for-each-ref")
