"""The browser, the emulator, and its page in a tab of the browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from fusion_emulator import Emulator
from tests.contract.emulator.caller import Caller
from tests.contract.page.browser import LIMIT, Watch, running_browser


# One per module, since another test of the same worker can't start an event loop while Playwright has one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yield a browser."""
    with running_browser() as browser:
        yield browser


@pytest.fixture
def new_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """Return a function that makes a profile without cookies, by the settings of Playwright's ``new_context``."""
    opened = []

    def new(**settings: Any) -> BrowserContext:
        context = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **settings})
        context.set_default_timeout(LIMIT)
        opened.append(context)
        return context

    yield new
    for context in opened:
        context.close()


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[Emulator]:
    """Yield an emulator without customers, whose users record their sessions in audit.jsonl."""
    with Emulator(audit=tmp_path / "audit.jsonl") as running:
        yield running


@pytest.fixture
def caller(emulator: Emulator) -> Caller:
    """Return a client with a token."""
    caller = Caller(emulator.netosecret)
    assert caller.authenticate().status == 200
    return caller


@pytest.fixture
def watch(emulator: Emulator) -> Iterator[Watch]:
    """Yield an observer, and fail at the end if the page did what it must not do."""
    watch = Watch(emulator.url)
    yield watch
    assert watch.problems == []


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Iterator[Page]:
    """Yield a tab for the tests of a module: a new one takes most of a second, and the page stores nothing in it."""
    with browser.new_context() as context:
        context.set_default_timeout(LIMIT)
        yield context.new_page()


@pytest.fixture
def page(emulator: Emulator, watch: Watch, tab: Page) -> Iterator[Page]:
    """Yield the page of the emulator in a browser; each test has another emulator, and so another origin."""
    tab.set_viewport_size({"width": 1400, "height": 900})
    tab.emulate_media(color_scheme="light", reduced_motion="reduce")
    with watch.watching(tab):
        tab.goto(emulator.page_url)
        yield tab
