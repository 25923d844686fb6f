"""Test that a page answers the questions of a person who has nothing but the exported folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.support.chromium import Page
from tests.support.page_documents import write_site
from tests.support.page_example import id_of, make_example

FAILED, NOTED = id_of(5), id_of(3)


def write_changed_site(folder: Path, name: str, values: list[Any]) -> str:
    """Return the address of an example whose newest experiments have these values of a fact."""
    documents, files = make_example()
    facts = documents["experiments"]["facts"]
    (column,) = (each for each in facts if each["name"] == name)
    old = column.get("values") or [column["words"][index] for index in column["index"]]
    facts[facts.index(column)] = {
        "name": name,
        "kind": column["kind"],
        "values": [*values, *old[len(values) :]],
    }
    return write_site(folder, documents, files)


def test_failed_experiment_shows_its_exit_code_and_the_end_of_its_log(
    page: Page, site: str
) -> None:
    page.open(f"{site}#/experiment/{FAILED}")
    page.wait_for_text("Failed with exit code 1. The log ends with:")
    page.wait_for("document.querySelector('.log-end').textContent.endsWith('loss 0.5')")
    page.wait_for_text("Nobody has run it again yet.")
    page.wait_for_text("No reason, result or decision was noted.")


def test_story_chooses_failed_experiments_and_decisions(page: Page, site: str) -> None:
    page.open(f"{site}#/story")
    page.click(".segmented button", "Failed")
    page.wait_for("document.querySelectorAll('.entry').length === 1")
    assert page.evaluate("document.querySelector('.entry a').hash").endswith(FAILED)
    page.click(".segmented button", "Decisions")
    page.wait_for_text("No decision was noted.")
    page.click(".segmented button", "All")
    page.wait_for("document.querySelectorAll('.entry').length > 20")


def test_note_shows_the_time_of_its_writing(page: Page, site: str) -> None:
    page.open(f"{site}#/experiment/{NOTED}")
    page.wait_for(
        "/^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d$/.test("
        "document.querySelector('.note time').textContent)"
    )


def test_numbers_of_a_comparison_are_aligned_to_the_right(page: Page, site: str) -> None:
    page.open(f"{site}#/compare/{id_of(0)},{id_of(2)},{FAILED}")
    page.wait_for_text("Compare 3 experiments")
    style = "getComputedStyle(document.querySelector('[aria-label=Results] td.number'))"
    assert page.evaluate(f"{style}.textAlign") == "right"
    assert page.evaluate(f"{style}.whiteSpace") == "nowrap"
    assert page.evaluate(f"{style}.fontVariantNumeric") == "tabular-nums"
    rows = page.evaluate(
        "[...document.querySelectorAll('[aria-label=Results] tbody tr')]"
        ".map((row) => [...row.cells].map((cell) => cell.textContent))"
    )
    assert {len(text.split(".")[1]) for text in rows[1][1:]} == {4}, rows


def test_experiments_of_the_same_title_show_their_ids(page: Page, tmp_path: Path) -> None:
    site = write_changed_site(tmp_path, "message", ["Sweep", "Sweep"])
    page.open(f"{site}#/story?tell=all")
    page.wait_for_text("Sweep")
    codes = "[...document.querySelectorAll('.entry a')].map((each) => each.textContent)"
    found = page.evaluate(codes)
    assert found[:2] == [f"Sweep{id_of(number)[:8]}" for number in range(2)]
    assert found[2] == "Try number 22"


def test_story_joins_the_experiments_of_a_sweep(page: Page, tmp_path: Path) -> None:
    documents, files = make_example()
    for entry in documents["story"]["entries"][4:10]:
        entry |= {"subject": "Sweep", "author": "Ada", "why": "Which rate?", "status": "completed"}
    page.open(f"{write_site(tmp_path, documents, files)}#/story")
    page.wait_for_text("All 6 experiments")
    assert page.evaluate("document.querySelectorAll('.members').length") == 1
    assert page.evaluate("document.querySelectorAll('.members li').length") == 6
    assert page.evaluate("document.body.innerText.split('Which rate?').length") == 2
    page.click(".segmented button", "All")
    page.wait_for("document.body.innerText.split('Which rate?').length === 7")


def test_curves_of_shown_or_chosen_rows_are_drawn(page: Page, site: str) -> None:
    page.open(f"{site}#/experiments?chart=curves")
    page.wait_for_text("Try number 24 " + id_of(0)[:8])
    page.click("input[aria-label='Choose all rows']")
    page.wait_for_text("24 experiments chosen")
    page.click("input[aria-label='Choose all rows']")
    page.click(".grid-row input")
    page.wait_for_text("Curves of 1 row.")


def test_experiment_before_is_never_a_snapshot_that_follows_the_data(
    page: Page, tmp_path: Path
) -> None:
    site = write_changed_site(tmp_path, "is_data_only", [False, True])
    page.open(f"{site}#/experiment/{id_of(0)}")
    page.wait_for_text("Compare with the one before")
    links = page.evaluate("[...document.querySelectorAll('.neighbours a')].map((a) => a.hash)")
    assert links[1:] == [f"#/experiment/{id_of(2)}", f"#/compare/{id_of(2)},{id_of(0)}"]
    page.open(f"{site}#/experiment/{id_of(2)}")
    page.wait_for_text("Newer")
    assert page.evaluate("document.querySelectorAll('.neighbours a')[2].hash").endswith(id_of(0))


def test_export_without_experiments_tells_how_to_begin(page: Page, tmp_path: Path) -> None:
    documents, _ = make_example()
    table = documents["experiments"]
    empty = {"count": 0, "ids": [], "facts": [], "columns": [], "sparklines": [], "made": 0.0}
    documents = {"experiments": {**table, **empty}, "story": {"entries": []}}
    site = write_site(tmp_path, documents, {})
    for view in ("experiments", "story"):
        page.open(f"{site}#/{view}")
        page.wait_for_text("There are no experiments yet.")
        page.wait_for_text("git datmo init")
    assert "1970" not in page.evaluate("document.body.innerText")
