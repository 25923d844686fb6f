"""Test `git datmo report`: changes, whether they are better, in text that is safe to paste."""

from __future__ import annotations

import html.parser
import json
import re
import shlex
from pathlib import Path

import pytest
import yaml

from git_datmo.cli.parser import make_parser, parse
from git_datmo.report.experiment_report import judge_metric
from tests.support.commands import datmo, refused
from tests.support.schemas import require_valid
from tests.support.shell import Shell

PAGE = Path(__file__).parents[2] / "docs" / "CI.md"
EVIL = (
    "e\x1b]0;pwned\x07\x9b31m\u202e | x\n# title\n</td></script><script>alert(1)</script>"
    "<img src=x onerror=y> [a](http://b) @owner #12 `` ``` *b* _c_ www.evil.example &lt; $x$ ~s~"
)
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

VERDICTS = [
    (1.0, 2.0, "max", "better"),
    (1.0, 2.0, "min", "worse"),
    (2, 2.0, "min", "same"),
    (1.0, 2.0, "", "direction unknown"),
    (None, 2.0, "max", "new"),
    (1.0, None, "max", "missing"),
    (1.0, "NaN", "max", "worse"),
    ("NaN", 1.0, "min", "better"),
    ("NaN", "NaN", "min", "same"),
    (1.0, "Infinity", "min", "worse"),
    ("a", "b", "max", "changed"),
    (True, True, "max", "same"),
]


def test_metric_is_judged_by_its_goal() -> None:
    for before, after, goal, verdict in VERDICTS:
        assert judge_metric("m", before, after, goal).verdict == verdict, (before, after, goal)


def run(repo: Shell, metrics: dict[str, int], *words: str) -> None:
    """Record a run of one command, which gives these metrics."""
    figures = repo.cwd.parent / "figures.json"
    figures.write_text(json.dumps(metrics))
    datmo(repo, "run", *words, "--", "cp", str(figures), "metrics.json")


@pytest.fixture
def branch(repo: Shell) -> Shell:
    """Make an experiment, and a later one with other data, code and parameters."""
    repo.write("data/t.csv", "a\n1\n")
    datmo(repo, "add-data", "data")
    run(repo, {"loss": 2, "size": 1}, "-p", "lr=0.1")
    repo.git("branch", "base")
    repo.write("data/t.csv", "a\n1\n2\n")
    datmo(repo, "add-data", "data")
    repo.commit("code.py", "changed\n")
    run(repo, {"loss": 1, "size": 2}, "-p", "lr=0.2")
    return repo


def test_report_has_verdicts_and_what_changed(branch: Shell) -> None:
    refs = branch.git("for-each-ref")
    said = datmo(branch, "report", "--base", "base").stdout.splitlines()
    assert "2 metrics: 1 better, 1 direction unknown." in said
    assert "| <code>loss</code> | 2 | 1 | -1 | less | better |" in said
    assert "| <code>size</code> | 1 | 2 | +1 | unknown | direction unknown |" in said
    assert "| <code>lr</code> | 0.1 | 0.2 |" in said
    assert any("t.csv" in line and "1 row" in line and "2 rows" in line for line in said)
    assert "+changed" in said
    assert [line for line in said if line.startswith("####")] == [
        "#### Parameters", "#### Data", "#### Code"
    ]  # fmt: skip
    assert datmo(branch, "report").stdout.splitlines() == said
    same = datmo(branch, "report", "base", "--base", "base").stdout
    assert "The base has this experiment too: there is no newer one." in same
    older = datmo(branch, "report", "base", "--base", "HEAD").stdout
    assert "The base has this experiment too: there is no newer one." in older
    assert "There is no earlier experiment" in datmo(branch, "report", "base").stdout
    assert branch.git("for-each-ref") == refs


def test_json_report_has_verdicts_and_the_differences(branch: Shell) -> None:
    (document,) = map(json.loads, datmo(branch, "report", "--json").stdout.splitlines())
    require_valid("report", document)
    require_valid("diff", document["changes"])
    assert document["counts"] == {"better": 1, "direction unknown": 1}
    assert document["metrics"][0] == {
        "name": "loss",
        "goal": "min",
        "before": 2,
        "after": 1,
        "difference": -1.0,
        "verdict": "better",
    }
    assert document["changes"]["a"] == document["base"]
    first = json.loads(datmo(branch, "report", "--json", document["base"]).stdout)
    require_valid("report", first)
    assert (first["base"], first["changes"]) == (None, None)
    both = datmo(branch, "report", "--json", "--format", "html", code=129)
    assert "not allowed with" in both.stderr


class Tags(html.parser.HTMLParser):
    """Collect the names of tags, and all text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_hostile_texts_are_escaped_and_shortened(repo: Shell) -> None:
    for number in (1, 2):
        repo.commit("code.py", f"````` </details> <script>{number}\x1b[31m" + "k" * 100_000 + "\n")
        long = "v" * 100_000 + str(number)
        name = EVIL.replace("=", " ")
        words = ("-m", EVIL, "-p", f"{name}={EVIL}{number}", "-p", f"k={long}")
        run(repo, {f"<b>m|{EVIL}": number}, *words)
    markdown = datmo(repo, "report").stdout
    page = datmo(repo, "report", "--format", "html").stdout
    for text in (markdown, page):
        assert not OBEYED.search(text)
        assert max(map(len, text.splitlines())) < 3000
        assert "k" * 400 not in text
    prose, _, code = markdown.partition("`````")
    assert code.startswith("`diff\n"), "the fence must be longer than the runs in the code"
    assert not re.search(r"<(?!/?(code|details|summary)>)|@|\]\(|http:|www\.|\*|`", prose)
    for line in prose.splitlines():
        assert not line.startswith("|") or line.count("|") in (4, 7), line
    tags = Tags()
    tags.feed(page)
    assert not tags.tags & {"script", "img", "a"}
    assert "<script>alert(1)</script>" in tags.text


def test_wrong_words_are_refused(branch: Shell) -> None:
    refused(branch, "report", "nonsense", says=("nonsense",))
    refused(branch, "report", "--base", "nonsense", says=("nonsense",))
    refused(branch, "report", "--format", "pdf", code=129, says=("invalid choice",))


def workflows() -> list[str]:
    return re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def scripts(node: object) -> list[str]:
    """Return the shell texts of a workflow of any of the three hosts."""
    if isinstance(node, list):
        return [text for each in node for text in scripts(each)]
    if not isinstance(node, dict):
        return []
    found = [text for value in node.values() for text in scripts(value)]
    if isinstance(node.get("run"), str):
        found.append(node["run"])
    for key in ("script", "before_script"):
        found += node.get(key, [])
    return found


def test_workflows_are_yaml_with_commands_that_parse() -> None:
    wanted = [{"init", "fetch", "checkout", "verify", "reproduce", "report"}] * 3
    # The next two test a model, and the last one publishes the page.
    wanted += [{"init", "fetch", "test", "report"}, {"init", "fetch", "test"}]
    wanted.append({"init", "fetch", "ui"})
    for text, expected in zip(workflows(), wanted, strict=True):
        lines = [line for each in scripts(yaml.safe_load(text)) for line in each.splitlines()]
        commands = [line for line in lines if "git datmo " in line]
        verbs = set()
        for line in commands:
            words = shlex.split(re.split(" >>? ", line)[0])
            assert words[:2] == ["git", "datmo"], line
            parse(make_parser(words[2]), words[2], words[3:])
            verbs.add(words[2])
        assert verbs == expected


def test_commands_of_a_workflow_run_in_a_clone(branch: Shell, tmp_path: Path) -> None:
    branch.git("init", "-q", "--bare", str(tmp_path / "team.git"))
    branch.git("remote", "add", "origin", str(tmp_path / "team.git"))
    branch.git("push", "-q", "origin", "HEAD:main", "base")
    branch.git("clone", "-q", "-b", "main", str(tmp_path / "team.git"), str(tmp_path / "job"))
    job = branch.at(tmp_path / "job")
    for words in ("init", "fetch", "checkout", "verify --complete HEAD"):
        datmo(job, *words.split())
    assert "| better |" in datmo(job, "report", "HEAD", "--base", "origin/base").stdout
