"""Measure the page of `git datmo ui` in a headless Chromium, with many experiments and points.

Run it by `python -m benchmarks.page_browser`. It writes an export into a temporary folder: 10,000
experiments with 200 columns, and a curve of 1,000,000 points with one outlier.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.support.chromium import Chromium, Page, find_chromium
from tests.support.page_documents import SPIKE, START, make_curve, make_oid, make_table, write_site
from tests.support.page_example import id_of, make_example

EXPERIMENTS, COLUMNS, POINTS = 10_000, 200, 1_000_000
REPEATS = 5
PAINTED = "await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));"
"""Wait until the browser has drawn a frame."""


def main(words: list[str]) -> int:
    """Measure, and print a line for each figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=EXPERIMENTS)
    parser.add_argument("--points", type=int, default=POINTS)
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory() as folder:
        top = Path(folder)
        browser = Chromium(find_chromium(), top / "profile")
        try:
            measure_table(browser, top / "table", options.experiments)
            measure_curve(browser, top / "curve", options.points)
        finally:
            browser.close()
    return 0


def measure_table(browser: Chromium, folder: Path, experiments: int) -> None:
    """Measure the first paint of a table, and how fast it is sorted, filtered and scrolled."""
    address = write_site(folder, make_wide_table(experiments), {})
    first = []
    for _ in range(REPEATS):
        page = Page(browser, width=1440, height=900)
        page.open(address)
        page.wait_for("document.querySelector('.grid-row')")
        first.append(page.evaluate("performance.now()"))
        page.close()
    page = Page(browser, width=1440, height=900)
    page.open(address)
    page.wait_for("document.querySelector('.grid-cell.number')?.textContent")
    # Blocks of columns arrive after the first rows.
    page.wait_for("performance.now() > 3000")
    read = [each.removeprefix(f"file://{folder}/") for each in page.requests]
    size = sum((folder / name).stat().st_size for name in read if (folder / name).is_file())
    report("first rows of the table", first)
    print(f"{'read before the first click':36} {size / 1e6:8.2f} MB")
    report("sorting by a number", [timed(page, click_head("m0")) for _ in range(REPEATS)])
    report("sorting by a text", [timed(page, click_head("Author")) for _ in range(REPEATS)])
    conditions = [f"m0 > 0.{number} and author ~ 3" for number in range(1, REPEATS + 1)]
    report("filtering", [timed(page, set_filter(each)) for each in conditions])
    report("searching", [timed(page, type_search(f"run {n}")) for n in range(REPEATS)])
    page.evaluate("location.hash = '#/experiments'")
    scroll = "document.querySelector('.grid').scrollTop += 30000;"
    report("scrolling by 750 rows", [timed(page, scroll) for _ in range(REPEATS)])


def measure_curve(browser: Chromium, folder: Path, points: int) -> None:
    """Measure how fast a long curve is drawn, and that its outlier is drawn."""
    documents, blobs = make_example()
    name = f"curve/{id_of(0)[:16]}/2"
    documents = {each: value for each, value in documents.items() if not each.startswith(name)}
    values = [math.sin(at / 5_000) for at in range(points)]
    values[points // 3] = SPIKE
    documents |= make_curve(name, [("", values)])
    address = write_site(folder, documents, blobs)
    page = Page(browser, width=1440, height=900)
    page.open(address)
    page.wait_for("document.querySelector('.grid-row')")
    chart = "[...document.querySelectorAll('.chart')].find((each) => each.textContent.includes('ripple'))"
    show = f"""location.hash = '#/experiment/{id_of(0)}?tab=curves';
      while (!{chart}?.querySelector('canvas')) await new Promise((done) => setTimeout(done, 1));"""
    times = []
    for _ in range(REPEATS):
        page.evaluate("location.hash = '#/health'")
        page.wait_for("document.querySelector('.tile')")
        times.append(timed(page, show))
    report(f"opening a curve of {points:,} points", times)
    # The first time reads the documents; a reload would read them again.
    print(f"{'  of these, the first':36} {times[0]:8.0f} ms")


def make_wide_table(experiments: int) -> dict[str, Any]:
    """Return the documents of a table of many experiments with many columns."""
    dice = random.Random(1)
    names = [f"metrics.m{number}" for number in range(COLUMNS // 2)]
    names += [f"params.p{number}" for number in range(COLUMNS // 2)]
    rows = [{name: round(dice.random(), 5) for name in names} for _ in range(experiments)]
    facts = [
        {
            "id": make_oid(f"experiment {number}"),
            "subject": f"run {number}",
            "message": f"run {number}",
            "author": f"Person {number % 7}",
            "time": START + 60 * number,
            "seconds": float(number % 900),
            "status": "completed",
            "branch": "main",
            "code": make_oid(f"code {number // 50}")[:10],
        }
        for number in range(experiments)
    ]
    return make_table(rows, facts)


def click_head(text: str) -> str:
    """Return the script that clicks the heading of a column."""
    return f"""[...document.querySelectorAll('.head-name')]
      .find((each) => each.textContent === {json.dumps(text)}).click();"""


def set_filter(condition: str) -> str:
    """Return the script that goes to the address of a filter."""
    return f"location.hash = '#/experiments?where=' + encodeURIComponent({json.dumps(condition)});"


def type_search(text: str) -> str:
    """Return the script that types a text into the search."""
    return f"""const field = document.querySelector('.toolbar input[type=search]');
      field.value = {json.dumps(text)}; field.dispatchEvent(new Event('input', {{bubbles: true}}));"""


def timed(page: Page, script: str) -> float:
    """Return the milliseconds from a script's start until its result is drawn."""
    return page.evaluate(
        f"(async () => {{ const start = performance.now(); {script} {PAINTED} {PAINTED}"
        " return performance.now() - start; })()"
    )


def report(what: str, times: list[float]) -> None:
    """Print the median and the longest of some times."""
    print(f"{what:36} {statistics.median(times):8.0f} ms, at most {max(times):.0f} ms")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
