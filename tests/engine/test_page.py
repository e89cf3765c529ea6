"""The emulator's page in a browser while Pulumi onboards customers."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from fusion_emulator import Emulator
from tests.contract.page.browser import Watch, running_browser
from tests.engine.stack import Stack

QUICK_START = Path(__file__).resolve().parents[2] / "examples" / "quickstart" / "__main__.py"


def test_the_customers_of_the_quick_start_appear_without_a_reload(tmp_path: Path, emulator: Emulator) -> None:
    environ = {"NETOSECRET": emulator.netosecret, "FUSION_API_URL": emulator.url}
    stack = Stack(tmp_path, environ, program=QUICK_START.read_text(encoding="utf-8"))
    watch = Watch(emulator.url)
    with running_browser() as browser:
        page = browser.new_page()
        with watch.watching(page):
            page.goto(emulator.page_url)
            expect(page.locator("#live-customers")).to_contain_text("No customers yet")

            stack.up().ok()

            customers = page.locator("#live-customers tbody tr")
            expect(customers).to_have_count(3)
            for organization in ("Harbor Managed Security", "Lakeside County", "Orchard Foods"):
                expect(customers.filter(has_text=organization)).to_be_visible()
            created = page.locator("#live-requests tbody tr").filter(has_text="201")
            expect(created.filter(has_text="run 1")).to_have_count(3)
            expect(page.locator("#live-mails tbody tr")).to_have_count(3)
    assert watch.problems == []
