"""Where things are on the page: what is visible at which width."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from fusion_emulator import Emulator
from tests.contract.emulator.caller import Caller

WIDE = "[...document.querySelectorAll('.scroll')].filter(each => each.scrollWidth > each.clientWidth).length"
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
