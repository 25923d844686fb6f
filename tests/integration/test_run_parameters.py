"""Test parameters of a run: options of its command, configuration files, and their sources."""

from __future__ import annotations

from tests.support.commands import datmo, experiments
from tests.support.shell import Shell

READ_ALL = "import sys\nfor path in sys.argv[1:]:\n    open(path.rpartition('=')[2]).read()\n"


def commit(repo: Shell, script: str, **files: str) -> None:
    for name, text in files.items():
        path = name.replace("__", "/").replace("_", ".")
        repo.write(path, text)
        repo.git("add", path)
    repo.commit("t.py", script)


def seen(repo: Shell) -> tuple[dict[str, object], dict[str, str]]:
    record = experiments(repo)[0]
    return record["parameters"], record.get("sources", {})


def test_option_of_run_wins_over_the_command_and_that_over_a_file(repo: Shell) -> None:
    commit(repo, READ_ALL, conf__exp_yaml="a: 1\nb: 1\nc: 1\nmodel:\n  rf: {trees: 50}\n")
    datmo(repo, "run", "-p", "a=3", "--", "python", "t.py", "conf/exp.yaml")
    assert seen(repo) == (
        {"a": 3, "b": 1, "c": 1, "model.rf.trees": 50},
        {
            "a": "user",
            "b": "file:conf/exp.yaml",
            "c": "file:conf/exp.yaml",
            "model.rf.trees": "file:conf/exp.yaml",
        },
    )
    repo.commit("t.py", "import sys\nopen(sys.argv[1])\n")
    datmo(repo, "run", "-p", "a=3", "--", "python", "t.py", "conf/exp.yaml", "--a=2", "b=2")
    values, sources = seen(repo)
    assert (values["a"], values["b"], values["c"]) == (3, 2, 1)
    assert (sources["a"], sources["b"], sources["c"]) == ("user", "command", "file:conf/exp.yaml")
    shown = datmo(repo, "show", "HEAD").stdout
    assert "parameters:  a from -p\n" in shown
    assert "parameters:  b from the command\n" in shown
    assert "parameters:  c, model.rf.trees from conf/exp.yaml\n" in shown


def test_file_behind_an_equals_sign_and_in_a_subfolder_is_found(repo: Shell) -> None:
    commit(repo, READ_ALL, sub__exp_toml="[opt]\nlr = 0.5\n", sub__t_py=READ_ALL)
    datmo(repo.at(repo.cwd / "sub"), "run", "--", "python", "t.py", "--config=exp.toml")
    values, sources = seen(repo)
    assert values == {"config": "exp.toml", "opt.lr": 0.5}
    assert sources == {"config": "command", "opt.lr": "file:sub/exp.toml"}


def test_expected_file_counts_only_if_it_is_read(repo: Shell) -> None:
    commit(repo, "open('config.toml')\n", config_toml="x = 1\n", params_json='{"y": 2}')
    datmo(repo, "run", "--", "python", "t.py")
    assert seen(repo) == ({"x": 1}, {"x": "file:config.toml"})


def test_file_of_a_payload_is_no_configuration(repo: Shell) -> None:
    repo.write("data/labels.json", '{"cat": 1}')
    datmo(repo, "add-data", "data")
    commit(repo, READ_ALL)
    datmo(repo, "run", "--", "python", "t.py", "data/labels.json")
    assert seen(repo) == ({}, {})


def test_invalid_and_large_files_are_no_configuration(repo: Shell) -> None:
    many = "\n".join(f"k{n}: {n}" for n in range(1001))
    commit(repo, READ_ALL, a_yaml="a: [1\n", b_json="[1, 2]", c_yaml=many)
    datmo(repo, "run", "--", "python", "t.py", "a.yaml", "b.json", "c.yaml")
    assert seen(repo) == ({}, {})


def test_configuration_that_hydra_wrote_is_of_the_run(repo: Shell) -> None:
    script = (
        "import os\n"
        "os.makedirs('outputs/1/.hydra')\n"
        "open('outputs/1/.hydra/config.yaml', 'w').write('db: {user: root}\\nlr: 0.1\\n')\n"
        "open('outputs/1/.hydra/hydra.yaml', 'w').write('x: 1\\n')\n"
    )
    commit(repo, script)
    datmo(repo, "run", "--", "python", "t.py", "lr=0.2", "+extra=1")
    values, sources = seen(repo)
    assert values == {"db.user": "root", "lr": 0.2, "extra": 1}
    assert sources["db.user"] == "file:outputs/1/.hydra/config.yaml"
    assert sources["lr"] == "command"


def test_secret_of_a_configuration_file_is_masked(repo: Shell) -> None:
    commit(repo, READ_ALL, conf_yaml="api_key: 9f8a7b6c5d4e3f2a1b0c9d8e7f6a5b4c\nlr: 1\n")
    datmo(repo, "run", "--", "python", "t.py", "conf.yaml")
    values, _ = seen(repo)
    assert values["lr"] == 1
    assert "9f8a7b6c5d4e" not in str(values)


def test_invalid_file_that_the_command_names_causes_a_warning(repo: Shell) -> None:
    commit(repo, "", good_yaml="a: 1\n", bad_json='{"a":', bad_toml="a = ", config_yaml="a: [")
    (repo.cwd / "latin.yaml").write_bytes("name: caf\xe9\n".encode("latin-1"))
    repo.git("add", "latin.yaml")
    repo.git("commit", "-qm", "another encoding")
    named = ("good.yaml", "bad.json", "bad.toml", "latin.yaml", "missing.yaml")
    done = datmo(repo, "run", "--", "python", "t.py", *named)
    told = [line for line in done.stderr.splitlines() if "parameters" in line]
    assert told == [
        "warning: 'bad.json' gives no parameters: it is not valid JSON",
        "warning: 'bad.toml' gives no parameters: it is not valid TOML",
        "warning: 'latin.yaml' gives no parameters: it is not valid YAML in UTF-8",
    ]
    assert seen(repo)[0] == {"a": 1}
