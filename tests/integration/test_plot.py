"""`git datmo plot` draws curves in the terminal and as pictures."""

from __future__ import annotations

import io
import sys
import xml.etree.ElementTree as ET
from array import array
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from git_datmo.cli.terminal_plot import log_ticks, round_ticks
from git_datmo.curves.curve_points import Points
from git_datmo.history.experiments import History
from git_datmo.model import Oid
from git_datmo.progress import QUIET
from git_datmo.records.record_values import Person
from git_datmo.records.snapshot_record import Run, Snapshot
from git_datmo.report.curve_lines import read_plots
from git_datmo.repository.stored_curves import store_curves
from git_datmo.repository.workspace import open_workspace
from tests.support.commands import datmo, refused
from tests.support.shell import Shell

NAN, INF = float("nan"), float("inf")
EVIL = "</svg><script>x</script>\x1b]0;p\x07\u202e$\\frac{$\n"
LONG = 1_000_000


def points(values: list[float], steps: list[float]) -> Points:
    return Points(array("d", values), array("d", steps), array("q", range(1, len(values) + 1)))


@pytest.fixture
def curved(repo: Shell) -> Shell:
    """Two experiments with the curves loss and a hostile name; steps are not in order."""
    head = Oid.parse(repo.git("rev-parse", "HEAD"))
    with open_workspace(repo.env, repo.cwd) as ws:
        for number in (1, 2):
            curves = {
                "loss": points([4.0, 1.0, 2.0, NAN, INF, -1.0], [0, 2, 1, 3, 4, 5]),
                EVIL: points([1.0, 2.0], [0, 1]),
            }
            series, made = store_curves(ws, curves, {})
            run = Run(("true",), exit_code=0, seconds=1.5, series=series)
            when = f"2024-05-0{number}T12:00:00.500000Z"
            plain = Snapshot(head, head, "", when, Person("Ada", "a@b"), "x", "", (), {"lr": number},
                             {"loss": -1.0}, None, True, None, run)  # fmt: skip
            ws.ledger.attach(replace(plain, curves=made))
    return repo


def test_terminal_shows_lines_of_all_experiments_in_the_width(curved: Shell) -> None:
    for width in (80, 200):
        drawn = datmo(curved.having(COLUMNS=str(width)), "plot", "-2", "loss").stdout.splitlines()
        assert max(map(len, drawn[:20])) == width
        assert drawn[0].split() == ["loss"]
        assert [line[0] for line in drawn if "lr=" in line and "left out" not in line] == ["*", "+"]
        assert (
            sum(
                "2 of 6 drawn values left out (not finite or beyond 1e+300)" in line
                for line in drawn
            )
            == 2
        )
    logged = datmo(curved, "plot", "-1", "loss", "--log", "--axis", "time").stdout
    assert "3 of 6 drawn values left out (not finite or beyond 1e+300, or not above 0)" in logged
    assert "seconds" in logged


def test_values_and_steps_of_any_size_are_drawn_or_counted(repo: Shell, tmp_path: Path) -> None:
    head = Oid.parse(repo.git("rev-parse", "HEAD"))
    curves = {
        "steps": points([1.0] * 7, [NAN, INF, -INF, 1e301, 1e300, -2.0, 2.0**70]),
        "big": points([1e308, -1e308, 1e300], [0, 1, 2]),
        "tiny": points([5e-324, 5e-324], [0, 1]),
    }
    with open_workspace(repo.env, repo.cwd) as ws:
        series, made = store_curves(ws, curves, {})
        run = Run(("true",), exit_code=0, series=series)
        when = "2024-05-01T12:00:00.500000Z"
        plain = Snapshot(head, head, "", when, Person("Ada", "a@b"), "x", "", (), {}, {},
                         None, True, None, run)  # fmt: skip
        ws.ledger.attach(replace(plain, curves=made))
    for form in ((), ("--log",)):
        drawn = datmo(repo, "plot", *form).stdout
        assert "4 of 7 drawn values left out" in drawn
        assert "2 of 3 drawn values left out" in drawn
        assert "of 2 drawn values" not in drawn
    datmo(repo, "plot", "-o", tmp_path / "picture.png")
    assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_line_is_sorted_by_steps_and_long_one_has_minima_and_maxima(repo: Shell) -> None:
    head = Oid.parse(repo.git("rev-parse", "HEAD"))
    values = array("d", [0.5]) * LONG
    values[123_456], values[654_321] = 7.0, -7.0
    long = Points(values, array("d", range(LONG)), array("q", range(LONG)))
    short = points([3.0, 1.0, 2.0], [3, 1, 2])
    with open_workspace(repo.env, repo.cwd) as ws:
        series, made = store_curves(ws, {"long": long, "short": short}, {})
        run = Run(("true",), exit_code=0, seconds=1.5, series=series)
        plain = Snapshot(head, head, "", "2024-05-01T12:00:00.500000Z", Person("A", "a"), "x", "",
                         (), {}, {}, None, True, None, run)  # fmt: skip
        ws.ledger.attach(replace(plain, curves=made))
    with open_workspace(repo.env, repo.cwd) as ws:
        history = History(ws)
        founds = [history.resolve("HEAD")]
        first, second = read_plots(ws, history, founds, ["long", "short"], progress=QUIET)
    (line,) = first.lines
    assert line.points == LONG
    assert len(line.ys) <= 8000
    assert (min(line.ys), max(line.ys)) == (-7.0, 7.0)
    assert second.lines[0].ys == (1.0, 2.0, 3.0)


def test_resumed_run_is_drawn_with_the_attempt_before_it(repo: Shell) -> None:
    head = Oid.parse(repo.git("rev-parse", "HEAD"))
    with open_workspace(repo.env, repo.cwd) as ws:
        earlier: Oid | None = None
        for day, values in ((1, [4.0, 3.0, 9.0]), (2, [2.0, 1.0])):
            steps = [float(day + index) for index in range(len(values))]
            series, made = store_curves(ws, {"loss": points(values, steps)}, {})
            run = Run(("true",), exit_code=0, seconds=1.5, series=series, attempt=earlier)
            plain = Snapshot(head, head, "", f"2024-05-0{day}T12:00:00.500000Z", Person("A", "a"),
                             "x", "", (), {}, {}, None, True, None, run)  # fmt: skip
            (earlier,) = ws.ledger.attach(replace(plain, curves=made))
    with open_workspace(repo.env, repo.cwd) as ws:
        history = History(ws)
        founds = [history.resolve(str(earlier))]
        (plot,) = read_plots(ws, history, founds, [], progress=QUIET)
    assert plot.lines[0].ys == (4.0, 2.0, 1.0)


def test_pictures_have_names_as_text_and_equal_bytes(curved: Shell) -> None:
    datmo(curved, "plot", "-2", "-o", "a.svg", "--log")
    datmo(curved, "plot", "-2", "-o", "b.svg", "--log")
    one = (curved.cwd / "a.svg").read_bytes()
    assert one == (curved.cwd / "b.svg").read_bytes()
    tree = ET.fromstring(one)
    assert not [each for each in tree.iter() if each.tag.endswith("script")]
    text = " ".join(tree.itertext())
    assert "<script>x</script>" in text
    assert "lr=2" in text
    datmo(curved, "plot", "-2", "loss", "-o", "a.png")
    picture = Image.open(io.BytesIO((curved.cwd / "a.png").read_bytes()))
    assert (picture.format, picture.width > 1000) == ("PNG", True)
    colours = picture.convert("RGB").getcolors(1 << 24)
    assert colours is not None
    assert len(colours) > 5


def test_words_that_are_no_experiment_are_metrics(curved: Shell) -> None:
    refs = curved.git("for-each-ref")
    curved.git("branch", "loss")
    assert "loss" in datmo(curved, "plot", "HEAD", "--metric", "loss").stdout.splitlines()[0]
    curved.git("branch", "-D", "loss")
    refused(curved, "plot", "HEAD", "los", says=("no revision and no curve is named 'los'", "loss"))
    refused(curved, "plot", "-o", "a.pdf", code=129, says=("a.pdf",))
    curved.commit("code.py", "no curves\n")
    datmo(curved, "snapshot", "-m", "x")
    refused(curved, "plot", "HEAD", says=("have no curves",))
    assert [line.split()[2] for line in refs.splitlines() if "heads" in line] == ["refs/heads/main"]


def test_missing_package_is_one_clear_line(curved: Shell, tmp_path: Path) -> None:
    for package, words in (("plotext", ()), ("matplotlib", ("-o", "a.png"))):
        (tmp_path / "hidden").mkdir(exist_ok=True)
        (tmp_path / "hidden" / f"{package}.py").write_text("raise ImportError")
        hidden = curved.having(PYTHONPATH=str(tmp_path / "hidden"))
        done = hidden.run(sys.executable, "-m", "git_datmo", "plot", "-1", "loss", *words, code=128)
        assert done.stderr.splitlines() == [
            f"fatal: {'plots in a terminal need' if not words else 'pictures of plots need'} {package}",
            "hint: install it with pip install 'git-datmo[plot]'",
        ]


def test_ticks_are_round_numbers_inside_the_range() -> None:
    assert list(round_ticks(0.13, 0.62)) == pytest.approx([0.2, 0.3, 0.4, 0.5, 0.6])
    assert list(round_ticks(0, 20)) == [0, 5, 10, 15, 20]
    assert log_ticks(0.001, 100) == pytest.approx([0.001, 0.01, 0.1, 1, 10, 100])
    assert log_ticks(0.17, 1.2) == pytest.approx([0.2, 0.5, 1.0])
    assert all(round_ticks(1e300, 1.5e300))
