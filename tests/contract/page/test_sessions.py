"""The red line while a masquerade session runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from fusion_emulator import Emulator
from pulumi_fusion import FusionClient, masquerade


@pytest.fixture
def fusion(emulator: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FusionClient:
    monkeypatch.setenv("FUSION_AUDIT_FILE", str(tmp_path / "audit.jsonl"))
    return FusionClient(netosecret=emulator.netosecret, api_url=emulator.url)


def test_the_red_line_names_the_customer_and_counts_down(emulator: Emulator, fusion: FusionClient, page: Page) -> None:
    emulator.seed("acme-corp")
    lines = page.locator(".red-line")
    expect(lines).to_have_count(0)

    with masquerade("acme-corp", reason="Check the ingest", client=fusion) as session:
        expect(lines).to_have_count(1)
        expect(lines).to_contain_text("MASQUERADE acme-corp")
        expect(lines).to_contain_text("read-only")
        # It is red from the start, and doesn't fade in as new rows of a table do.
        expect(lines).to_have_css("animation-name", "none")
        expect(lines).to_be_in_viewport()
        expect(page).to_have_title(re.compile("MASQUERADE acme-corp"))
        # It counts down: an earlier text is left for a later one.
        left = lines.get_by_role("timer")
        expect(left).to_have_text(re.compile(r"14 min \d+ s"))
        earlier = left.inner_text()
        expect(left).not_to_have_text(earlier)
        expect(left).to_have_text(re.compile(r"14 min \d+ s"))
        page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
        expect(lines).to_be_in_viewport()
        session.client.list_customers()
        expect(page.locator("#live-requests tbody tr").first).to_contain_text("acme-corp")
        red, text = page.evaluate(
            "() => { const style = getComputedStyle(document.querySelector('.red-line'));"
            " return [style.backgroundColor, style.color]; }"
        )
        channels = [int(each) for each in re.findall(r"\d+", red)[:3]]
        assert channels[0] > 100 > max(channels[1:]), f"not red: {red} below {text}"

    expect(lines).to_have_count(0)
    expect(page).to_have_title("Fusion emulator")
