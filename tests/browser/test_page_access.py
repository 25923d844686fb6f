"""Test that people can use the page without a mouse, on a phone, enlarged, and with a reader."""

from __future__ import annotations

import pytest

from tests.support.chromium import Page
from tests.support.page_example import id_of
from tools.build_page import PAGE, NoPackages, install_packages

FIRST, SECOND, NOTED = id_of(0), id_of(1), id_of(3)
ADDRESSES = {
    "#/experiments?chart=scatter": ".grid-row",
    "#/experiments?group=same&chart=parallel": "table.plain td",
    f"#/experiment/{NOTED}": ".note",
    f"#/experiment/{FIRST}?tab=curves": ".plot canvas",
    f"#/experiment/{FIRST}?tab=data": ".payload",
    f"#/experiment/{FIRST}?tab=feedback": ".tile",
    f"#/experiment/{FIRST}?tab=log": ".log-line",
    f"#/experiment/{FIRST}?tab=lineage": ".lineage-node",
    f"#/compare/{FIRST},{SECOND}": "table.plain td",
    f"#/compare/{FIRST},{SECOND}?part=media": ".image-pair",
    "#/data/data": ".entry",
    "#/story": ".entry",
    "#/health": ".tile",
    "#/contracts": "table.plain td",
    "#/contracts/contracts/faces.odcs.yaml": ".entry",
}


@pytest.fixture(scope="module")
def axe() -> str:
    """Return the script of axe, which finds mistakes of accessibility."""
    try:
        install_packages()
    except NoPackages as error:
        pytest.skip(str(error))
    return (PAGE / "node_modules" / "axe-core" / "axe.min.js").read_text("utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_views_in_both_themes_have_no_violation(
    page: Page, site: str, axe: str, scheme: str
) -> None:
    page.prefer(color_scheme=scheme)
    page.open(site)
    page.evaluate(f"(() => {{ {axe} }})()")
    # The dark theme differs in colours alone.
    rules = "{}" if scheme == "light" else "{runOnly: ['color-contrast', 'link-in-text-block']}"
    found = []
    for address, selector in ADDRESSES.items():
        page.evaluate(f"location.hash = {address!r}")
        page.wait_for(f"location.hash === {address!r} && document.querySelector({selector!r})")
        found += page.evaluate(
            f"axe.run(document, {rules}).then((result) => result.violations"
            ".map((each) => [each.id, each.nodes.slice(0, 3).map((node) => node.html.slice(0, 200))]))"
        )
    assert found == []
    assert page.evaluate("document.documentElement.dataset.theme") == scheme


@pytest.mark.parametrize(("width", "scale"), [(390, 1), (1280, 2)])
def test_page_is_never_wider_than_the_screen(page: Page, site: str, width: int, scale: int) -> None:
    page.resize(width, 800, scale=scale)
    page.open(site)
    for address, selector in ADDRESSES.items():
        page.evaluate(f"location.hash = {address!r}")
        page.wait_for(f"location.hash === {address!r} && document.querySelector({selector!r})")
        wide = page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert (address, wide) == (address, 0)


def test_theme_when_switched_stays_for_the_next_visit(page: Page, site: str) -> None:
    page.prefer(color_scheme="light")
    page.open(site)
    page.click("button[aria-label='Dark theme']")
    page.wait_for("document.documentElement.dataset.theme === 'dark'")
    page.open("about:blank")
    page.open(site)
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.click("button[aria-label='Dark theme']")
    page.wait_for("document.documentElement.dataset.theme === 'light'")
    page.evaluate("localStorage.clear()")


def test_page_with_reduced_motion_moves_nothing(page: Page, site: str) -> None:
    page.prefer(reduced_motion="reduce")
    page.open(site)
    page.wait_for("document.querySelector('.button')")
    moving = (
        "[...document.querySelectorAll('*')].filter((each) => {"
        " const style = getComputedStyle(each);"
        " return style.animationName !== 'none' || style.transitionDuration !== '0s'; }).length"
    )
    assert page.evaluate(moving) == 0


def test_every_control_is_reached_by_the_tab_key(page: Page, site: str) -> None:
    page.open(site)
    page.wait_for("document.querySelector('.grid-row')")
    names = []
    for _ in range(30):
        page.press("Tab")
        names.append(
            page.evaluate(
                "document.activeElement.getAttribute('aria-label')"
                " || document.activeElement.textContent.trim() || document.activeElement.id"
            )
        )
    for name in (
        "Skip to content",
        "Story",
        "Dark theme",
        "where",
        "Scatter",
        "Columns",
        "Experiments",
    ):
        assert name in names
