"""Texts of clients on the page: they stay texts."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from fusion_emulator import Emulator
from tests.contract.emulator.caller import Caller
from tests.contract.page.browser import submit
from tests.contract.page.records import record_session

TEXTS: Final = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><img src=http://192.0.2.1/x onerror=alert(1)>',
    "'\"></td></table></main><h1>Owned</h1><!--",
    "</script><svg/onload=alert(1)>",
    "{{7*7}}${7*7}<%= 7*7 %>{% include 'x' %}",
    "javascript:alert(1)",
    "</textarea></title></style><base href=http://192.0.2.1/>",
    "<a id=live-customers name=live-customers href=x>live-customers</a>",
    "<form action=http://192.0.2.1><input name=form_token>",
    "&lt;b&gt; &amp;amp; &#60;",
    "\u202egnp.exe\u202c \u2066\u200bRLO",
    "line\none\ttab\x1b[31m\x00",
    "e" + "\u0301" * 300,
    "\U0001f469\u200d\U0001f680 \u0645\u0631\u062d\u0628\u0627",
    "x" * 2000,
    "wide " * 400,
)
HIDDEN: Final = "[\\u0000-\\u0008\\u000b-\\u001f\\u202a-\\u202e\\u2066-\\u2069]"


@pytest.fixture
def hostile(emulator: Emulator, caller: Caller, tmp_path: Path) -> Emulator:
    """An emulator with a hostile text wherever a client can put one."""
    record_session(tmp_path / "audit.jsonl", customer=TEXTS[2] + "x" * 500, mode=TEXTS[1])
    for number, text in enumerate(TEXTS):
        emulator.seed(f"customer-{number}", organization=text, given_name=text[:50], family_name=text[:50])
        caller.send("GET", f"/api/v1/customer/{quote(text[:1000], safe='')}")
        assert caller.send("GET", "/api/v1/customers", headers={"X-Text": quote(text[:1000])}).status == 200
    paths = ("<script>alert(1)</script>", "<img/src=x/onerror=alert(1)>", "{{7*7}}", "x" * 500)
    faults = {"faults": [f"GET /{path} 503" for path in paths]}
    assert caller.send("POST", "/_emulator/faults", faults).status == 200
    emulator.switch(types=f"customer={TEXTS[0]},reseller={TEXTS[1]},staff={'x' * 500}")
    return emulator


def test_hostile_texts_stay_texts(hostile: Emulator, page: Page) -> None:
    assert_harmless(page)

    # The same by the live parts, which come by another way.
    page.set_viewport_size({"width": 400, "height": 800})
    hostile.seed("the-last", organization=TEXTS[2])
    expect(page.get_by_role("row", name="the-last").get_by_role("rowheader")).to_have_text(TEXTS[2])
    assert_harmless(page)


def assert_harmless(page: Page) -> None:
    for text in ("<script>alert(1)</script>", '"><img src=http://192.0.2.1/x onerror=alert(1)>', "{{7*7}}"):
        expect(page.locator("#live-customers").get_by_text(text).first).to_be_visible()
    for injected in (
        "img",
        "svg",
        "base",
        "iframe",
        "script:not([src])",
        "[onerror]",
        "[onload]",
        "h1:has-text('Owned')",
    ):
        expect(page.locator(injected)).to_have_count(0)
    assert not page.evaluate(f"new RegExp('{HIDDEN}').test(document.body.innerText)")
    widths = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert widths[0] == widths[1], f"the page is {widths[0]} pixels wide in a window of {widths[1]}"


def test_a_hostile_text_in_a_form_stays_a_text(emulator: Emulator, page: Page) -> None:
    for text in TEXTS[:4]:
        page.get_by_label("New fault").fill(text)
        submit(page, "Set the fault")
        expect(page.get_by_label("New fault")).to_have_value(text)
        expect(page.locator("img, svg, h1:has-text('Owned')")).to_have_count(0)

    for text in (TEXTS[0], TEXTS[2]):
        page.get_by_label("Find by organization or shortname").fill(text)
        submit(page, "Find")
        expect(page.get_by_label("Find by organization or shortname")).to_have_value(text)
        expect(page.locator("img, svg, h1:has-text('Owned')")).to_have_count(0)


def test_hostile_parameters_of_the_address_do_nothing(emulator: Emulator, page: Page) -> None:
    for parameter in ("q", "page", "done", "line", "problem"):
        page.goto(f"{emulator.page_url}?{parameter}={quote(TEXTS[2])}#{quote(TEXTS[1])}")
        expect(page.get_by_role("heading", level=1)).to_have_text("Fusion emulator")
        expect(page.locator("img, svg")).to_have_count(0)
