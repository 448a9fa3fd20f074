"""The console in a browser as a person meets it: the sign-in, a wrong token, a right one, and a terminal that paints.

Needs Chromium (any of the usual names); nothing of it leaves the machine.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from engagerr import Workspace
from tests.fakes.cluster import Clone
from tests.tui.terminal_day import ENGAGERR, environment

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDTH, HEIGHT = 1000, 640


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


@pytest.fixture
def site(clone: Clone, home: Path, workspace: Workspace) -> Iterator[tuple[str, str]]:
    """`engagerr console --web` as a process of its own: its address, and a token."""
    token = workspace.members.issue_token(name="browser").token
    with subprocess.Popen(
        [ENGAGERR, "console", "--web", "--port", "0"], env=environment(clone, home), stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        said = server.stdout.readline()
        found = re.search(r"http://\S+", said)
        assert found, said
        yield found[0], token
        server.send_signal(signal.SIGINT)
        assert server.wait(20) == 0


@dataclass
class Heard:
    """What the browser asked for, and what it complained of."""

    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)


def a_page(browser: Browser, heard: Heard) -> Page:
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    # The terminal's own script says how long a ping took, as plain words.
    page.on("console", lambda message: message.type in ("error", "warning") and
            heard.complaints.append(f"{message.type}: {message.text} {message.location.get('url')}"))  # fmt: skip
    page.on("pageerror", lambda error: heard.complaints.append(str(error)))
    page.on("request", lambda request: heard.asked.append(request.url))

    def socket(opened: Any) -> None:
        heard.asked.append(opened.url)
        opened.on("framereceived", lambda data: heard.frames.append(len(data)))

    page.on("websocket", socket)
    return page


def colours(picture: bytes) -> Counter[tuple[int, ...]]:
    """How often each colour stands in a picture."""
    import io

    from PIL import Image

    image = Image.open(io.BytesIO(picture)).convert("RGB")
    return Counter({colour: count for count, colour in image.getcolors(1 << 24) or []})


def test_a_person_signs_in_and_sees_the_console(browser: Browser, site: tuple[str, str], tmp_path: Path) -> None:
    address, token = site
    heard = Heard()
    page = a_page(browser, heard)
    page.goto(address)
    assert page.url.endswith("/sign-in")
    page.fill("input[name=token]", "engagerr_s_nonsense")
    page.keyboard.press("Enter")
    page.locator("[role=alert]", has_text=re.compile(r"\w")).wait_for()
    assert "nonsense" not in page.content()
    # A refusal is an answer with status 401, which the browser notes; nothing else is noted.
    assert [one for one in heard.complaints if "401" not in one] == []
    heard.complaints.clear()

    page.fill("input[name=token]", token)
    page.keyboard.press("Enter")
    page.wait_for_url(address)
    page.wait_for_selector(".xterm", timeout=30_000)
    for _ in range(120):
        page.wait_for_timeout(250)
        seen = colours(page.screenshot())
        # The ground of the console, the chip of the current tab with its letters, and many shades.
        if {(0x0E, 0x13, 0x19), (0x5C, 0xC8, 0xDE), (0x06, 0x17, 0x1B)} <= set(seen) and len(seen) > 40:
            break
    picture = page.screenshot(path=os.environ.get("CONSOLE_PICTURE") or tmp_path / "console.png")
    assert (0x06, 0x17, 0x1B) in colours(picture), "the terminal stayed blank"
    assert heard.frames

    # A key changes what is painted: the terminal listens, too.
    page.keyboard.press("?")
    for _ in range(60):
        page.wait_for_timeout(250)
        if page.screenshot() != picture:
            break
    else:
        pytest.fail("a key changed nothing")

    here = urlsplit(address)
    elsewhere = [one for one in heard.asked
                 if urlsplit(one).netloc != here.netloc and urlsplit(one).scheme not in ("data", "blob")]  # fmt: skip
    assert elsewhere == []
    assert heard.complaints == []
    assert token not in page.content()
    page.close()
