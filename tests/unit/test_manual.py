"""Test that help, manual pages and README agree with the verbs' parsers."""

from __future__ import annotations

import argparse
import io
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from git_datmo.cli.console import Console
from git_datmo.cli.main import run
from git_datmo.cli.manual import page_names, plain_text, roff
from git_datmo.cli.pages import write_pages
from git_datmo.cli.parser import make_parser, parse
from git_datmo.cli.verbs import HIDDEN, VERBS, load
from git_datmo.errors import UsageError
from tests.support.shell import Shell

TOP = Path(__file__).parents[2]
PAGES = TOP / "docs" / "man"
EVERY = sorted(VERBS)
# The verbs that take the words after '--' as they are.
TAKERS = [verb for verb in EVERY if getattr(load(verb), "BEHIND", None)]
# The verbs whose options git itself refuses.
PASSERS = [verb for verb in EVERY if getattr(load(verb), "PASSES_ON", False)]


def say(*words: str) -> tuple[int, str]:
    """Run a command line in this process; return its output and exit code."""
    out = io.StringIO()
    return run(words, Console({}, Path.cwd(), out, io.StringIO())), out.getvalue()


def options(verb: str) -> list[argparse.Action]:
    return [action for action in make_parser(verb)._actions if action.help != argparse.SUPPRESS]


def text_of(page: str) -> str:
    """Return the text of a page as man(1) shows it, without the macros' quoting."""
    lines = [
        re.sub(r"\\f[A-Z]", "", line) for line in page.splitlines() if not line.startswith(".")
    ]
    return "\n".join(lines).replace("\\&", "").replace("\\-", "-").replace("\\e", "\\")


@pytest.mark.parametrize(("name", "verb"), sorted(page_names()))
def test_page_equals_that_of_the_parser(name: str, verb: str) -> None:
    assert (PAGES / name).read_text("utf-8") == roff(verb), "run 'python -m git_datmo.cli.pages'"


def test_old_page_is_rewritten_and_page_without_verb_removed(tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    shutil.copytree(TOP / "docs" / "reference" / "schemas", docs / "reference" / "schemas")
    (docs / "man").mkdir()
    (docs / "man" / "git-datmo-run.1").write_text("old")
    (docs / "man" / "git-datmo-nonsense.1").write_text("old")
    write_pages(docs)
    written = {
        path.relative_to(docs): path.read_text("utf-8")
        for path in docs.rglob("*")
        if path.is_file()
    }
    assert len(written) > len(VERBS)
    assert written.keys() & {Path("man/git-datmo-nonsense.1")} == set()
    assert all((TOP / "docs" / path).read_text("utf-8") == text for path, text in written.items())


def test_pages_and_verbs_correspond() -> None:
    wanted = {"git-datmo.1", *(f"git-datmo-{verb}.1" for verb in VERBS)}
    assert {path.name for path in PAGES.iterdir()} == wanted
    assert {name for name, _ in page_names()} == wanted


@pytest.mark.parametrize("verb", EVERY)
def test_options_are_in_page_and_help(verb: str) -> None:
    page, help_ = (
        text_of((PAGES / f"git-datmo-{verb}.1").read_text("utf-8")),
        " ".join(say(verb, "-h")[1].split()),
    )
    for action in options(verb):
        assert action.help, f"{verb}: {action.dest} says nothing of itself"
        assert action.help in page
        assert " ".join(action.help.split()) in help_
        for word in action.option_strings:
            assert re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", page), word
            assert word in help_


@pytest.mark.parametrize("verb", EVERY)
def test_options_of_a_page_exist(verb: str) -> None:
    page = (PAGES / f"git-datmo-{verb}.1").read_text("utf-8")
    terms = re.findall(r"^\.TP\n\\fB(.*?)\\fR$", page, re.MULTILINE)
    words = {
        word for term in terms for word in re.findall(r"(?<!\S)--?[a-zA-Z][\w-]*", text_of(term))
    }
    assert words == {word for action in options(verb) for word in action.option_strings}


@pytest.mark.parametrize("name", sorted(name for name, _ in page_names()))
def test_page_has_no_accidental_roff_request(name: str) -> None:
    macros = {".TH", ".SH", ".PP", ".TP", ".nf", ".fi"}
    for line in (PAGES / name).read_text("utf-8").splitlines():
        assert not line.startswith("'"), line
        assert not line.startswith(".") or line.split(" ")[0] in macros, line
        assert "\\" not in re.sub(r"\\(fB|fR|&|-|e)", "", line), line


def test_overview_names_every_visible_verb() -> None:
    page, usage = text_of(roff("")), say("-h")[1]
    for verb, summary in VERBS.items():
        assert f"{verb}\n{summary}" in page
        assert re.search(rf"^   {verb} +{re.escape(summary)}$", usage, re.MULTILINE)
    assert not any(
        re.search(rf"^ *{verb}\b", text, re.MULTILINE) for verb in HIDDEN for text in (page, usage)
    )


def test_readme_names_every_verb() -> None:
    readme = (TOP / "README.md").read_text("utf-8")
    section = readme.partition("\n## The verbs\n")[2].partition("\n## ")[0]
    assert section, "the README has a section on the verbs"
    listed = re.findall(r"`([a-z-]+)`", section.partition(". ")[0])
    assert sorted(listed) == sorted(VERBS.keys() - {"help"})
    assert "`git datmo help VERB`" in section


def test_verbs_of_the_readme_exist() -> None:
    readme = (TOP / "README.md").read_text("utf-8")
    used = set(re.findall(r"git datmo ([a-z][a-z-]*)", readme))
    assert used
    assert used <= VERBS.keys()


@pytest.mark.parametrize("verb", EVERY)
def test_help_of_a_verb_has_its_examples_and_exits_0(verb: str) -> None:
    module = load(verb)
    for word in ("-h", "--help"):
        status, said = say(verb, word)
        assert status == 0
        assert said.startswith(f"usage: git datmo {verb} ")
        assert module.DESCRIPTION in said
        examples = module.EXAMPLES.strip().splitlines()
        assert examples
        assert said.rstrip().endswith("\n".join(["examples:", *(f"  {line}" for line in examples)]))
    assert say(verb, "--nonsense", "-h")[0] == 0


@pytest.mark.parametrize("verb", EVERY)
def test_examples_of_verb_are_accepted_by_its_parser(verb: str) -> None:
    for line in load(verb).EXAMPLES.strip().splitlines():
        words = shlex.split(re.split(r"\s{2,}|\s[|>]\s", line)[0])
        assert words[:2] == ["git", "datmo"], line
        assert words[2] == verb or verb == "add-model", line
        parse(make_parser(words[2]), words[2], words[3:])


@pytest.mark.parametrize("verb", EVERY)
def test_manual_of_a_verb_is_printed_by_help(verb: str) -> None:
    status, said = say("help", verb)
    assert status == 0
    assert said.rstrip() == plain_text(verb).rstrip()
    for title in ("NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXAMPLES"):
        assert f"\n{title}\n" in f"\n{said}"


@pytest.mark.parametrize("verb", [verb for verb in EVERY if verb not in PASSERS])
def test_wrong_option_is_refused(verb: str) -> None:
    with pytest.raises(UsageError) as caught:
        say(verb, "--zzz")
    assert caught.value.exit_code == 129
    assert "\n" not in caught.value.what
    assert caught.value.hint == f"see 'git datmo {verb} -h'"


def test_list_that_may_be_empty_is_not_called_required() -> None:
    with pytest.raises(UsageError, match=r"required: TARGET$"):
        say("export", "csv")


def test_misspelt_option_gets_a_suggestion() -> None:
    with pytest.raises(UsageError) as caught:
        say("run", "--mesage", "x", "--", "true")
    assert caught.value.hint == "did you mean '--message'?"


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        (("--grep", "x"), '--where "message ~ TEXT"'),
        (("--reverse",), "--sort created"),
        (("--stat",), "git datmo diff A B"),
    ],
)
def test_option_of_gits_log_leads_to_its_counterpart(words: tuple[str, ...], ours: str) -> None:
    with pytest.raises(UsageError) as caught:
        say("log", *words)
    assert caught.value.hint == f"did you mean '{ours}'?"


def test_misspelt_verb_gets_a_suggestion(shell: Callable[..., Shell]) -> None:
    done = shell().run("git-datmo", "reprodcue", "HEAD", code=129)
    assert done.stderr.splitlines()[1] == "hint: did you mean 'reproduce'?"


def test_run_without_dashes_gets_the_whole_command(shell: Callable[..., Shell]) -> None:
    done = shell().run(
        "git-datmo", "run", "-m", "two words", "python", "t.py", "--lr", "1", code=129
    )
    assert done.stderr.splitlines() == [
        "fatal: the command must follow '--'",
        "hint: git datmo run -m 'two words' -- python t.py --lr 1",
    ]


@pytest.mark.parametrize(
    "words", [("log", "--zzz"), ("nonsense",), ("run", "--qqq", "x", "--", "true")]
)
def test_wrong_word_is_one_line_and_exit_code_129(
    shell: Callable[..., Shell], words: tuple[str, ...]
) -> None:
    done = shell().run("git-datmo", *words, code=129)
    fatal, *rest = done.stderr.splitlines()
    assert fatal.startswith("fatal: ")
    assert len(rest) == 1
    assert rest[0].startswith("hint: see 'git datmo")
    assert done.stdout == ""


def test_command_without_words_prints_usage_with_exit_code_129(shell: Callable[..., Shell]) -> None:
    done = shell().run("git-datmo", code=129)
    assert done.stdout.startswith("usage: git datmo ")


@pytest.mark.parametrize("verb", TAKERS)
@pytest.mark.parametrize("word", ["-h", "--help", "--", "--json", "-m", "--nonsense"])
def test_words_after_dashes_belong_to_the_command(verb: str, word: str) -> None:
    behind = ["program", word, "--", "-h"]
    taken = parse(make_parser(verb), verb, ["--", *behind])
    assert getattr(taken, load(verb).BEHIND) == behind
    assert say(verb, "-h", "--", "program")[1].startswith("usage: ")


def test_help_behind_the_dashes_is_run_and_not_shown(make_repo: Callable[..., Shell]) -> None:
    repo = make_repo()
    repo.commit("code.py", "import sys; print(sys.argv[1:])\n")
    repo.run("git", "datmo", "init")
    done = repo.run(
        "git", "datmo", "run", "--", "python", "code.py", "-h", "--help", "--", "--json"
    )
    assert done.stdout == "['-h', '--help', '--', '--json']\n"
    assert "usage" not in done.stderr


@pytest.mark.parametrize("verb", EVERY)
def test_options_are_taken_by_their_whole_name_alone(verb: str) -> None:
    for action in options(verb):
        for word in action.option_strings:
            if word.startswith("--") and len(word) > 4:
                with pytest.raises(UsageError):
                    make_parser(verb).parse_args([word[:-1]])
