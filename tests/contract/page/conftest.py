"""The browser, with a context of its own for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.contract.page.browser import running_browser

# Milliseconds; a wait ends as soon as what it expects is there.
LIMIT = 30_000


# One per module, since another test of the same worker can't start an event loop while Playwright has one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Yield a browser."""
    expect.set_options(timeout=LIMIT)
    with running_browser() as browser:
        yield browser


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """Yield a profile without cookies."""
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.set_default_timeout(LIMIT)
    yield context
    context.close()
