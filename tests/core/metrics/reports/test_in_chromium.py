"""The HTML of reports as a browser shows it: no error, no overflow, readable in light and dark, and on paper.

Needs Chromium (any of the usual names) and, for the accessibility checks, axe-core:
`npm ci --prefix tests/browser`.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from engagerr import Workspace
from engagerr.core.metrics.reports.document import ReportDocument
from engagerr.core.metrics.reports.html import html
from tests.core.metrics.reports.documents import a_document
from tests.lines import a_figure, an_edge, an_item, bring

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

AXE = Path(__file__).parents[3] / "browser" / "node_modules" / "axe-core" / "axe.min.js"
PHONE, DESK = 375, 1440
_LOOK_FOR_CONTENT_WIDER_THAN_THE_PAGE = """
() => [...document.querySelectorAll('body *')].filter(element => {
  const region = element.closest('[role=region]');
  const hidden = element.closest('.hidden, .skip, caption, svg, details:not([open])');
  return !(region && region !== element) && !hidden
    && element.getBoundingClientRect().right > document.documentElement.clientWidth + 1;
}).map(element => element.outerHTML.slice(0, 120))
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next((found for name in names if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip(f"no Chromium is installed ({', '.join(names)})")
    sync_api = pytest.importorskip("playwright.sync_api")
    # Chromium's sandbox refuses to start for root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()


def shown(browser: Browser, document: ReportDocument, width: int, scheme: Any, complaints: list[str]) -> Page:
    """The report on a page of this width; what the browser complains of goes into `complaints`."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme, bypass_csp=True)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(f"asked for {request.url}"))
    page.set_content(html(document).decode())
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_nothing_is_wider_than_the_page_and_nothing_is_complained_of(browser: Browser, width: int, scheme: str) -> None:
    complaints: list[str] = []
    page = shown(browser, a_document(), width, scheme, complaints)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert page.evaluate(_LOOK_FOR_CONTENT_WIDER_THAN_THE_PAGE) == []
    # Opened as well: tables behind charts scroll by themselves.
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert page.evaluate("document.scrollingElement.scrollWidth") <= width
    assert complaints == []
    page.close()


def test_a_media_kit_of_a_workspace_fits_a_phone_and_has_no_fault(
    browser: Browser, workspace: Workspace, tmp_path: Path
) -> None:
    lines = [
        an_item(
            f"{platform}:{at}", kind=kind, url=f"https://{platform}.example/{at}", title=f"{at} " + "Wort" * 30,
            published_at=f"2026-10-{at + 1:02}T00:00:00Z",
            metrics=[a_figure("views", 1234567 + at, "2026-10-30"), a_figure("likes", 98765, "2026-10-30")],
        )
        for platform, kind in (("youtube", "long_video"), ("instagram", "reel"), ("tiktok", "short_video"))
        for at in range(7)
    ]  # fmt: skip
    bring(workspace, tmp_path, *lines, an_edge("tiktok:1", "youtube:1"), an_edge("instagram:1", "tiktok:1"))
    document = workspace.reports.creator("Ann Lee")
    complaints: list[str] = []
    page = shown(browser, document, PHONE, "light", complaints)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= PHONE
    assert page.evaluate(_LOOK_FOR_CONTENT_WIDER_THAN_THE_PAGE) == []
    assert complaints == []
    if AXE.is_file():
        page.evaluate(AXE.read_text("utf-8"))
        assert [rule["id"] for rule in page.evaluate("axe.run()")["violations"]] == []
    page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
def test_axe_finds_nothing_serious(browser: Browser, width: int, scheme: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: npm ci --prefix tests/browser")
    page = shown(browser, a_document(), width, scheme, [])
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    page.evaluate(AXE.read_text("utf-8"))
    report = page.evaluate("axe.run(document, {resultTypes: ['violations', 'passes']})")
    assert "color-contrast" in {rule["id"] for rule in report["passes"]}
    serious = {
        rule["id"]: [node["html"][:160] for node in rule["nodes"]]
        for rule in report["violations"]
        if rule["impact"] in {"serious", "critical"}
    }
    assert serious == {}, json.dumps(serious, indent=1)
    page.close()


def luminance(colour: str) -> float:
    """WCAG's relative luminance of #rrggbb."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_of_letters_and_charts_has_contrast(browser: Browser, scheme: str) -> None:
    """Letters in charts are SVG, which axe leaves out: the custom properties themselves are measured."""
    page = shown(browser, a_document(), DESK, scheme, [])
    names = ["--paper", "--ink", "--soft", "--accent", *(f"--series-{at}" for at in range(1, 7))]
    of = page.evaluate(
        "names => Object.fromEntries(names.map("
        "name => [name, getComputedStyle(document.documentElement).getPropertyValue(name).trim()]))",
        names,
    )
    paper = luminance(of["--paper"])
    for name in names[1:]:
        light, dark = sorted((paper, luminance(of[name])), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, of)
    page.close()


def test_on_paper_it_is_light_and_shows_no_screen_things(browser: Browser) -> None:
    page = shown(browser, a_document(), DESK, "dark", [])
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()
    assert not page.locator("details").first.is_visible()
    assert page.locator(".picture svg").first.is_visible()
    file = page.pdf(prefer_css_page_size=True)
    assert file.startswith(b"%PDF")
    page.close()


def test_the_keyboard_reaches_the_skip_link_first_and_the_tables_after(browser: Browser) -> None:
    page = shown(browser, a_document(), PHONE, "light", [])
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left") >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('role')") in {"region", None}
    page.close()
