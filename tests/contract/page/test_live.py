"""The page while programs use the emulator: it shows what happens without a reload."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from fusion_emulator import Emulator
from pulumi_fusion import FusionClient
from tests.contract.emulator.caller import CUSTOMER
from tests.contract.page.browser import Watch, submit


def test_an_onboarding_appears_as_it_happens(emulator: Emulator, page: Page) -> None:
    expect(page.locator("#live-customers")).to_contain_text("No customers yet")
    page.evaluate("window.notReloaded = true")

    with FusionClient(netosecret=emulator.netosecret, api_url=emulator.url) as fusion:
        fusion.create_customer({**CUSTOMER, "shortname": "harbor-msp", "organization": "Harbor", "type": "reseller"})
        customers = page.locator("#live-customers")
        row = customers.get_by_role("row", name="harbor-msp")
        account = emulator.account("harbor-msp")
        assert account is not None
        cells = ["Harbor", "harbor-msp", "example-msp", "MSSP", "Active", f"{account.ingest_ip}:{account.ingest_port}"]
        expect(row.get_by_role("rowheader")).to_have_text(cells[0])
        expect(row.get_by_role("cell")).to_have_text([*cells[1:], "90", "180"])
        expect(page.locator("#live-tree")).to_contain_text("harbor-msp")
        expect(page.locator("#live-mails")).to_contain_text("owner@example.com")
        sent = page.locator("#live-requests").get_by_role("row", name="/api/v1/customer")
        expect(sent.first.get_by_role("cell").nth(3)).to_have_text("201")

        emulator.seed("lakeside", parent="harbor-msp", trial=True)
        lakeside = customers.get_by_role("row", name="lakeside")
        expect(lakeside.get_by_role("cell").nth(1)).to_have_text("harbor-msp")
        expect(lakeside.get_by_role("cell").nth(3)).to_have_text("Trial Active")
        expect(page.locator("#live-tree details").filter(has_text="harbor-msp")).to_contain_text("lakeside")

        emulator.remove("lakeside")
        fusion.delete_customer("harbor-msp")
        expect(page.locator("#live-customers")).to_contain_text("No customers yet")
        expect(page.locator("#live-tree")).not_to_contain_text("harbor-msp")
    assert page.evaluate("window.notReloaded")


def test_a_customer_is_found_by_its_organization(emulator: Emulator, page: Page) -> None:
    emulator.seed("acme-corp", organization="Acme Corporation")
    emulator.seed("lakeside", organization="Lakeside Clinic")

    page.get_by_label("Find by organization or shortname").fill("CLINIC")
    submit(page, "Find")
    expect(page.locator("#live-customers tbody tr")).to_have_count(1)

    # The live parts stay filtered.
    emulator.seed("hillside", organization="Hillside Clinic")
    expect(page.locator("#live-customers tbody tr")).to_have_count(2)
    expect(page.locator("#live-customers")).not_to_contain_text("Acme")


def test_what_is_typed_is_kept_while_the_page_changes(emulator: Emulator, page: Page) -> None:
    page.locator("#value-user_rate").fill("5/3")
    page.locator("#value-iat").select_option("wide")
    line = page.get_by_label("New fault")
    line.fill("POST /customer 5")
    line.evaluate("each => each.setSelectionRange(5, 9)")

    emulator.seed("acme-corp")
    emulator.faults.add("GET /customers 503 x2")
    emulator.switch(absence=403)
    expect(page.locator("#live-customers")).to_contain_text("acme-corp")
    expect(page.locator("#live-faults")).to_contain_text("GET /customers 503 x2")
    expect(page.locator("#live-switches .summary")).to_contain_text("Changed: absence")

    expect(page.locator("#value-user_rate")).to_have_value("5/3")
    expect(page.locator("#value-iat")).to_have_value("wide")
    expect(line).to_be_focused()
    expect(line).to_have_value("POST /customer 5")
    assert line.evaluate("each => [each.selectionStart, each.selectionEnd]") == [5, 9]


def test_the_focus_is_kept_in_a_part_that_changes(emulator: Emulator, page: Page) -> None:
    emulator.faults.add("GET /customers 503 x5", "* * delay=1")
    remove = page.get_by_role("button", name="Remove", exact=True).last
    remove.focus()

    emulator.faults.draw("GET", "/api/v1/customers")
    emulator.faults.add("* * revoked")
    expect(page.locator("#live-faults")).to_contain_text("the next 4 requests")
    expect(page.locator("#live-faults li")).to_have_count(3)

    focused = page.locator(":focus")
    expect(focused).to_have_text("Remove")
    expect(page.locator("li", has=focused)).to_contain_text("delay=1")


def test_an_end_of_the_emulator_is_announced_until_it_runs_again(emulator: Emulator, page: Page, watch: Watch) -> None:
    emulator.seed("acme-corp")
    expect(page.locator("#live-customers")).to_contain_text("acme-corp")
    assert watch.problems == []

    emulator.stop()
    expect(page.get_by_role("status")).to_contain_text(
        re.compile(rf"was at \d\d:\d\d:\d\d UTC\. .* at this address \(--port {emulator.port}\)")
    )
    expect(page.locator("#live-customers")).to_contain_text("acme-corp")
    emulator.start()
    expect(page.locator("#gone")).to_be_empty()

    emulator.seed("lakeside")
    expect(page.locator("#live-customers")).to_contain_text("lakeside")
    submit(page, "The service is down")
    expect(page.locator("#live-faults")).to_contain_text("* * 503")
    # The browser reports the requests without an answer.
    refused = re.compile(r"console: Failed to load resource: net::ERR_(CONNECTION_|EMPTY_RESPONSE)")
    watch.problems = [each for each in watch.problems if not refused.match(each)]


def test_the_page_of_another_run_on_the_same_port_is_shown(emulator: Emulator, page: Page, watch: Watch) -> None:
    emulator.seed("acme-corp")
    expect(page.locator("#live-customers")).to_contain_text("acme-corp")

    emulator.stop()
    with Emulator(port=emulator.port) as another:
        expect(page.locator("#live-customers")).to_contain_text("No customers yet")
        # The form was of the emulator before; the page has the token of this one.
        submit(page, "The service is down")
        expect(page.locator("#live-faults")).to_contain_text("* * 503")
        assert [fault.text for fault in another.faults] == ["* * 503"]
    watch.problems = [each for each in watch.problems if "ERR_" not in each]
