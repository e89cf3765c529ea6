"""The plugin under the real Pulumi CLI, judged by what the service holds."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from fusion_emulator import Emulator
from pulumi_fusion.plugin import schema
from tests.engine.stack import PLUGIN_PROGRAM, PROGRAM, Stack, a_customer, has_project_traceback, in_schema, mutations
from tests.engine.test_secrets import canaries_of, found, left_in


def customer(shortname: str, **fields: Any) -> dict[str, Any]:
    return in_schema(a_customer(shortname, **fields))


def test_a_customer_of_the_plugin_from_create_to_destroy(plugin_stack: Stack, emulator: Emulator) -> None:
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
    stack.require_no_changes()

    emulator.edit("first-corp", retention=45)
    stack.refresh().ok()
    assert "~ dataRetention: 45 => 90" in stack.diff_lines()
    stack.up().ok()
    assert emulator.record("first-corp")["billing"]["data_retention"] == 90

    declared["first"] |= {"shortname": "first-new"}
    stack.declare(declared)
    assert "apply deletionProtection=false first" in stack.preview().failed().text
    assert "deletion protection is on" in stack.destroy().failed().text
    declared["first"] |= {"shortname": "first-corp", "deletionProtection": False}
    stack.declare(declared)
    stack.up().ok()
    declared["first"] |= {"shortname": "first-new"}
    stack.declare(declared)
    assert "first replaced" in stack.up().ok().stdout
    assert {each.shortname for each in emulator.accounts()} == {"first-new", "second-corp"}
    stack.destroy().ok()
    assert emulator.accounts() == ()


def test_a_create_of_unknown_outcome_is_resolved_by_the_next_up(plugin_stack: Stack, emulator: Emulator) -> None:
    stack = plugin_stack
    stack.environ["FUSION_DEADLINE"] = "8"  # all of it is waited for the answer that never comes
    stack.declare({"made": customer("made-corp"), "lost": customer("lost-corp")})
    emulator.faults.add("POST /customer 500-after x2", "GET /customer/* 500")
    unknown = stack.up().failed()
    assert "whether the customer exists could not be found out" in unknown.text
    assert "The next `pulumi up` checks whether the customer exists" in " ".join(unknown.text.split())
    for name in ("made", "lost"):
        kept = stack.state()[name]
        assert kept["initErrors"]
        assert "customerId" not in kept["outputs"]
    emulator.faults.clear()
    emulator.remove("lost-corp")  # as if the request had never arrived
    emulator.requests.clear()

    refused = stack.destroy("--target", stack.state()["made"]["urn"]).failed()
    assert "Run `pulumi refresh`, which records the id" in " ".join(refused.text.split())
    assert mutations(emulator.requests) == []

    stack.environ["FUSION_DEADLINE"] = "30"
    stack.up().ok()
    assert mutations(emulator.requests) == ["POST /api/v1/customer"]
    for name in ("made", "lost"):
        resolved = stack.state()[name]
        assert "initErrors" not in resolved
        assert resolved["outputs"]["customerId"] == {a.shortname: a.id for a in emulator.accounts()}[resolved["id"]]
    stack.require_no_changes()


def test_an_interrupted_create_is_kept_and_no_request_follows(plugin_stack: Stack, emulator: Emulator) -> None:
    stack = plugin_stack
    stack.declare({"acme": customer("acme-corp")})
    emulator.faults.add("POST /customer hang-after x1")
    with stack.start("up", "--yes", "--skip-preview") as running:
        running.until(lambda: bool(emulator.requests.of("POST", "/customer")))
        began = time.monotonic()
        running.signal(signal.SIGINT)
        said = running.end()
        assert time.monotonic() - began < 25  # the answer would be waited for 30 s
    assert "Traceback" not in said
    assert len(emulator.requests.of("POST", "/customer")) == 1
    assert stack.state()["acme"]["initErrors"]
    emulator.faults.clear()
    stack.up().ok()
    assert len(emulator.requests.of("POST", "/customer")) == 1
    stack.require_no_changes()


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
    warned = [line for line in imported.stdout.splitlines() if line.strip().startswith("warning: 50 customers were")]
    assert len(warned) == 2, "one for the preview, one for the import itself"
    assert "does not show Email, Given Name, Family Name, Organization, Type" in warned[0]
    assert sorted(f"{each.method} {each.path}" for each in emulator.requests) == sorted(
        2 * ["POST /api/v1/auth/token", "GET /api/v1/customers", "GET /api/v1/customers/types"]
    )

    declared = {name: customer(name, data_retention=45, rollup_retention=90) for name in names}
    stack.declare(declared)
    stack.pulumi("preview", "--expect-no-changes").ok()
    declared["bystander"] = {**customer("bystander", type="MSSP"), "options": {"import_": "bystander"}}
    stack.declare(declared)
    stack.up().ok()
    assert mutations(emulator.requests) == []
    stack.refresh().ok()
    stack.pulumi("preview", "--expect-no-changes").ok()
    for wrong, reason in (
        ("nowhere", "The id of a Customer is its shortname"),
        ("a/b", "the id of a Customer is its shortname, which must have 5 to 16 characters"),
        ("grandchild", "it is a customer of 'bystander'"),
        (emulator.root.shortname, "it is the account that you work in"),
    ):
        refused = stack.pulumi("import", "fusion:index:Customer", "wrong", wrong, "--yes", "--generate-code=false")
        assert reason in refused.failed().text

    stack.declare({**declared, "live-00": {**declared["live-00"], "dataRetention": 90}})
    stack.up().ok()
    assert mutations(emulator.requests) == ["PUT /api/v1/customer/live-00"]


def test_a_stack_of_the_dynamic_provider_moves_to_the_plugin_without_a_request(
    stack: Stack, emulator: Emulator
) -> None:
    declared = {"acme": a_customer("acme-corp", contractual_flows_per_second=5), "safe": a_customer("safe-corp")}
    stack.declare(declared)
    stack.up().ok()
    emulator.requests.clear()

    (stack.folder / "__main__.py").write_text(PLUGIN_PROGRAM)
    stack.kind = "fusion:index:Customer"
    alias = {"options": {"aliases": ["pulumi-python:dynamic/fusion:Customer"]}}
    moved = {name: {**in_schema(fields), **alias} for name, fields in declared.items()}
    stack.declare(moved)
    stack.pulumi("preview", "--expect-no-changes").ok()
    stack.up("--expect-no-changes").ok()
    assert mutations(emulator.requests) == []
    assert set(stack.state()) == {"acme", "safe"}

    stack.declare({**moved, "acme": {**moved["acme"], "organization": "Acme plc"}})
    stack.up().ok()
    assert mutations(emulator.requests) == ["PUT /api/v1/customer/acme-corp"]
    assert "__provider" not in stack.state()["acme"]["outputs"]
    stack.refresh().ok()
    assert "__provider" not in json.dumps(stack.state())
    stack.require_no_changes()


def test_a_stack_of_the_plugin_moves_to_the_dynamic_provider_without_a_request(
    plugin_stack: Stack, emulator: Emulator
) -> None:
    stack = plugin_stack
    stack.declare({"acme": customer("acme-corp")})
    stack.up().ok()
    emulator.requests.clear()

    alias = "opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(type_='fusion:index:Customer')])"
    program = PROGRAM.replace("Customer(name, **fields)", f"Customer(name, **fields, {alias})")
    assert alias in program
    (stack.folder / "__main__.py").write_text(program)
    stack.kind = "fusion:Customer"
    stack.declare({"acme": a_customer("acme-corp")})
    stack.up().ok()
    assert mutations(emulator.requests) == []
    stack.require_no_changes()
    stack.destroy().ok()
    assert emulator.accounts() == ()


def test_a_customer_created_by_a_killed_provider_is_imported(plugin_stack: Stack, emulator: Emulator) -> None:
    stack = plugin_stack
    stack.declare({"acme": customer("acme-corp")})
    emulator.faults.add("POST /customer hang-after=30 x1")
    with stack.start("up", "--yes", "--skip-preview") as running:
        running.until(lambda: not emulator.faults)
        for pid in running.descendants("pulumi-resource-fusion"):
            os.kill(pid, signal.SIGKILL)
        assert not has_project_traceback(running.end())
    printed = " ".join(stack.up().failed().text.split())
    assert "run `pulumi import fusion:index:Customer acme acme-corp`" in printed

    imported = ("import", "fusion:index:Customer", "acme", "acme-corp", "--yes", "--protect=false")
    stack.pulumi(*imported, "--generate-code=false").ok()
    stack.up("--expect-no-changes").ok()
    assert len(emulator.requests.of("POST", "/customer")) == 1


def test_an_installed_plugin_is_found_without_a_virtual_environment(plugin_stack: Stack, emulator: Emulator) -> None:
    stack = plugin_stack
    emulator.seed("acme-corp", retention=45, rollupRetention=90)
    emulator.seed("try-it-out", trial=True)
    environment = stack.environment()
    subprocess.run(["pulumi-fusion", "plugin", "install"], env=environment, check=True, capture_output=True)
    scripts = Path(sys.executable).parent
    elsewhere = [each for each in environment["PATH"].split(os.pathsep) if Path(each) != scripts]
    stack.environ["PATH"] = os.pathsep.join(elsewhere)

    shown = stack.pulumi("package", "get-schema", "fusion", plain=True).ok()
    assert "from $PATH" not in shown.text
    (stack.folder / "schema.json").write_text(shown.stdout)
    assert json.loads(shown.stdout)["version"] == schema.VERSION
    stack.pulumi("schema", "check", "schema.json", plain=True).ok()

    read = stack.pulumi("do", "fusion:Customer", "read", "acme-corp", plain=True).ok()
    assert "dataRetention  : 45" in read.text
    listed = stack.pulumi("do", "fusion:Customer", "list", plain=True).ok()
    assert [each["id"] for each in json.loads(listed.stdout)] == ["acme-corp", "try-it-out"]
    listed = stack.pulumi("do", "fusion:Customer", "list", "--status", "Trial Active", plain=True).ok()
    assert [each["id"] for each in json.loads(listed.stdout)] == ["try-it-out"]
    trials = stack.pulumi("do", "fusion:getCustomers", "--status", "Trial Active", plain=True).ok()
    assert [each["shortname"] for each in json.loads(trials.stdout)["customers"]] == ["try-it-out"]


def test_a_run_of_the_plugin_with_all_logs_leaves_no_secret(plugin_stack: Stack, emulator: Emulator) -> None:
    stack = plugin_stack
    (stack.folder / "tmp").mkdir()
    stack.environ |= {"TMPDIR": str(stack.folder / "tmp"), "PULUMI_DEBUG_GRPC": str(stack.folder / "grpc.json")}
    stack.declare({"acme": customer("acme-corp")})
    emulator.faults.add("POST /customer delay=3 x1")
    with stack.start("up", "--yes", "--skip-preview", "--logtostderr", "-v=11") as running:
        running.until(lambda: not emulator.faults)  # the request waits, so all processes still run
        lines = "\n".join(running.command_line(pid) for pid in running.descendants(""))
        said = running.end()
    assert "pulumi-resource-fusion" in lines
    said += stack.refresh("--logtostderr", "-v=11").ok().text
    exported = stack.pulumi("stack", "export", "--show-secrets").ok().text
    said += stack.destroy("--logtostderr", "-v=11").ok().text
    sinks = left_in(stack.folder) | {"lines": lines.encode(), "export": exported.encode(), "said": said.encode()}
    assert b"acme-corp" in sinks["grpc.json"]  # the log was on
    assert found(canaries_of(emulator), sinks) == []


def test_a_credential_is_stored_only_encrypted_and_a_rotated_one_works(plugin_stack: Stack, emulator: Emulator) -> None:
    stack = plugin_stack
    current = stack.environ.pop("NETOSECRET")
    stack.pulumi("config", "set", "--secret", "fusion:netosecret", current).ok()
    stack.declare({"acme": customer("acme-corp")})
    said = stack.up().ok().text
    assert "netosecret" in stack.checkpoint.read_text()
    assert found(canaries_of(emulator), left_in(stack.folder) | {"said": said.encode()}) == []

    # Into the environment with it: the provider is updated, and nothing is replaced.
    stack.pulumi("config", "rm", "fusion:netosecret").ok()
    stack.environ["NETOSECRET"] = current
    assert "replace" not in stack.up().ok().text
    assert "netosecret" not in stack.checkpoint.read_text()
    stack.environ["NETOSECRET"] = "bm90IGEgY3JlZGVudGlhbA=="  # as a key that is over
    assert "netosecret" in stack.refresh().failed().text
    stack.environ["NETOSECRET"] = current
    stack.refresh().ok()
    stack.destroy().ok()
    assert emulator.accounts() == ()


# Python runs this module first: https://docs.python.org/3/library/site.html#module-sitecustomize
CANDIDATE = """
import importlib.metadata
known = importlib.metadata.version
importlib.metadata.version = lambda name: "0.2.0rc1" if name == "pulumi-fusion" else known(name)
"""


def test_a_release_candidate_has_a_version_that_the_engine_can_read(plugin_stack: Stack, tmp_path: Path) -> None:
    stack = plugin_stack
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(CANDIDATE)
    stack.environ |= {"PYTHONPATH": str(tmp_path / "site"), "PULUMI_IGNORE_AMBIENT_PLUGINS": "true"}
    subprocess.run(["pulumi-fusion", "plugin", "install"], env=stack.environment(), check=True, capture_output=True)
    listed = json.loads(stack.pulumi("plugin", "ls", "--json", plain=True).ok().stdout)
    assert [(each["name"], each["version"]) for each in listed] == [("fusion", "0.2.0-rc.1")]
    shown = stack.pulumi("package", "get-schema", "fusion@0.2.0-rc.1", plain=True).ok()
    assert json.loads(shown.stdout)["version"] == "0.2.0-rc.1"
