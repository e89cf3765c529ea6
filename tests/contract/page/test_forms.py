"""Faults, switches and the clock, changed by clicks, by the keyboard and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from fusion_emulator import Emulator
from tests.contract.emulator.caller import Caller
from tests.contract.page.browser import Watch, submit


def test_a_fault_is_set_by_a_click_used_up_and_removed(emulator: Emulator, caller: Caller, page: Page) -> None:
    faults = page.locator("#live-faults")
    page.get_by_label("New fault").fill("POST /customer 503 x2")
    submit(page, "Set the fault")
    expect(page.get_by_role("status").filter(has_text="The fault is set")).to_be_visible()
    expect(faults).to_contain_text("the next 2 requests")

    assert caller.create().status == 503
    expect(faults).to_contain_text("the next 1 request")
    row = page.locator("#live-requests").get_by_role("row", name="/api/v1/customer")
    expect(row.get_by_role("cell").nth(3)).to_contain_text("503")
    expect(row).to_contain_text("POST /customer 503 x2")
    assert caller.create().status == 503
    expect(faults).to_contain_text("No fault is set")
    assert caller.create().status == 201

    submit(page, "The key is revoked")
    expect(faults.get_by_role("listitem")).to_have_count(1)
    assert caller.read().status == 401
    submit(page, "Remove")
    expect(faults).to_contain_text("No fault is set")
    assert caller.read().status == 200


def test_a_wrong_fault_is_explained_at_its_field(emulator: Emulator, page: Page) -> None:
    page.get_by_label("New fault").fill("POST /customer 5O3")
    submit(page, "Set the fault")

    line = page.get_by_label("New fault")
    expect(line).to_have_value("POST /customer 5O3")
    expect(line).to_be_focused()
    expect(line).to_have_attribute("aria-invalid", "true")
    expect(line).to_have_accessible_description(re.compile("no kind '5O3'"))
    expect(page.get_by_role("alert").filter(has_text="no kind '5O3'")).to_be_visible()
    assert list(emulator.faults) == []

    line.fill("POST /customer 503")
    with page.expect_navigation():
        line.press("Enter")
    expect(page.locator("#live-faults")).to_contain_text("POST /customer 503")
    expect(page.get_by_label("New fault")).not_to_have_attribute("aria-invalid", "true")


def test_a_switch_is_changed_and_reset(emulator: Emulator, caller: Caller, page: Page) -> None:
    page.get_by_label("absence", exact=True).select_option("403")
    submit(page, "Set absence")
    expect(page.locator("#live-switches .summary")).to_contain_text("Changed: absence")
    assert caller.read().status == 403

    submit(page, "Reset all")
    expect(page.locator("#live-switches .summary")).to_contain_text("defaults")
    assert caller.read().status == 404


def test_a_wrong_switch_is_explained_at_its_field(emulator: Emulator, page: Page) -> None:
    page.locator("#value-user_rate").fill("many")
    submit(page, "Set user_rate")

    # The live parts, which have the present value, keep it.
    emulator.switch(absence=403)
    expect(page.locator("#live-switches .summary")).to_contain_text("Changed: absence")
    expect(page.locator("#value-user_rate")).to_have_value("many")
    expect(page.locator("#value-user_rate")).to_have_accessible_description(re.compile("expected off"))
    assert emulator.switches.user_rate == "50/300"


def test_a_token_expires_by_a_click_on_the_clock(emulator: Emulator, caller: Caller, page: Page) -> None:
    assert caller.read().status == 404
    submit(page, "1 day")
    expect(page.get_by_role("status").filter(has_text="clock")).to_be_visible()
    assert caller.read().status == 401


def test_a_fault_is_set_and_removed_by_the_keyboard(emulator: Emulator, page: Page) -> None:
    keyboard = page.keyboard
    keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the customers")
    expect(page.locator(":focus")).to_be_in_viewport()
    keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()

    tab_to(page, "#line")
    keyboard.type("* * 503")
    with page.expect_navigation():
        keyboard.press("Enter")
    expect(page.locator("#live-faults")).to_contain_text("* * 503")
    tab_to(page, "#live-faults button")
    with page.expect_navigation():
        keyboard.press("Space")
    expect(page.locator("#live-faults")).to_contain_text("No fault is set")
    assert list(emulator.faults) == []


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until an element has the focus; each stop on the way must show its focus and have a name."""
    for _ in range(80):
        page.keyboard.press("Tab")
        stop = page.evaluate(
            """selector => {
              const each = document.activeElement, style = getComputedStyle(each);
              const visible = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
              return {found: each.matches(selector), visible, html: each.outerHTML.slice(0, 200)};
            }""",
            selector,
        )
        assert stop["visible"], f"no outline of {stop['html']}"
        if stop["found"]:
            return
    raise AssertionError(f"Tab does not reach {selector}")


@pytest.fixture
def plain(emulator: Emulator, watch: Watch, new_context: Callable[..., BrowserContext]) -> Iterator[Page]:
    """The page in a browser without JavaScript."""
    page = new_context(java_script_enabled=False).new_page()
    with watch.watching(page):
        page.goto(emulator.page_url)
        yield page


def test_the_page_works_without_javascript(emulator: Emulator, caller: Caller, plain: Page) -> None:
    plain.get_by_label("New fault").fill("POST /customer 503 x1")
    submit(plain, "Set the fault")
    expect(plain.locator("#live-faults")).to_contain_text("the next 1 request")
    assert [caller.create().status for _ in range(2)] == [503, 201]

    plain.reload()
    expect(plain.locator("#live-faults")).to_contain_text("No fault is set")
    expect(plain.locator("#live-customers").get_by_role("row", name="acme-one")).to_be_visible()
    plain.get_by_label("absence", exact=True).select_option("403")
    submit(plain, "Set absence")
    expect(plain.locator("#live-switches .summary")).to_contain_text("Changed: absence")
    submit(plain, "Clear the list")
    expect(plain.locator("#live-requests")).to_contain_text("No requests yet")
