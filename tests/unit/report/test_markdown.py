"""Markdown and text: names stay text, whatever they contain, and the length is limited."""

from __future__ import annotations

import html
import json
import re
from itertools import pairwise
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from pulumi_fusion.report.describe import brief, line
from pulumi_fusion.report.limits import Limits, refusals
from pulumi_fusion.report.render.document import document
from pulumi_fusion.report.render.escape import escaped
from pulumi_fusion.report.render.markdown import LONGEST, markdown
from pulumi_fusion.report.warnings import WarningKind, warnings
from tests.unit.report.samples import INPUTS, changed, contents_of, error, plan_of, step

# As GitHub reads it: with tables, strikethrough, and links of bare addresses.
PARSER: Final = MarkdownIt("gfm-like", {"linkify": False, "html": True})

HOSTILE: Final = (
    "a|b\\|c",
    "`code` ``x``",
    "<b>bold</b><!-- x -->&lt;i&gt;",
    "@team @org/team ada@x",
    "#1 org/repo#1 GH-1 !1 ~bug %1 $x^2$ &1",
    "[a](http://evil.example) ![b](https://evil.example/x.png) [c]: d",
    "http://evil.example www.evil.example ftp://evil.example mailto:a@b.c",
    ":smile: **bold** _it_ ~~no~~ | --- |",
    "deadbeef org/repo@a5c3785ed8d6a35868bc169f07e40e889087fd2e OPS-7 GL-8 [issue:9] {{x}} [[_TOC_]]",
    "<!-- pulumi-fusion report -->",
    "/close",
    "one\ntwo\r\n\n# three\n| x | y |\n| --- | --- |",
    "\x1b[2J\x1b]0;evil\x07\x00\x9b",
    "\u202eevil\u2066\u200b\ufeff\u2028\u2029\ud800",
    "  ",
    "",
    "x" * 5000,
    "&" * 5000,
)

ANYTHING: Final = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=()), max_size=60),
    st.lists(
        st.sampled_from([*"|<>`@#[]()!*_~\\&:;\n\r- =$", "www.", "http://", "GH-1", "OPS-7", "12ab", "deadbeef"]),
        max_size=20,
    ).map("".join),
)
REFERENCES: Final = (
    r"@\w",
    r"[#!$%&]\d",
    r"[~%&#^][\w\"]",
    r"\b(?i:G[HL])-\d",
    r"(?<![A-Za-z0-9])[A-Z][A-Z0-9]+-\d",
    r":[\w+-]+:",
    r"\w:[\w/]",
    r"(?i:www\.)",
    r"(?<![0-9A-Za-z])(?![0-9a-f]{24}(?![0-9A-Za-z]))(?i:[0-9a-f]{7,64})(?![0-9A-Za-z])",
)
"""What GitHub and GitLab find in a rendered text and make a link, a notification or an image of."""

EMAILS: Final = st.from_regex(r"[a-z]{3,9}\.[a-z]{3,9}@[a-z]{5,9}\.example", fullmatch=True)

FIELDS: Final = st.fixed_dictionaries(
    {
        "shortname": ANYTHING,
        "organization": ANYTHING,
        "type": ANYTHING,
        "status": ANYTHING,
        "dataRetention": st.one_of(st.sampled_from([7, 45, 90]), ANYTHING),
        "deletionProtection": st.one_of(st.booleans(), ANYTHING),
        "email": EMAILS,
        "givenName": st.just("Ada"),
    },
    optional={"adopt": ANYTHING, "multiAccount": ANYTHING, "contractualFlowsPerSecond": ANYTHING},
)
STEPS: Final = st.lists(
    st.tuples(st.sampled_from(["create", "update", "replace", "delete", "import"]), ANYTHING, FIELDS, FIELDS),
    min_size=1,
    max_size=4,
)


def rows(text: str) -> int:
    return sum(token.type == "tr_open" for token in PARSER.parse(text))


def cells(text: str) -> list[str]:
    """The texts of the cells in the first column with names, without the heads of the tables."""
    found: list[str] = []
    place = 0
    for before, token in pairwise(PARSER.parse(text)):
        place = 0 if before.type == "tr_open" else place + (before.type in ("td_open", "th_open"))
        if before.type == "td_open" and place == 2:
            found.append("".join(each.content for each in token.children or ()).replace("\u2060", ""))
    return found


def kinds(text: str) -> set[str]:
    return {each.type for token in PARSER.parse(text) for each in (token, *(token.children or ()))}


@pytest.mark.parametrize("alerts", [True, False])
@given(drawn=STEPS, reason=ANYTHING)
def test_any_names_stay_text_in_as_many_rows(alerts: bool, drawn: list[Any], reason: str) -> None:
    steps = [step(op, name, old=old, new=new) for op, name, old, new in drawn]
    plan = plan_of(*steps, diagnostics=[error(reason or "x", "acme")])
    text = markdown(contents_of(plan), alerts=alerts)

    assert rows(text) == 1 + len(plan.customers) + 1 + len(plan.failures)
    assert cells(text) == ["-", *(brief(each.name) or "-" for each in contents_of(plan).plan.customers)]
    assert {each.count("|") for each in text.splitlines()} == {0, 4, 5}
    assert not any(each.startswith("/") for each in text.splitlines()), "a quick action of GitLab"
    assert kinds(text) & {"html_block", "html_inline", "link_open", "image", "code_block", "fence", "s_open"} == set()
    # The only ">" and "`" are those of alerts and of the digest, "!" that of an alert.
    own = re.sub(r"^> ?(\[![A-Z]+\])?|`[0-9a-f]{12,64}`", "", text, flags=re.MULTILINE)
    assert not set(own) & set("<>@`$~!\\")
    assert all(char.isprintable() or char == "\n" for char in text)
    assert len(text) < LONGEST
    for *_, old, new in drawn:
        assert old["email"] not in text
        assert new["email"] not in text


@given(drawn=STEPS)
def test_json_has_every_changed_field_and_no_admin(drawn: list[Any]) -> None:
    steps = [step(op, f"{place}{name}", old=old, new=new) for place, (op, name, old, new) in enumerate(drawn)]
    plan = plan_of(*steps)
    shown = json.dumps(document(contents_of(plan)))
    found = {each["resource"]: each for each in json.loads(shown)["customers"]}
    for customer in contents_of(plan).plan.customers:
        assert found[customer.resource]["changes"].keys() == {each.field for each in customer.changes}
    for *_, old, new in drawn:
        assert old["email"] not in shown
        assert new["email"] not in shown


@pytest.mark.parametrize(
    ("text", "reference"),
    [
        ("@team", "@team"),
        ("#1", "#1"),
        ("GH-1", "GH-1"),
        (":smile:", ":smile:"),
        ("deadbeef", "deadbee"),
        ("1234567AB-3", "AB-3"),
        ("OPS-7", "OPS-7"),
        ("http://x", "://"),
        ("www.x", "www.x"),
        ("!1 ~bug %1 &1 $x$", "!1"),
    ],
)
def test_what_is_rendered_contains_no_reference(text: str, reference: str) -> None:
    rendered = PARSER.renderInline(escaped(text))
    assert reference not in rendered
    assert rendered.replace("\u2060", "").replace("&amp;", "&") == text


@given(ANYTHING)
def test_no_text_has_a_reference_when_it_is_rendered(text: str) -> None:
    text = line(text)
    rendered = html.unescape(PARSER.renderInline(escaped(text)))
    assert rendered.replace("\u2060", "") == text.replace("\u2060", "")
    assert [each for each in REFERENCES if re.search(each, rendered)] == []
    assert "<!--" not in escaped(text)


@pytest.mark.parametrize(
    ("place", "can_be_copied"),
    [
        ("customers.yaml:7:5: acme-corp: it is wrong", True),
        ("a/b.yml:1:12: x", True),
        ("customers.yaml:100:5: x", False),
        ("customers.yaml:7:1234: x", False),
        ("customers.yaml:7:12345678: x", False),
        ("customers.yaml:smile:5: x", False),
        ("[issue:9]", False),
    ],
)
def test_a_place_in_a_catalog_can_be_copied_unless_it_has_an_emoji(place: str, can_be_copied: bool) -> None:
    assert ("\u2060" not in PARSER.renderInline(escaped(place))) is can_be_copied


def test_a_long_word_does_not_hide_the_columns_after_it() -> None:
    name = "Acme " + "x" * 90
    plan = plan_of(step("create", new={**INPUTS, "organization": name}), changed(organization=name))
    cut = f"Acme {'x' * 39}…"
    text = markdown(contents_of(plan), alerts=True)
    assert f"| {cut} | SLG" in text
    assert f"Organization Acme Corporation → {cut} |" in text
    assert name in json.dumps(document(contents_of(plan)))


def test_an_immutable_id_can_be_copied() -> None:
    text = "an existing customer with the id 65f1c0ffee0000000000000a"
    assert escaped(text) == text


def many(count: int) -> list[dict[str, Any]]:
    evil = "|<@`&" * 40
    return [
        step("delete", f"acme-{n}", old={**INPUTS, "shortname": f"acme-{n}", "organization": evil})
        for n in range(count)
    ]


@pytest.mark.parametrize("alerts", [True, False])
def test_a_thousand_customers_of_everything_fit(alerts: bool) -> None:
    text = "&" * 2000
    plan = plan_of(
        *many(1000),
        *(changed({"dataRetention": n}, dataRetention=7) for n in range(8, 1008)),
        *(step("create" + text, str(n), kind="aws:s3/bucket:Bucket") for n in range(5)),
        diagnostics=[
            *(error(f"fusion:index:Customer resource 'x': property a value {{x}} has a problem: {text}{n}", "x" * 200)
              for n in range(1000)),
            *({"severity": "warning", "message": f"warning: {text}{n}"} for n in range(1000)),
        ],
    )  # fmt: skip
    found = warnings(plan)
    contents = contents_of(plan)
    refused = refusals(plan, found, Limits(max_deletes=0, denied=list(WarningKind)))
    text = markdown(type(contents)(contents.plan, found, contents.digest, refused), alerts=alerts)
    assert len(text) < LONGEST
    assert len(re.findall("more (?:customers |problems )?are left out", text)) == 4
    assert "1000 to delete" in text.splitlines()[0]


def test_the_first_line_has_the_counts_and_the_digest() -> None:
    contents = contents_of(plan_of(changed(dataRetention=7), step("create", "b", new=INPUTS)))
    first = markdown(contents, alerts=False).splitlines()[0]
    assert contents.digest
    assert first == f"### customers / production: 1 to create, 1 to update (digest `{contents.digest[:12]}`)"


def test_alerts_are_those_of_github_and_gitlab() -> None:
    contents = contents_of(plan_of(changed(dataRetention=7)))
    assert "> [!CAUTION]\n> **Warnings**\n>\n> - **acme-corp**: Data Retention 90 → 7 days" in markdown(
        contents, alerts=True
    )
    assert "**Warnings**\n\n- **acme-corp**: Data Retention 90 → 7 days" in markdown(contents, alerts=False)


def test_a_refusal_does_not_look_weaker_than_a_warning() -> None:
    contents = contents_of(plan_of(changed(dataRetention=7)))
    text = markdown(type(contents)(contents.plan, contents.warnings, contents.digest, ["No."]), alerts=True)
    assert "> [!CAUTION]\n> **Refused**\n>\n> - No.\n\n> [!CAUTION]\n> **Warnings**" in text


@given(ANYTHING)
def test_the_introduction_of_the_places_in_a_catalog_stays_text(name: str) -> None:
    plan = plan_of(diagnostics=[error(f"{name} has problems:\nc.yaml:1:2: it is wrong")])
    text = markdown(contents_of(plan), alerts=False)
    assert not any(each.startswith("/") for each in text.splitlines()), "a quick action of GitLab"
    assert kinds(text) & {"html_block", "html_inline", "link_open", "image", "code_block", "fence", "s_open"} == set()
    assert not set(re.sub(r"`[0-9a-f]{12,64}`", "", text)) & set("<>@`$~!\\")


@given(project=ANYTHING, stack=ANYTHING, op=ANYTHING, kind=ANYTHING)
def test_the_names_of_stacks_and_other_resources_stay_text(project: str, stack: str, op: str, kind: str) -> None:
    other = {"op": op, "urn": f"urn:pulumi:{stack}::{project}::{kind}::x"}
    text = markdown(contents_of(plan_of(other, changed(dataRetention=7), same=3)), alerts=False)
    assert kinds(text) & {"html_block", "html_inline", "link_open", "image", "code_block", "fence", "s_open"} == set()
    assert not set(re.sub(r"`[0-9a-f]{12,64}`", "", text)) & set("<>@`$~!\\")
    assert text.splitlines()[2] == "**Warnings**"
    assert len(text) < LONGEST
