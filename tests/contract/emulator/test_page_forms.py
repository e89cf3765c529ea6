"""What the forms of the page change, and that nothing but these forms does."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import pytest

from fusion_emulator import Emulator, Fault, Switches
from fusion_emulator.page.texts import visible
from fusion_emulator.page.views import COMMON_FAULTS
from tests.contract.emulator.visitor import Element, Visit, Visitor

FORM = {"Content_Type": "application/x-www-form-urlencoded"}
ACTIONS = ("faults", "faults/remove", "faults/clear", "switches", "switches/reset", "clock", "requests/clear")


@pytest.fixture
def visitor(emulator: Emulator) -> Visitor:
    return Visitor(emulator)


def followed(visitor: Visitor, sent: Visit) -> Element:
    """Return the page to which the answer to a form redirects."""
    assert (sent.status, sent.headers["Cache-Control"]) == (303, "no-store"), sent.text
    location = urlsplit(sent.headers["Location"])
    assert (location.path, location.netloc) == ("/_emulator/", "")
    page = visitor.page(f"?{location.query}")
    page.by_id(location.fragment)
    return page


def test_a_fault_is_set_removed_and_cleared(emulator: Emulator, visitor: Visitor) -> None:
    page = followed(visitor, visitor.submit("faults", line=" post  /customer 503 x2 "))
    [part] = page.all("section", **{"aria-labelledby": "faults"})
    assert [each.text for each in part.all("p", role="status")] == ["The fault is set."]
    assert "post /customer 503 x2 Affects the next 2 requests." in page.by_id("live-faults").text
    visitor.submit("faults", line="GET /customers 429")
    visitor.submit("faults", line="GET /customers 429")
    [second] = visitor.page().all("button", id="remove-2")
    page = followed(visitor, visitor.submit("faults/remove", fault=second.attributes["value"]))
    assert [each.text for each in emulator.faults] == ["post /customer 503 x2", "GET /customers 429"]
    # It has ended meanwhile, or the form is nonsense.
    for fault in ("0123456789abcdef", "", "é"):
        followed(visitor, visitor.submit("faults/remove", fault=fault))
    assert len(emulator.faults) == 2
    followed(visitor, visitor.submit("faults/clear"))
    assert len(emulator.faults) == 0


@pytest.mark.parametrize("line", [line for _, line in COMMON_FAULTS])
def test_each_common_fault_is_a_button(visitor: Visitor, line: str) -> None:
    Fault.parse(line)
    assert visitor.page().all("button", name="line", value=line)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("", "too short"),
        ("GET / <b>", "no kind '<b>'; there are"),
        ("GET /customers revokd", "no kind 'revokd' (did you mean revoked?); there are"),
        ("GET /\u202e\x00 x", "cannot be printed"),
        ("G" * 9999, "too short"),
    ],
)
def test_a_wrong_line_is_shown_with_its_error(emulator: Emulator, visitor: Visitor, line: str, problem: str) -> None:
    sent = visitor.submit("faults", line=line)
    assert sent.status == 422
    field = sent.document.by_id("line")
    assert field.attributes["value"] == visible(line)
    assert (field.attributes["aria-invalid"], field.attributes["aria-describedby"]) == (
        "true",
        "line-help line-problem",
    )
    assert problem in sent.document.by_id("line-problem").text
    assert len(emulator.faults) == 0


def test_a_switch_is_changed_marked_and_reset(emulator: Emulator, visitor: Visitor) -> None:
    page = followed(visitor, visitor.submit("switches", name="absence", value="403"))
    assert emulator.switches == Switches(absence=403)
    assert page.by_id("switch-absence").attributes["class"] == "changed"
    assert [each.text for each in page.by_id("value-absence").all("option", selected="")] == ["403"]
    assert "Changed: absence" in page.by_id("live-switches").text
    assert "is 404. None is documented." in page.by_id("meaning-absence").text
    followed(visitor, visitor.submit("switches", name="token_lifetime", value="60"))
    assert visitor.page().by_id("value-token_lifetime").attributes["value"] == "60"
    followed(visitor, visitor.submit("switches", name="absence", value="404"))
    assert emulator.switches == Switches(token_lifetime=60.0)
    followed(visitor, visitor.submit("switches/reset"))
    assert emulator.switches == Switches()
    assert "All switches have their defaults." in visitor.page().by_id("live-switches").text


def test_a_wrong_value_is_shown_with_its_error(emulator: Emulator, visitor: Visitor) -> None:
    sent = visitor.submit("switches", name="customer_rate", value="<5>/0")
    assert sent.status == 422
    field = sent.document.by_id("value-customer_rate")
    assert (field.attributes["value"], field.attributes["aria-invalid"]) == ("<5>/0", "true")
    assert "expected off | COUNT/SECONDS" in sent.document.by_id("switch-problem").text
    assert visitor.submit("switches", name="nothing", value="1").status == 422
    assert visitor.submit("switches").status == 422
    assert emulator.switches == Switches()


def test_the_clock_is_advanced_set_and_reset() -> None:
    with Emulator(clock=lambda: 1_800_000_000.0) as emulator:
        visitor = Visitor(emulator)
        for button in visitor.page().all("button", name="advance"):
            followed(visitor, visitor.submit("clock", advance=button.attributes["value"]))
        assert emulator.clock.ahead == 60 + 300 + 3600 + 86400 + 30 * 86400
        followed(visitor, visitor.submit("clock", set=" 2030-01-02T03:04:05Z "))
        assert "2030-01-02 03:04:05 UTC" in visitor.page().by_id("live-clock").text
        followed(visitor, visitor.submit("clock", set="2030-01-02 00:00"))
        assert "2030-01-02 00:00:00 UTC" in visitor.page().by_id("live-clock").text
        followed(visitor, visitor.submit("clock"))
        assert emulator.clock.ahead == 0


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"set": "tomorrow"}, "'tomorrow' is not a time such as 2026-11-28 04:35:00"),
        ({"set": "9999-12-31 00:00"}, "outside the years 1970 to 8999"),
        ({"set": ""}, "is not a time"),
        ({"advance": "nan"}, "outside"),
        ({"advance": "inf"}, "outside"),
        ({"advance": "x"}, "x"),
    ],
)
def test_a_wrong_time_is_shown_with_its_error(
    emulator: Emulator, visitor: Visitor, fields: dict[str, str], problem: str
) -> None:
    sent = visitor.submit("clock", **fields)
    assert sent.status == 422
    assert problem in sent.document.by_id("clock-problem").text
    assert sent.document.by_id("set").attributes["value"] == fields.get("set", "")
    assert emulator.clock.ahead == 0


def test_the_notice_about_a_fault_goes_with_the_fault(emulator: Emulator, visitor: Visitor) -> None:
    address = visitor.submit("faults", line="* * 503 x1").headers["Location"]
    query = f"?{urlsplit(address).query}"
    assert "The fault is set." in visitor.page(query).text
    emulator.faults.draw("GET", "/api/v1/customers")
    page = visitor.page(query)
    assert "The fault is set." not in page.text
    assert "Used up, the latest first: * * 503 x1 (1 request)" in page.text


def test_the_list_of_requests_is_cleared(emulator: Emulator, visitor: Visitor) -> None:
    visitor.send("GET", "/api/v1/customers")
    followed(visitor, visitor.submit("requests/clear"))
    assert len(emulator.requests) == 0


def test_a_form_returns_to_what_the_page_showed(emulator: Emulator, visitor: Visitor) -> None:
    emulator.seed("acme-corp")
    action = visitor.page("?q=acme").all("form", method="post")[0].attributes["action"]
    assert urlsplit(action).query == "q=acme"
    sent = visitor.submit(f"faults?{urlsplit(action).query}", line="* * 503")
    assert urlsplit(sent.headers["Location"]).query.startswith("q=acme&done=fault&fault=")


def test_a_form_without_the_token_of_this_start_changes_nothing(emulator: Emulator, visitor: Visitor) -> None:
    visitor.send("GET", "/api/v1/customers")
    emulator.faults.add("* * 503")
    emulator.switch(absence=403)
    with Emulator() as other:
        stale = other.page_state.form_token
    for action in ACTIONS:
        for token in ("", "x", "é\ud800".encode("utf-8", "surrogatepass"), stale, emulator.page_state.form_token[:-1]):
            fields = {"form_token": token, "line": "* * 500", "name": "absence", "value": "400"}
            sent = visitor.send("POST", f"/_emulator/page/{action}", urlencode(fields), **FORM)
            assert sent.status == 403
            assert "Nothing was changed" in sent.document.all("header")[0].text
        assert visitor.send("POST", f"/_emulator/page/{action}").status == 403
    assert [each.text for each in emulator.faults] == ["* * 503"]
    assert (emulator.switches.absence, len(emulator.requests)) == (403, 1)


@pytest.mark.parametrize(
    "header",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}, {"Sec_Fetch_Site": "same-site"}],
    ids=str,
)
def test_a_form_of_another_page_is_refused_even_with_the_token(
    emulator: Emulator, visitor: Visitor, header: dict[str, str]
) -> None:
    fields = urlencode({"form_token": emulator.page_state.form_token, "line": "* * 503"})
    assert visitor.send("POST", "/_emulator/page/faults", fields, **FORM, **header).status == 403
    assert len(emulator.faults) == 0


@pytest.mark.parametrize("action", ACTIONS)
def test_a_link_changes_nothing(emulator: Emulator, visitor: Visitor, action: str) -> None:
    emulator.faults.add("* * 503")
    path = f"/_emulator/page/{action}?{urlencode({'form_token': emulator.page_state.form_token, 'line': '* * 500'})}"
    assert visitor.send("GET", path).status == 405
    assert visitor.send("POST", path, "").status == 403
    assert len(emulator.faults) == 1
