"""Warnings, limits and privacy."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pulumi_fusion.cli.docs import pages
from pulumi_fusion.cli.report import report
from pulumi_fusion.customer.rules import quoted
from pulumi_fusion.report.describe import details, line
from pulumi_fusion.report.limits import COUNTS, Condition, Limits, UnclearError, refusals
from pulumi_fusion.report.plan import Plan
from pulumi_fusion.report.privacy import without_admins
from pulumi_fusion.report.warnings import WarningKind, grouped, warnings
from tests.unit.report.samples import INPUTS, SECRET, UNKNOWN, changed, error, plan_of, step


def found(plan: Plan) -> list[tuple[str, str]]:
    return [(each.kind.value, each.text) for each in warnings(plan)]


@pytest.mark.parametrize(
    ("old", "new", "kind", "text"),
    [
        ({}, {"dataRetention": 7}, "retention-cut", "Data Retention 90 → 7 days: the service drops"),
        ({}, {"rollupRetention": 90}, "retention-cut", "Rollup Retention 180 → 90 days: the service drops"),
        ({}, {"dataRetention": UNKNOWN}, "retention-cut", "Data Retention may become shorter: the new Data Ret"),
        ({"dataRetention": SECRET}, {}, "retention-cut", "Data Retention may become shorter: the preview"),
        ({}, {"deletionProtection": False}, "protection-lowered", "deletion protection is turned off"),
        ({}, {"deletionProtection": UNKNOWN}, "protection-lowered", "deletion protection may be turned off"),
        ({}, {"type": "MSSP"}, "type-change", "Type changes: SLG → MSSP."),
        ({}, {"internal": True}, "type-change", "Internal changes: unset → on."),
        ({"status": "Trial Active"}, {"status": "Active"}, "trial-ends", "the trial ends"),
        ({"status": "Trial Active"}, {"status": UNKNOWN}, "trial-ends", "the trial may end"),
    ],
)
def test_a_dangerous_change(old: dict[str, Any], new: dict[str, Any], kind: str, text: str) -> None:
    [(shown, sentence)] = found(plan_of(changed(old, **new)))
    assert (shown, sentence[: len(text)]) == (kind, text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({}, {"dataRetention": 180}),
        ({}, {"organization": "Other"}),
        ({}, {"status": "Trial Active"}),
        ({"deletionProtection": False}, {"deletionProtection": True}),
        ({}, {"contractualFlowsPerSecond": 5}),
    ],
)
def test_a_change_without_a_warning(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert found(plan_of(changed(old, **new))) == []


def test_the_most_dangerous_warning_is_first() -> None:
    plan = plan_of(
        step("create", "a", new={**INPUTS, "adopt": "1"}),
        changed(dataRetention=7),
        step("replace", "b", old=INPUTS, new={**INPUTS, "shortname": "acme-two"}),
        step("delete", "c", old={**INPUTS, "deletionProtection": False}),
        step("delete", "d", old={**INPUTS, "shortname": "zoo-corp"}),
    )
    assert [kind for kind, _ in found(plan)] == ["deletion", "deletion", "replacement", "retention-cut", "adoption"]
    assert "the update will refuse that" in found(plan)[1][1]


def test_a_deletion_names_the_customers_that_are_created_with_the_same_organization() -> None:
    old = {**INPUTS, "deletionProtection": False}
    deleted = step("delete", old=old)
    renamed = step("create", "new", new={**INPUTS, "shortname": "new-corp"})
    other = step("create", "other", new={**INPUTS, "shortname": "other-corp", "organization": "Other"})
    adopted = step("create", "adopted", new={**INPUTS, "shortname": "old-corp", "adopt": "1"})
    moved = "created with the same organization: a rename in the catalog or program doesn't move the data."
    texts = [
        found(plan_of(deleted, *more))[0][1]
        for more in ([renamed, other], [renamed, {**renamed, "urn": f"{renamed['urn']}2"}], [other, adopted])
    ]
    assert texts[0].endswith(f"restores them. new-corp is {moved}")
    assert texts[1].endswith(f"restores them. 2 customers (new-corp, new-corp) are {moved}")
    assert texts[2].endswith("restores them.")
    unknown = step("delete", old={**old, "organization": SECRET})
    created = step("create", "new", new={**INPUTS, "organization": SECRET})
    assert "organization" not in found(plan_of(unknown, created))[0][1]


def test_an_adoption_has_the_warnings_of_what_it_changes() -> None:
    text = (
        "acme-corp: its adoption changes Type, Status, Data Retention. Data Retention goes from 90 to 7 days: the "
        "service drops what is older than 7 days, and raising it again does not bring it back."
    )
    plan = plan_of(
        step("create", new={**INPUTS, "adopt": "65f1"}),
        diagnostics=[{"severity": "warning", "message": f"warning: {text}\n"}],
    )
    assert plan.notes == ()
    assert [(kind, sentence[:60]) for kind, sentence in found(plan)] == [
        ("retention-cut", "the adoption shortens a retention. Data Retention goes from "),
        ("type-change", "the adoption changes Type."),
        ("trial-ends", "the adoption ends the trial."),
        ("adoption", "adopted from the service, and managed from now on. That chan"),
    ]
    assert found(plan)[-1][1].endswith("That changes Type, Status, Data Retention.")


@pytest.mark.parametrize(
    ("new", "effect"),
    [
        (
            {},
            "Nothing that the service returns changes, if the preview read it. What it doesn't return (organization, "
            "type and flows on a documented record) isn't compared, and the next update sends it as declared.",
        ),
        ({"organization": UNKNOWN}, "What that changes is known after apply."),
    ],
)
def test_an_adoption_of_which_the_preview_names_no_change(new: dict[str, Any], effect: str) -> None:
    plan = plan_of(step("create", new={**INPUTS, "adopt": "65f1", **new}))
    assert found(plan) == [("adoption", f"adopted from the service, and managed from now on. {effect}")]
    assert details(plan.customers[0]).startswith("id 65f1, ")


@pytest.mark.parametrize(
    ("op", "more", "expected"),
    [
        ("create", {}, ["shortname"]),
        ("create", {"adopt": "65f1"}, ["adoption"]),
        ("import", {}, []),
        ("same", {}, []),
        ("replace", {}, ["replacement", "shortname"]),
    ],
)
def test_a_new_shortname_that_is_not_a_dns_label(op: str, more: dict[str, Any], expected: list[str]) -> None:
    text = "Acme-Two: the shortname isn't a DNS label (lower-case letters, digits, hyphens inside), so the address"
    plan = plan_of(
        step(op, old=INPUTS, new={**INPUTS, "shortname": "Acme-Two", **more}),
        diagnostics=[{"severity": "warning", "message": f"warning: {text}\n"}],
    )
    assert plan.notes == ()
    assert [kind for kind, _ in found(plan)] == expected


def test_warnings_of_one_kind_with_the_same_text_are_one() -> None:
    names = [f"corp-{n:03}" for n in range(150)]
    cuts = [changed({"shortname": each}, dataRetention=7) for each in names]
    other = changed({"shortname": "corp-000a"}, dataRetention=45)
    both = changed({"shortname": "corp-000b"}, dataRetention=7, deletionProtection=False)
    pairs = grouped(warnings(plan_of(*cuts, other, both)))
    assert [(who, text[:30]) for who, text in pairs] == [
        (f"151 customers ({', '.join([names[0], 'corp-000b', *names[1:9]])}, …)", "Data Retention 90 → 7 days: th"),
        ("corp-000a", "Data Retention 90 → 45 days: t"),
        ("corp-000b", "deletion protection is turned "),
    ]


def test_adoptions_with_the_same_effect_are_one_warning() -> None:
    steps = [step("create", n, new={**INPUTS, "shortname": f"corp-{n}", "adopt": n}) for n in "ab"]
    [(who, _)] = grouped(warnings(plan_of(*steps)))
    assert who == "2 customers (corp-a, corp-b)"


def test_the_removal_of_adopt_is_not_shown_as_a_change() -> None:
    removed = changed({"adopt": "65f1"}, adopt=None)
    assert details(plan_of(removed).customers[0]) == "only the state changes"
    both = changed({"adopt": "65f1"}, adopt=None, organization="Other")
    assert details(plan_of(both).customers[0]) == "Organization Acme Corporation → Other"


def deletions(deleted: int, unchanged: int = 0, unlisted: int = 0) -> Plan:
    steps = [step("delete", f"d{n}", old={**INPUTS, "deletionProtection": False}) for n in range(deleted)]
    steps += [step("same", f"s{n}", old=INPUTS) for n in range(unchanged)]
    return plan_of(step("same", kind="pulumi:pulumi:Stack"), *steps, same=1 + unchanged + unlisted)


@pytest.mark.parametrize(
    ("limits", "refused"),
    [
        (Limits(), 0),
        (Limits(max_deletes=2), 0),
        (Limits(max_deletes=1), 1),
        (Limits(conditions=[Condition("deletes", 1)]), 1),
        (Limits(conditions=[Condition("deletes", 2), Condition("creates", 0)]), 0),
        (Limits(denied=[WarningKind.DELETION]), 1),
        (Limits(denied=[WarningKind.RETENTION_CUT]), 0),
        (Limits(max_delete_percent=20), 0),
        (Limits(max_delete_percent=19.9), 1),
        (Limits(max_deletes=0, max_delete_percent=0, denied=[WarningKind.DELETION]), 3),
    ],
)
def test_the_limits(limits: Limits, refused: int) -> None:
    plan = deletions(2, unchanged=8)
    assert len(refusals(plan, warnings(plan), limits)) == refused


@pytest.mark.parametrize(
    ("old", "retained", "refused"),
    [
        ({}, False, 1),
        ({"deletionProtection": False}, False, 0),
        ({"deletionProtection": None}, False, 1),
        ({"deletionProtection": None, "status": "Trial Active"}, False, 0),
        ({"deletionProtection": SECRET}, False, 0),
        ({}, True, 0),
    ],
)
def test_a_deletion_that_the_update_refuses_is_refused_without_a_limit(
    old: dict[str, Any], retained: bool, refused: int
) -> None:
    deleted = step("delete", old={**INPUTS, **old})
    deleted["oldState"]["retainOnDelete"] = retained
    plan = plan_of(deleted, step("create", "new", new={**INPUTS, "shortname": "new-corp"}))
    assert len(refusals(plan, [], Limits())) == refused


def test_a_refused_deletion_names_the_customers_and_what_to_do() -> None:
    plan = plan_of(*(step("delete", f"d{n}", old={**INPUTS, "shortname": f"corp-{n:02}"}) for n in range(12)))
    [sentence] = refusals(plan, [], Limits())
    assert sentence.startswith("The plan deletes 12 customers (corp-00, corp-01, ")
    assert "corp-09, …), with deletion protection on: " in sentence
    assert sentence.endswith("apply deletion_protection: false for it in a separate update first.")


def test_a_refused_deletion_that_may_be_a_rename_is_first_and_has_other_advice() -> None:
    names = [f"corp-of-acme-{n:03}" for n in range(12)]
    renamed = [step("delete", each, old={**INPUTS, "shortname": each}) for each in names]
    removed = step("delete", "z", old={**INPUTS, "shortname": "zoo-corp", "organization": "Zoo"})
    new = step("create", "new", new={**INPUTS, "shortname": "new-corp"})
    first, second = refusals(plan_of(*renamed, removed, new), [], Limits())
    assert first.index("A shortname can't be changed: restore it") < first.index("To delete the customer with all data")
    assert second.startswith("The plan deletes zoo-corp, with deletion protection on: ")
    assert line(first, 500) == first, "the advice is cut"


def test_a_replacement_is_a_deletion() -> None:
    plan = plan_of(
        step("replace", old={**INPUTS, "deletionProtection": False}, new={**INPUTS, "shortname": "acme-two"})
    )
    assert len(refusals(plan, warnings(plan), Limits([Condition("deletes", 0)], max_deletes=0))) == 2


def test_a_share_that_the_preview_does_not_show_is_refused_or_unclear() -> None:
    limits = Limits(max_delete_percent=50)
    assert refusals(deletions(0, unlisted=3), [], limits) == []
    assert len(refusals(deletions(4, unlisted=3), [], limits)) == 1
    with pytest.raises(UnclearError, match="--show-sames"):
        refusals(deletions(1, unlisted=3), [], limits)


@pytest.mark.parametrize("text", ["deletes", "deletes>", "deletes>-1", "deletes<1", "cats>0", "", "deletes>0x"])
def test_a_condition_that_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="isn't COUNT>NUMBER such as 'deletes>0'"):
        Condition.parse(text)


@pytest.mark.parametrize("status", [None, "Active"])
@pytest.mark.parametrize("op", ["delete", "replace"])
def test_a_deletion_without_a_known_protection_is_refused_by_default(op: str, status: str | None) -> None:
    old = {**INPUTS, "deletionProtection": None, "status": status}
    plan = plan_of(step(op, old=old, new={**INPUTS, "shortname": "other-corp"}))
    assert [each.is_protected_deletion for each in plan.customers] == [True]


def test_no_text_has_the_data_of_an_admin() -> None:
    plan = without_admins(
        plan_of(
            step("create", "ada@acme.example.com", new={**INPUTS, "organization": "of ada@acme.example.com"}),
            step("update", "b", old=INPUTS, new={**INPUTS, "email": "eve@acme.example.com"}),
            diagnostics=[
                error("fusion:index:Customer resource 'b': property email value {x} has a problem: restore 'Eve'", "b"),
                error("fusion:index:Customer resource 'b': property type value {x} has a problem: Ada or q@x.org", "b"),
                {"severity": "warning", "message": "warning: Lovelace is invited as ada@acme.example.com"},
            ],
        )
    )
    assert [each.resource for each in plan.customers] == ["b", "(hidden)"]
    assert [each.reason for each in plan.failures] == ["restore (hidden)", "(hidden) or (hidden)"]
    assert plan.notes == ("(hidden) is invited as (hidden)",)
    for value in ("ada@acme.example.com", "eve@acme.example.com", "Lovelace", "'Ada'"):
        assert value not in repr(plan)


# Only the value of an admin has this letter, and what a quote ends or starts with.
NAMES = st.text("\N{CYRILLIC CAPITAL LETTER ZHE}'\"\\ …,.tn", max_size=80)


@given(NAMES)
def test_what_the_check_quotes_of_an_admin_is_hidden_and_the_rest_stays(name: str) -> None:
    texts = {
        f"It can't be changed here: restore {name!r}, and change the user in Fusion": (
            "It can't be changed here: restore (hidden), and change the user in Fusion"
        ),
        f"It mustn't begin with white space: remove it from {quoted(name)}": (
            "It mustn't begin with white space: remove it from (hidden)"
        ),
    }
    problem = "fusion:index:Customer resource 'b': property givenName value {x} has a problem: "
    plan = without_admins(plan_of(diagnostics=[error(problem + each, "b") for each in texts]))
    assert [each.reason for each in plan.failures] == list(texts.values())


def test_the_page_and_the_help_list_every_warning_and_count() -> None:
    page = pages()["reports"].read_text(encoding="utf-8")
    assert re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE) == [each.value for each in WarningKind]
    help_text = " ".join((report.help or "").split())
    for name in [*COUNTS, *(each.value for each in WarningKind)]:
        assert name in help_text
    for name in COUNTS:
        assert f"`{name}`" in page
