"""Where things are on the page: what is visible at which width, and what stays in place after a form."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from fusion_emulator import Emulator
from tests.contract.emulator.caller import Caller
from tests.contract.page.browser import submit

WIDE = "[...document.querySelectorAll('.scroll')].filter(each => each.scrollWidth > each.clientWidth).length"
TOP = "id => document.getElementById(id).getBoundingClientRect().top"
LABEL = "each => getComputedStyle(each, '::before').content"


def test_every_value_is_visible_without_horizontal_scrolling(emulator: Emulator, caller: Caller, page: Page) -> None:
    emulator.seed("north-mssp-emea", type="reseller", organization="North MSSP", trial=True)
    emulator.seed("lakeside", parent="north-mssp-emea", username="first.administrator@lakeside.example")
    emulator.faults.add("POST /customer commit-then-reset x1")
    with pytest.raises(OSError):  # the connection is reset
        caller.create()
    values = ["POST", "/api/v1/customer", "no answer the service answered 201", "POST /customer commit-then-reset x1"]
    row = page.locator("#live-requests").get_by_role("row", name="no answer")
    for width in (400, 800, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        expect(row.get_by_role("cell")).to_have_count(6)
        for cell, text in zip(row.get_by_role("cell").all()[1:], [*values, "run 1"], strict=True):
            expect(cell).to_have_text(text)
            cell.scroll_into_view_if_needed()
            expect(cell).to_be_in_viewport(ratio=0.99)
        assert page.evaluate(WIDE) == 0, f"a table scrolls in a window of {width} pixels"

    # As cards, the rows are still those of a table, and each value has its label.
    page.set_viewport_size({"width": 400, "height": 900})
    customer = page.get_by_role("row", name="first.administrator").get_by_role("cell")
    assert [each.evaluate(LABEL) for each in customer.all()] == ['"To"', '"Customer"']
    expect(page.locator("#live-customers").get_by_role("columnheader")).to_have_count(8)


def test_the_page_stays_where_it_was_after_a_form(emulator: Emulator, caller: Caller, page: Page) -> None:
    for number in range(20):
        caller.read(f"acme-{number}")
    expect(page.locator("#live-requests tbody tr")).to_have_count(21)
    page.evaluate("window.scrollTo(0, 200)")
    before = page.evaluate(TOP, "faults")
    submit(page, "Rate limit, once")
    notice = page.get_by_role("status").filter(has_text="The fault is set.")
    expect(notice).to_be_in_viewport()
    page.wait_for_function(f"before => Math.abs(({TOP})('faults') - before) < 2", arg=before)

    # The notice goes with the fault.
    assert caller.send("GET", "/api/v1/customers").status == 429
    expect(page.locator("#live-faults")).to_contain_text("Used up, the latest first: * /customer* 429")
    expect(notice).to_have_count(0)


def test_the_notice_about_a_switch_is_in_sight(page: Page) -> None:
    page.set_viewport_size({"width": 400, "height": 900})
    page.get_by_label("allow_list_lockout", exact=True).select_option("refused")
    page.get_by_role("button", name="Set allow_list_lockout").scroll_into_view_if_needed()
    before = page.evaluate(TOP, "switches")
    submit(page, "Set allow_list_lockout")
    notice = page.get_by_role("status").filter(has_text="The switch is changed.")
    expect(notice).to_be_in_viewport()
    page.wait_for_function(f"before => Math.abs(({TOP})('switches') - before) < 2", arg=before)
