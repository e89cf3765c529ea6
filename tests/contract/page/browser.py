"""A browser that reaches loopback only, and what a page in it must not do."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Dialog, Error, Page, Request, expect, sync_playwright

__all__ = ["EVIL", "LIMIT", "Watch", "running_browser", "submit"]

EVIL: Final = "evil.example"
"""A name that the browser resolves to loopback, as after DNS rebinding."""

LIMIT: Final = 30_000
"""Milliseconds; a wait ends as soon as what it expects is there."""

_RESOLVER: Final = f"MAP {EVIL} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
_ARGUMENTS: Final = (
    f"--host-resolver-rules={_RESOLVER}",
    "--no-proxy-server",
    "--disable-dev-shm-usage",
    "--disable-gpu",
)


@contextlib.contextmanager
def running_browser() -> Iterator[Browser]:
    """Yield the browser of ``tests/run``; fail with the reason if there is none."""
    program = os.environ.get("PULUMI_FUSION_BROWSER")
    if not program:
        pytest.fail(os.environ.get("PULUMI_FUSION_BROWSER_MISSING", "no browser: start the tests by tests/run"))
    with sync_playwright() as playwright:
        # Root can't use the sandbox. The pages are the emulator's, and those of these tests.
        browser = playwright.chromium.launch(executable_path=program, args=[*_ARGUMENTS], chromium_sandbox=False)
        expect.set_options(timeout=LIMIT)
        try:
            yield browser
        finally:
            browser.close()


def submit(page: Page, button: str) -> None:
    """Click a button and wait for the next page; the live parts of the present one may show the result before."""
    with page.expect_navigation():
        page.get_by_role("button", name=button, exact=True).click()


@dataclass
class Watch:
    """What a page did that no page of the emulator may do: errors, dialogs, requests to elsewhere."""

    url: str
    problems: list[str] = field(default_factory=list)

    @contextlib.contextmanager
    def watching(self, page: Page) -> Iterator[None]:
        """Observe a page during the block."""
        listeners: dict[Any, Callable[..., None]] = {
            "console": self._console,
            "pageerror": self._error,
            "dialog": self._dialog,
            "request": self._request,
        }
        for event, listener in listeners.items():
            page.on(event, listener)
        try:
            yield
        finally:
            for event, listener in listeners.items():
                page.remove_listener(event, listener)

    def _console(self, message: ConsoleMessage) -> None:
        # A violation of the Content-Security-Policy is an error of the console as well. So is, for the browser, the
        # answer to a form with a wrong value.
        harmless = "status of 422" in message.text or self._of_the_test_before(message.location["url"])
        if message.type in ("error", "warning") and not harmless:
            self.problems.append(f"console: {message.text} ({message.location})")

    def _error(self, error: Error) -> None:
        self.problems.append(f"error: {error}")

    def _dialog(self, dialog: Dialog) -> None:
        self.problems.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        if not request.url.startswith(f"{self.url}/") and not self._of_the_test_before(request.url):
            self.problems.append(f"request: {request.url}")

    def _of_the_test_before(self, url: str) -> bool:
        """Return whether the page of another emulator, which is shown until this one has loaded, follows that one."""
        return "/_emulator/page/live" in url and not url.startswith(f"{self.url}/")
