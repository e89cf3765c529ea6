"""What the page at /_emulator/ shows, to a browser without JavaScript and as live parts."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fusion_emulator import Emulator
from tests.contract.emulator.caller import Caller
from tests.contract.emulator.visitor import LIVE, PAGE, Element, Visitor

LIVE_PARTS = {"sessions", "tokens", "customers", "requests", "faults", "clock", "tree", "mails", "switches"}


@pytest.fixture
def visitor(emulator: Emulator) -> Visitor:
    return Visitor(emulator)


def test_customers_have_the_columns_of_the_vendors_page(emulator: Emulator, visitor: Visitor) -> None:
    emulator.seed("harbor", organization="Harbor Security", type="reseller", retention=180, rollupRetention=365)
    emulator.seed("lakeside", parent="harbor", organization="Lakeside & Sons", retention=7, trial=True)
    part = visitor.page().by_id("live-customers")
    assert [cell.text for row in part.all("thead") for cell in row.all("th")] == [
        *("Organization", "Shortname", "Reseller", "Type", "Status"),
        *("Ingest IP & Port", "Data Retention", "Rollup Retention"),
    ]
    assert part.rows() == [
        ["Lakeside & Sons", "lakeside", "harbor", "SLG", "Trial Active", "203.0.113.19:2002", "7", "180"],
        ["Harbor Security", "harbor", "example-msp", "MSSP", "Active", "203.0.113.19:2001", "180", "365"],
    ]
    emulator.switch(types="customer=Tenant,reseller=Partner")
    assert [row[3] for row in visitor.live().by_id("live-customers").rows()] == ["Tenant", "Partner"]


def test_customers_are_found_and_shown_in_pages(emulator: Emulator, visitor: Visitor) -> None:
    for number in range(201):
        emulator.seed(f"cust-{number:04}", organization=f"Number {number}")
    first = visitor.page().by_id("live-customers")
    assert (len(first.rows()), first.rows()[0][1]) == (200, "cust-0200")
    assert "201 customers, the newest first; page 1 of 2" in first.text
    [older] = first.all("a", id="page-after")
    second = visitor.page("?" + urlsplit(older.attributes["href"]).query).by_id("live-customers")
    assert [row[1] for row in second.rows()] == ["cust-0000"]
    found = visitor.live("?q=NUMBER+20").by_id("live-customers")
    assert [row[1] for row in found.rows()] == ["cust-0200", "cust-0020"]
    assert "2 of 201 customers match" in found.text
    assert "None of 201 customers has" in visitor.page("?q=nobody&page=7").by_id("live-customers").text


@pytest.mark.parametrize(
    "query", ["?page=0", "?page=-1", "?page=x", "?page=9999999999", "?page=%C2%B2", "?q=%ff%00", "?q="]
)
def test_any_query_shows_the_page(emulator: Emulator, visitor: Visitor, query: str) -> None:
    emulator.seed("acme-corp")
    assert [row[1] for row in visitor.page(query).by_id("live-customers").rows()] in (["acme-corp"], [])


def test_the_tree_of_accounts_is_bounded(emulator: Emulator, visitor: Visitor) -> None:
    above = "harbor"
    emulator.seed(above)
    for depth in range(10):
        emulator.seed(f"depth-{depth}", parent=above)
        above = f"depth-{depth}"
    for number in range(60):
        emulator.seed(f"cust-{number:04}")
    tree = visitor.page().by_id("live-tree")
    [harbor] = [each for each in tree.all("summary") if each.text.startswith("harbor")]
    assert harbor.text == "harbor SLG, 1 sub-account"
    assert "example-msp MSSP, 61 sub-accounts" in tree.text
    assert "and 11 more" in tree.text
    assert "depth-5 SLG, 1 sub-account" in tree.text
    assert "depth-6" not in tree.text


def test_requests_are_listed_with_what_happened_and_without_secrets(
    emulator: Emulator, caller: Caller, visitor: Visitor
) -> None:
    emulator.faults.add("POST /customer commit-then-reset x1", "GET /customers 503 x1")
    with pytest.raises(OSError):  # the connection is reset
        caller.create()
    caller.send("GET", "/api/v1/customers?secret=query")
    page = visitor.page()
    rows = page.by_id("live-requests").rows()
    assert [row[1:5] for row in rows] == [
        ["GET", "/api/v1/customers", "503 the service did not act", "GET /customers 503 x1"],
        ["POST", "/api/v1/customer", "no answer the service answered 201", "POST /customer commit-then-reset x1"],
        ["POST", "/api/v1/auth/token", "200", ""],
    ]
    for secret in (caller.token, caller.secret["sharedsecret"], caller.secret["appkey"], "secret=query"):
        assert secret
        assert secret not in visitor.send("GET", PAGE).text
    assert emulator.netosecret not in visitor.send("GET", PAGE).text


def test_requests_name_their_run_or_session_and_a_missing_route(
    emulator: Emulator, caller: Caller, visitor: Visitor
) -> None:
    emulator.seed("acme-corp")
    inside = Caller(emulator.netosecret, shortname="acme-corp")
    inside.authenticate()
    for each, path in ((caller, "customers"), (inside, "customers"), (inside, "nothing")):
        each.send("GET", f"/api/v1/{path}")
    rows = visitor.page().by_id("live-requests").rows()
    assert [(row[2].removeprefix("/api/v1/"), row[3], row[5]) for row in rows] == [
        ("nothing", "404 the API has no such route", ""),
        ("customers", "200", "session 2 in acme-corp"),
        ("customers", "200", "run 1"),
        ("auth/token", "200", "session 2 in acme-corp"),
        ("auth/token", "200", "run 1"),
    ]


def test_the_last_100_requests_are_listed(caller: Caller, visitor: Visitor) -> None:
    for number in range(101):
        caller.read(f"cust-{number}")
    part = visitor.live().by_id("live-requests")
    assert "the last 100 of 102 requests" in part.text
    assert [row[2].rpartition("-")[2] for row in part.rows()] == [str(number) for number in range(100, 0, -1)]


def test_the_clock_of_the_emulator_is_shown() -> None:
    with Emulator(clock=lambda: 1_800_000_000.0) as emulator:
        assert Visitor(emulator).page().by_id("live-clock").text == "2027-01-15 08:00:00 UTC the time of this machine"
        emulator.clock.advance(-90000)
        part = Visitor(emulator).live().by_id("live-clock")
        assert part.text.startswith("2027-01-14 07:00:00 UTC 1 d 1 h behind this machine")
        assert part.all("span")[0].attributes["data-ahead"] == "-90000.0"


def test_mails_are_listed(emulator: Emulator, visitor: Visitor) -> None:
    emulator.seed("harbor", username="first@example.com")
    emulator.seed("lakeside", username="second@example.com")
    emulator.remove("harbor")
    rows = visitor.page().by_id("live-mails").rows()
    assert rows == [["second@example.com", "lakeside"], ["first@example.com", "(deleted)"]]


HOSTILE = "<script>alert(1)</script> \"'>& \u202egnirts\u202c \x1b[31m \x00 {{7*7}} \u2028"


def test_hostile_texts_stay_texts(emulator: Emulator, caller: Caller, visitor: Visitor) -> None:
    emulator.seed("acme-corp", organization=HOSTILE, username="a<b>@example.com")
    caller.send("GET", "/api/v1/%3Cscript%3E%e2%80%ae%0d%0a")
    emulator.faults.extend(['GET /<img/src=x/onerror="alert(1)"> 503'])
    text = visitor.send("GET", PAGE).text
    page = visitor.page("?q=%3Cscript%3E")
    [row] = page.by_id("live-customers").rows()
    assert row[0] == "<script>alert(1)</script> \"'>& \\u202egnirts\\u202c \\u001b[31m \\u0000 {{7*7}} \\u2028"
    assert page.by_id("live-requests").rows()[0][2] == "/api/v1/<script>\\u202e\\u000d\\u000a"
    assert page.by_id("q").attributes["value"] == "<script>"
    for forbidden in ("\u202e", "\x00", "\x1b", "\u2028"):
        assert forbidden not in text
    # Nothing but the page's own file is a script, and no element has a handler or a style.
    assert [(each.text, urlsplit(each.attributes["src"]).path) for each in page.all("script")] == [
        ("", "/_emulator/page/static/page.js")
    ]
    assert not page.all("img")
    assert not [name for each in page.all("*") for name in each.attributes if name.startswith("on") or name == "style"]


def test_the_page_has_landmarks_labels_and_unique_ids(emulator: Emulator, caller: Caller, visitor: Visitor) -> None:
    caller.create()
    emulator.faults.extend(["* * 503", "* * 503"])
    emulator.switch(absence=403)
    page = visitor.page()
    for landmark in ("header", "nav", "main", "h1", "title"):
        assert len(page.all(landmark)) == 1
    ids = [each.attributes["id"] for each in page.all("*") if "id" in each.attributes]
    assert len(set(ids)) == len(ids)
    for attribute in ("aria-labelledby", "aria-describedby", "for"):
        for each in page.all("*"):
            assert set(each.attributes.get(attribute, "").split()) <= set(ids), each
    for link in page.all("a"):
        assert urlsplit(link.attributes["href"]).fragment in ids
    labelled = {each.attributes["for"] for each in page.all("label")}
    for tag in ("input", "select"):
        assert {each.attributes["id"] for each in page.all(tag) if each.attributes.get("type") != "hidden"} <= labelled
    for region in page.all("div", role="region"):
        assert region.attributes["tabindex"] == "0"
        assert region.attributes["aria-label"]


def test_empty_parts_explain_what_to_do_next(visitor: Visitor) -> None:
    page = visitor.page()
    assert "nothing here reaches the real service" in page.all("header")[0].text
    assert "No customers yet. Create one" in page.by_id("live-customers").text
    assert "No requests yet. Run a command" in page.by_id("live-requests").text
    assert "No fault is set" in page.by_id("live-faults").text


def test_the_page_states_how_to_use_this_emulator(tmp_path: Path, visitor: Visitor) -> None:
    used = visitor.page().all("section", **{"aria-labelledby": "use"})[0].text
    assert f"FUSION_API_URL , FUSION_EMULATOR {visitor.emulator.url} " in used
    assert "pulumi-fusion emulator -- COMMAND starts another emulator" in used
    assert "FUSION_AUDIT_FILE" not in used
    with Emulator(audit=tmp_path / "audit.jsonl") as emulator:
        assert f"FUSION_AUDIT_FILE {tmp_path}/audit.jsonl" in Visitor(emulator).page().text


def test_every_file_of_the_page_is_from_the_emulator(visitor: Visitor) -> None:
    page = visitor.page()
    addresses = [each.attributes[name] for name in ("src", "href") for each in page.all("*") if name in each.attributes]
    assert not [each for each in addresses if urlsplit(each).netloc or urlsplit(each).scheme]
    loaded = {each.attributes["href"] for each in page.all("link")} | {page.all("script")[0].attributes["src"]}
    for path in loaded:
        visit = visitor.send("GET", path)
        assert visit.status == 200
        assert "default-src 'none'" in visit.headers["Content-Security-Policy"]
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", visit.text)
    assert not list(visitor.emulator.requests)


def test_the_address_without_its_last_slash_leads_to_the_page(emulator: Emulator, visitor: Visitor) -> None:
    emulator.faults.add("* * 503")
    sent = visitor.send("GET", PAGE.rstrip("/"))
    assert (sent.status, sent.headers["Location"]) == (308, emulator.page_url)
    assert visitor.send("GET", PAGE.rstrip("/"), Host="evil.example").status == 403
    assert not list(emulator.requests)


def test_many_faults_are_bounded_and_counted(emulator: Emulator, caller: Caller, visitor: Visitor) -> None:
    emulator.faults.add("GET /customers 503", *(f"GET /customer/acme-{number} 503" for number in range(100)))
    caller.send("GET", "/api/v1/customers")
    part = visitor.page().by_id("live-faults")
    assert len(part.all("li")) == 100
    assert "and 1 more" in part.text
    assert "GET /customers 503 Affects every request; 1 request so far." in part.text


def test_a_fault_without_effect_has_a_warning(emulator: Emulator, visitor: Visitor) -> None:
    emulator.faults.extend(["GET /customer 503"])
    part = visitor.page().by_id("live-faults")
    [warned] = part.all("strong")
    assert "Warning: the fault 'GET /customer 503' has no effect" in warned.text
    assert "Affects" not in part.text


def test_faults_that_are_used_up_stay_visible(emulator: Emulator, caller: Caller, visitor: Visitor) -> None:
    emulator.faults.add(*(f"GET /customer/acme-{number} 503 x1" for number in range(7)), "GET /customers 503 x2")
    for number in range(7):
        caller.read(f"acme-{number}")
    for _ in range(2):
        caller.send("GET", "/api/v1/customers")
    shown = "Used up, the latest first: GET /customers 503 x2 (2 requests), GET /customer/acme-6 503 x1 (1 request)"
    part = visitor.live().by_id("live-faults")
    assert shown in part.text
    assert (len(part.all("code")), "acme-2" in part.text) == (5, False)
    emulator.faults.clear()
    assert "Used up" not in visitor.live().by_id("live-faults").text


def test_the_policy_of_the_page_allows_nothing_but_its_parts(visitor: Visitor) -> None:
    for path in (PAGE, LIVE):
        headers = visitor.send("GET", path).headers
        assert headers["Content-Security-Policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        assert headers["Cache-Control"] == "no-store"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "Set-Cookie" not in headers


def live_parts(document: Element) -> dict[str, Element]:
    return {each.attributes["id"].removeprefix("live-"): each for each in document.all("*", **{"data-live": ""})}


def test_the_live_parts_are_those_of_the_page() -> None:
    now = time.time()
    with Emulator(clock=lambda: now, faults=["* * 503"]) as emulator:
        emulator.seed("acme-corp")
        visitor = Visitor(emulator)
        visitor.send("GET", "/api/v1/customers")
        page, live = live_parts(visitor.page()), live_parts(visitor.live())
    assert live.keys() == page.keys() == LIVE_PARTS
    assert live == page


def test_the_live_parts_are_sent_only_if_they_changed(emulator: Emulator, caller: Caller, visitor: Visitor) -> None:
    changes: list[Callable[[], object]] = [
        lambda: emulator.seed("acme-corp"),
        lambda: caller.read("acme-corp"),
        lambda: emulator.faults.add("GET /customers 503 x2"),
        lambda: caller.send("GET", "/api/v1/customers"),
        lambda: emulator.faults.clear(),
        lambda: emulator.switch(absence=403),
        lambda: emulator.edit("acme-corp", retention=45),
        lambda: emulator.requests.clear(),
        lambda: emulator.clock.advance(60),
        lambda: emulator.remove("acme-corp"),
    ]
    tag = visitor.send("GET", LIVE).headers["ETag"]
    for change in changes:
        unchanged = visitor.send("GET", LIVE, If_None_Match=tag)
        assert (unchanged.status, unchanged.text) == (304, "")
        assert visitor.send("GET", f"{LIVE}?q=acme", If_None_Match=tag).status == 200
        change()
        changed = visitor.send("GET", LIVE, If_None_Match=tag)
        assert changed.status == 200
        tag = changed.headers["ETag"]
