"""Attacks on the emulator by a web page of another origin, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from fusion_emulator import Emulator
from fusion_emulator.app import make_app
from tests.contract.page.browser import EVIL
from tests.contract.page.elsewhere import web_site

REQUESTS = """async ({url, routes}) => {
  const outcomes = [];
  const send = async (name, path, options) => {
    try {
      const response = await fetch(url + path, options);
      const text = await response.text();
      // An opaque response has the status 0 and no text.
      outcomes.push(response.status || text ? `${name} ${path}: ${response.status} ${text}` : "");
    } catch { outcomes.push(""); }
  };
  const json = {"Content-Type": "application/json"};
  const body = JSON.stringify({faults: ["* * 503"], absence: 403, shortname: "attacked", now: 1, by: 1e6});
  const form = new URLSearchParams({line: "* * 503", name: "absence", value: "403"});
  for (const [method, path] of routes) {
    const simple = ["GET", "HEAD", "POST"].includes(method);
    const bodies = method === "POST" ? [body, form, new Blob([body], json)] : [undefined];
    for (const each of simple ? bodies : [])
      await send("simple", path, {method, mode: "no-cors", body: each, credentials: "include"});
    await send("read", path, method === "GET" ? {method} : {method, headers: json, body});
  }
  return outcomes.filter(each => each);
}"""

INCLUDED = """async ({url, paths}) => {
  const before = Object.keys(window).length, outcomes = [];
  for (const path of paths)
    for (const [tag, attribute] of [["script", "src"], ["img", "src"], ["link", "href"]]) {
      const element = document.createElement(tag);
      if (tag === "link") element.rel = "stylesheet";
      const loaded = new Promise(resolve => {
        element.onload = () => resolve(true);
        element.onerror = () => resolve(false);
      });
      element[attribute] = url + path;
      document.body.append(element);
      if (await loaded) outcomes.push(`${tag} ${path}`);
    }
  if (Object.keys(window).length !== before) outcomes.push("a new name in window");
  return outcomes;
}"""

SOCKET = """url => new Promise(resolve => {
  const socket = new WebSocket(url);
  socket.onopen = () => resolve("open");
  socket.onerror = () => resolve("refused");
})"""

SUBMIT = """({action, enctype, fields}) => {
  const form = document.createElement("form");
  Object.assign(form, {method: "post", action, enctype});
  for (const [name, value] of Object.entries(fields)) {
    const input = document.createElement("input");
    Object.assign(input, {name, value});
    form.append(input);
  }
  document.body.append(form);
  form.submit();
}"""

WITH_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")


def routes(prefix: str = "/") -> list[tuple[str, str]]:
    """Return the method and path of every route, with a customer's name in it."""
    rules = make_app().url_map.iter_rules()
    return sorted(
        (method, re.sub(r"<[^>]*>", "acme-corp", rule.rule))
        for rule in rules
        for method in rule.methods or ()
        if method in WITH_METHODS and rule.rule.startswith(prefix)
    )


@pytest.fixture(scope="module")
def site() -> Iterator[int]:
    with web_site() as port:
        yield port


@pytest.fixture
def attacked(emulator: Emulator) -> Emulator:
    """An emulator with a customer, a mail, a request and a fault that one request would use up."""
    emulator.seed("acme-corp")
    emulator.faults.add("GET /customers 503 x1")
    return emulator


@pytest.fixture(scope="module", params=["127.0.0.1", "localhost", EVIL])
def elsewhere(request: pytest.FixtureRequest, browser: Browser, site: int) -> Iterator[Page]:
    """A page of another origin: of the same host, of another name of it, of another site."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"http://{request.param}:{site}/")
        yield page


def all_of(emulator: Emulator) -> dict[str, Any]:
    """Return everything of an emulator that a request could change."""
    return {
        "root": emulator.root,
        "accounts": emulator.accounts(),
        "users": emulator.users(),
        "mails": emulator.mails(),
        "switches": emulator.switches,
        "faults": [(fault.text, fault.left) for fault in emulator.faults],
        # The browser itself requests an icon.
        "requests": [entry for entry in emulator.requests if entry.path != "/favicon.ico"],
    }


def test_no_request_of_another_page_reads_or_changes_anything(attacked: Emulator, elsewhere: Page) -> None:
    before = all_of(attacked)
    assert len(routes()) > 15

    assert elsewhere.evaluate(REQUESTS, {"url": attacked.url, "routes": routes()}) == []

    assert all_of(attacked) == before


def test_another_page_cannot_include_an_answer(attacked: Emulator, elsewhere: Page) -> None:
    before = all_of(attacked)
    paths = [path for method, path in routes("/_emulator/") if method == "GET"]

    assert elsewhere.evaluate(INCLUDED, {"url": attacked.url, "paths": paths}) == []

    assert all_of(attacked) == before


@pytest.mark.parametrize("elsewhere", ["localhost"], indirect=True)
@pytest.mark.parametrize(
    ("enctype", "prefix"),
    [
        ("application/x-www-form-urlencoded", "/_emulator/page/"),
        ("multipart/form-data", "/_emulator/page/faults"),
        ("text/plain", "/_emulator/faults"),
    ],
)
def test_a_form_of_another_page_changes_nothing(attacked: Emulator, elsewhere: Page, enctype: str, prefix: str) -> None:
    before = all_of(attacked)
    # As text/plain, the name and value of this field are one JSON document.
    fields = {'{"faults": ["* * 503"], "x": "': '"}', "line": "* * 503"}
    for path in [path for method, path in routes(prefix) if method == "POST"]:
        with elsewhere.expect_navigation() as navigation:
            elsewhere.evaluate(SUBMIT, {"action": f"{attacked.url}{path}", "enctype": enctype, "fields": fields})
        response = navigation.value
        assert response.status == 403
        elsewhere.go_back()

    assert all_of(attacked) == before


def test_another_page_cannot_open_a_socket(attacked: Emulator, elsewhere: Page) -> None:
    for path in ("/_emulator/", "/_emulator/requests", "/api/v1/customers"):
        assert elsewhere.evaluate(SOCKET, f"ws://127.0.0.1:{attacked.port}{path}") == "refused"


def test_another_page_cannot_embed_the_emulator(attacked: Emulator, elsewhere: Page) -> None:
    for path in ("/_emulator/", "/_emulator/accounts"):
        elsewhere.evaluate(
            "url => { document.body.innerHTML = ''; const frame = document.createElement('iframe');"
            " frame.src = url; document.body.append(frame); }",
            f"{attacked.url}{path}",
        )
        frame = elsewhere.frame_locator("iframe")
        expect(frame.locator("body")).not_to_contain_text("acme-corp")
        assert [each.url for each in elsewhere.frames[1:]] == ["chrome-error://chromewebdata/"]


def test_a_page_that_opens_the_emulator_gets_no_handle(attacked: Emulator, elsewhere: Page) -> None:
    with elsewhere.context.expect_page() as opened:
        elsewhere.evaluate("url => { window.handle = window.open(url); }", f"{attacked.url}/_emulator/accounts")
    expect(opened.value.locator("body")).to_contain_text("acme-corp")
    assert opened.value.evaluate("window.opener === null")
    assert elsewhere.evaluate("window.handle.closed") is True


def test_a_name_that_resolves_to_loopback_reads_and_changes_nothing(
    attacked: Emulator, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context().new_page()
    # This page of the emulator has no Content-Security-Policy, and its scripts have the origin of the other name.
    page.goto(f"http://{EVIL}:{attacked.port}/")
    before = all_of(attacked)

    outcomes = page.evaluate(
        """async routes => {
          const outcomes = [];
          for (const [method, path] of routes) {
            const body = method === "GET" ? undefined : '{"faults": ["* * 503"]}';
            const response = await fetch(path, {method, body, headers: {"Content-Type": "application/json"}});
            outcomes.push([response.status, (await response.text()).includes("acme-corp")]);
          }
          return outcomes;
        }""",
        routes("/_emulator/"),
    )

    assert {tuple(each) for each in outcomes} == {(403, False)}
    assert all_of(attacked) == before
