"""Test the page against documents that would like to run scripts, and against a server's policy."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest

from tests.support.chromium import Chromium, Page
from tests.support.page_documents import write_site
from tests.support.page_example import id_of, make_example
from tests.support.page_server import LiveDocuments, serve_documents

FIRST, SECOND, NOTED = id_of(0), id_of(1), id_of(3)
HOSTILE = (
    "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>\"'`{{7*7}}${window.hacked=1}"
    "<svg onload=window.hacked=1><style>*{display:none}</style><a href='javascript:window.hacked=1'>x</a>"
    "[x](javascript:window.hacked=1) ![x](http://elsewhere.example/x.png) <iframe src=//elsewhere.example>"
    "\x1b[31m\x1b]8;;http://elsewhere.example\x07\u202e\u0000,%2C&#x3C;"
)
ADDRESSES = {
    "#/experiments?chart=scatter": ".grid-row",
    "#/experiments?group=same&chart=parallel": "table.plain td",
    "#/experiments?group=author": "table.plain td",
    f"#/experiment/{NOTED}": ".note",
    f"#/experiment/{FIRST}?tab=curves": ".plot canvas",
    f"#/experiment/{FIRST}?tab=media": ".preview-image",
    f"#/experiment/{FIRST}?tab=data": ".payload",
    f"#/experiment/{FIRST}?tab=code": ".patch .added",
    f"#/experiment/{FIRST}?tab=environment": "table.plain td",
    f"#/experiment/{FIRST}?tab=feedback": ".tile",
    f"#/experiment/{FIRST}?tab=log": ".log-line",
    f"#/experiment/{FIRST}?tab=lineage": ".lineage-node",
    f"#/compare/{FIRST},{SECOND}": "table.plain td",
    f"#/compare/{FIRST},{id_of(20)}?part=code": ".patch",
    f"#/compare/{FIRST},{id_of(20)}?part=data": ".changes li",
    f"#/compare/{FIRST},{SECOND}?part=media": ".image-pair",
    "#/data": "table.plain td",
    "#/story?tell=all": ".entry",
    "#/health": ".tile",
    "#/contracts": "table.plain td",
    "#/contracts/contracts/faces.odcs.yaml": ".entry",
}


def visit(page: Page) -> None:
    """Open every view, and everything in it that can be opened."""
    for address, selector in ADDRESSES.items():
        page.evaluate(f"location.hash = {address!r}")
        page.wait_for(f"location.hash === {address!r} && document.querySelector({selector!r})")
        page.evaluate(
            "document.querySelectorAll('main details').forEach((each) => { each.open = true; })"
        )
        page.wait_for("!document.querySelector('.loading')")
        page.evaluate(
            "document.querySelectorAll('.listing-files button').forEach((each) => each.click())"
        )
        page.wait_for("!document.querySelector('.loading')")


def check_untouched(page: Page) -> None:
    """Check that no markup of the documents became elements."""
    assert page.evaluate("window.hacked") is None
    markup = "img[src=x], iframe, main style, main script, a[href^=javascript], [onerror], [onload]"
    assert page.evaluate(f"document.querySelectorAll({markup!r}).length") == 0


def test_hostile_texts_in_every_place_run_no_script(
    page: Page, tmp_path_factory: pytest.TempPathFactory
) -> None:
    page.open(write_site(tmp_path_factory.mktemp("hostile"), *make_example(HOSTILE)))
    page.wait_for("document.querySelector('.grid-row')")
    visit(page)
    check_untouched(page)


def test_address_with_markup_runs_no_script(page: Page, site: str) -> None:
    for view in ("experiment/", "compare/", "data/", "story?metric=", "experiments?where=", "x/"):
        page.open("about:blank")
        page.open(f"{site}#/{view}%3Cimg%20src=x%20onerror=window.hacked=1%3E")
        page.wait_for("document.querySelector('main').textContent.length > 5")
        check_untouched(page)


def test_very_long_value_does_not_hold_up_the_page(
    page: Page, tmp_path_factory: pytest.TempPathFactory
) -> None:
    documents, blobs = copy.deepcopy(make_example())
    long = "x" * 1_000_000
    documents[f"experiment/{FIRST[:16]}"]["params"][0]["value"] = long
    documents[f"experiment/{FIRST[:16]}"]["facts"]["why"] = long
    for column in documents["experiments"]["facts"]:
        if column["name"] == "why":
            column["words"][0] = long
    page.open(write_site(tmp_path_factory.mktemp("long"), documents, blobs))
    page.wait_for("document.querySelector('.grid-row')")
    page.evaluate(f"location.hash = '#/experiment/{FIRST}'")
    page.wait_for("document.querySelector('.why')")
    assert page.evaluate("document.documentElement.outerHTML.length") < 300_000


@pytest.fixture
def live() -> LiveDocuments:
    return LiveDocuments(*make_example())


@pytest.fixture
def live_page(chromium: Chromium, live: LiveDocuments) -> Iterator[Page]:
    """Yield a page of a live server with a strict policy; check its console and requests."""
    with serve_documents(live) as address:
        page = Page(chromium)
        page.open(address)
        page.wait_for("document.querySelector('.grid-row')")
        yield page
        page.close()
    assert [each for each in page.console if "404" not in each] == []
    others = [each for each in page.requests if not each.startswith((address, "data:", "about:"))]
    assert others == []


def test_all_views_live_keep_the_strict_policy(live_page: Page) -> None:
    visit(live_page)
    assert "live" in live_page.evaluate("document.querySelector('.freshness').textContent")
    assert live_page.evaluate("document.querySelectorAll('[style*=\"url\"]').length") == 0


def test_document_that_changed_is_shown_again(live_page: Page, live: LiveDocuments) -> None:
    live.documents["experiments"]["repository"]["name"] = "renamed"
    live.send({"changed": ["experiments"]})
    live_page.wait_for("document.querySelector('.brand-name').textContent === 'renamed'")


def test_point_that_arrives_is_added_to_the_curve(live_page: Page, live: LiveDocuments) -> None:
    live_page.evaluate(f"location.hash = '#/experiment/{FIRST}?tab=curves'")
    live_page.wait_for("document.querySelector('.legend')")
    name = f"curve/{FIRST[:16]}/1"
    live.send({"curve": name, "from": 60, "steps": [60], "times": [1], "values": [0.125]})
    live_page.wait_for("document.querySelector('.legend').textContent.includes('0.125')")
    asked = [each for each in live_page.requests if each.endswith(f"{name}.json")]
    assert len(asked) == 1


def test_payload_that_is_not_here_is_fetched_when_asked(
    live_page: Page, live: LiveDocuments
) -> None:
    health = live.documents.pop("health")
    live_page.evaluate("location.hash = '#/health'")
    live_page.click("button", "Fetch")
    live_page.wait_for("document.querySelector('progress')")
    live_page.wait_for(
        "performance.getEntriesByType('resource').some((each) => each.name.endsWith('/fetch'))"
    )
    assert live.posted == [{"content": "c" * 40}]
    live.documents["health"] = health
    live.send({"fetch": "c" * 40, "done": 9, "total": 9, "error": ""})
    live_page.wait_for_text("Never reproduced")


def test_run_in_progress_is_listed_and_followed(live_page: Page, live: LiveDocuments) -> None:
    run = "run-0123456789ab"
    curve = f"curve/{run}/0"
    live.documents[f"experiment/{run}"] = {
        "id": run,
        "facts": {"subject": "python train.py", "status": "running", "time": 1, "seconds": 2},
        "metrics": [{"name": "loss", "last": 1, "goal": "min", "curve": curve, "points": 1}],
    }
    live.documents[curve] = {
        "metric": "loss",
        "series": [{"attempt": run, "rank": "", "points": 1, "levels": []}],
        "steps": [[0]],
        "times": [[0]],
        "values": [[1]],
    }
    shown = {"id": run[4:], "pid_alive": True, "started": 1, "command": "python train.py"}
    live.documents["experiments"]["running"] = [{**shown, "metrics": [["loss", curve]]}]
    live.send({"changed": ["experiments"]})
    live_page.click(".running a", "python train.py")
    live_page.wait_for("document.querySelector('.legend')")
    live.send({"curve": curve, "from": 1, "steps": [1], "times": [1], "values": [0.125]})
    live_page.wait_for("document.querySelector('.legend').textContent.includes('0.125')")
    assert "git datmo logs -f" in live_page.evaluate("document.querySelector('main').textContent")
    # The server answers for a run that has ended with the document of its experiment.
    live.documents[f"experiment/{run}"] = live.documents[f"experiment/{FIRST[:16]}"]
    del live.documents[curve]
    live.send({"changed": ["experiment"]})
    live_page.wait_for(f"location.hash === '#/experiment/{FIRST}'")
    live.send({"reload": True})
    live_page.wait_for_text("git datmo show")


def test_document_that_cannot_be_drawn_leaves_the_page_usable(
    live_page: Page, live: LiveDocuments
) -> None:
    live.documents["story"] = {}
    live_page.click("nav a", "Story")
    live_page.wait_for_text("This view cannot be shown")
    live_page.click("nav a", "Health")
    live_page.wait_for_text("Never reproduced")
