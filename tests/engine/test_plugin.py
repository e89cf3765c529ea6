"""The plugin under the real Pulumi CLI, judged by what the service holds."""

from __future__ import annotations

import json
import signal
import time
from typing import Any

from pulumi_fusion.emulator import Emulator
from tests.engine.stack import Stack, a_customer, in_schema, mutations


def customer(shortname: str, **fields: Any) -> dict[str, Any]:
    return in_schema(a_customer(shortname, **fields))


def test_the_whole_life_of_a_customer(plugin_stack: Stack, emulator: Emulator) -> None:
    stack = plugin_stack
    declared = {
        "first": customer("first-corp", deletion_protection=None),
        "second": customer("second-corp", organization={"unknown": "Later Inc."}),
    }
    stack.declare(declared)
    shown = stack.preview().ok().stdout
    assert "+ fusion:index:Customer: (create)" in shown
    assert "dataRetention" in shown
    assert mutations(emulator.requests) == []

    stack.up().ok()
    assert {each.shortname for each in emulator.accounts()} == {"first-corp", "second-corp"}
    assert emulator.record("second-corp")["organization"] == "Later Inc."
    state = stack.state()["first"]
    assert state["id"] == "first-corp"
    assert state["outputs"]["customerId"]
    assert state["inputs"]["deletionProtection"] is True
    stack.settled()

    emulator.edit("first-corp", retention=45)
    stack.refresh().ok()
    assert "~ dataRetention: 45 => 90" in stack.diff_lines()
    stack.up().ok()
    assert emulator.record("first-corp")["billing"]["data_retention"] == 90
    stack.settled()

    declared["first"] |= {"shortname": "first-new"}
    stack.declare(declared)
    assert "apply deletionProtection=false first" in stack.preview().failed().text
    assert "deletion protection is on" in stack.destroy().failed().text
    declared["first"] |= {"shortname": "first-corp", "deletionProtection": False}
    stack.declare(declared)
    stack.up().ok()
    declared["first"] |= {"shortname": "first-new"}
    stack.declare(declared)
    assert "+-fusion:index:Customer: (replace)" in stack.preview().ok().stdout
    stack.up().ok()
    assert {each.shortname for each in emulator.accounts()} == {"first-new", "second-corp"}
    stack.destroy().ok()
    assert emulator.accounts() == ()


def test_a_create_in_doubt_is_kept_and_the_next_up_settles_it(plugin_stack: Stack, emulator: Emulator) -> None:
    stack = plugin_stack
    stack.environ["FUSION_DEADLINE"] = "3"
    stack.declare({"made": customer("made-corp"), "lost": customer("lost-corp")})
    emulator.faults.add(
        "POST /customer 500-after skip=0 x2", "GET /customer/made-corp 500 skip=1", "GET /customer/lost-corp 500 skip=1"
    )
    doubt = stack.up().failed()
    assert "whether the customer exists could not be settled" in doubt.text
    assert "the next `pulumi up` looks up what became of it" in " ".join(doubt.text.split())
    for name in ("made", "lost"):
        kept = stack.state()[name]
        assert kept["initErrors"]
        assert "customerId" not in kept["outputs"]
    emulator.faults.clear()
    emulator.remove("lost-corp")  # as if the request had never arrived
    emulator.requests.clear()

    refused = stack.destroy("--target", stack.state()["made"]["urn"]).failed()
    assert "`pulumi refresh` looks the id up" in " ".join(refused.text.split())
    assert mutations(emulator.requests) == []

    stack.environ["FUSION_DEADLINE"] = "30"
    stack.up().ok()
    assert mutations(emulator.requests) == ["POST /api/v1/customer"]
    for name in ("made", "lost"):
        settled = stack.state()[name]
        assert "initErrors" not in settled
        assert settled["outputs"]["customerId"] == {a.shortname: a.id for a in emulator.accounts()}[settled["id"]]
    stack.settled()


def test_an_interrupt_keeps_what_is_in_doubt_and_sends_nothing_more(plugin_stack: Stack, emulator: Emulator) -> None:
    stack = plugin_stack
    stack.declare({"acme": customer("acme-corp")})
    emulator.faults.add("POST /customer hang-after x1")
    with stack.start("up", "--yes", "--skip-preview") as running:
        running.until(lambda: bool(emulator.requests.of("POST", "/customer")))
        began = time.monotonic()
        running.signal(signal.SIGINT)
        said = running.end()
        assert time.monotonic() - began < 10
    assert "Traceback" not in said
    assert len(emulator.requests.of("POST", "/customer")) == 1
    assert stack.state()["acme"]["initErrors"]
    emulator.faults.clear()
    stack.up().ok()
    assert len(emulator.requests.of("POST", "/customer")) == 1
    stack.settled()


def test_an_existing_customer_is_imported_and_completed_without_a_change(
    plugin_stack: Stack, emulator: Emulator
) -> None:
    stack = plugin_stack
    names = [f"live-{number:02d}" for number in range(50)]
    for name in names:
        emulator.seed(name, retention=45, rollupRetention=90)
    emulator.seed("bystander", type="reseller")
    emulator.seed("grandchild", parent="bystander")
    bulk = {"resources": [{"type": "fusion:index:Customer", "name": name, "id": name} for name in names]}
    (stack.folder / "bulk.json").write_text(json.dumps(bulk))
    imported = stack.pulumi("import", "--file", "bulk.json", "--yes", "--generate-code=false", "--protect=false").ok()
    assert "does not tell its Email" in imported.text

    declared = {name: customer(name, data_retention=45, rollup_retention=90) for name in names}
    stack.declare(declared)
    stack.pulumi("preview", "--expect-no-changes").ok()
    declared["bystander"] = {**customer("bystander", type="MSSP"), "options": {"import_": "bystander"}}
    stack.declare(declared)
    stack.up().ok()
    assert mutations(emulator.requests) == []
    stack.refresh().ok()
    stack.settled()
    for wrong, reason in (
        ("nowhere", "The id of a Customer is its shortname"),
        ("grandchild", "it is a customer of 'bystander'"),
        (emulator.root.shortname, "it is the account that you work in"),
    ):
        refused = stack.pulumi("import", "fusion:index:Customer", "wrong", wrong, "--yes", "--generate-code=false")
        assert reason in refused.failed().text

    stack.declare({**declared, "live-00": {**declared["live-00"], "dataRetention": 90}})
    stack.up().ok()
    assert mutations(emulator.requests) == ["PUT /api/v1/customer/live-00"]
