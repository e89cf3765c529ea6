"""The public API, and the names that every state contains."""

from __future__ import annotations

import importlib
import json
import pickle
import subprocess
import sys

import dill  # type: ignore[import-untyped]
import pytest

import pulumi_fusion


def test_every_public_name_can_be_imported_and_no_other_is_listed() -> None:
    from pulumi_fusion import dynamic, errors, redaction, settings
    from pulumi_fusion.api import client
    from pulumi_fusion.customer import model
    from pulumi_fusion.sessions import session

    homes = (model, dynamic, errors, redaction, settings, client, session)
    for name in pulumi_fusion.__all__:
        found = getattr(pulumi_fusion, name)
        assert any(getattr(home, name, None) is found for home in homes)
    assert sorted(pulumi_fusion.__all__) == pulumi_fusion.__all__
    assert set(pulumi_fusion.__all__) <= set(dir(pulumi_fusion))


def test_a_star_import_gives_the_same() -> None:
    given: dict[str, object] = {}
    exec("from pulumi_fusion import *", given)  # noqa: S102 - the only way to a star import outside a module's top
    assert set(given) - {"__builtins__"} == set(pulumi_fusion.__all__)


def test_a_missing_public_name_raises_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'pulumi_fusion' has no attribute 'Consumer'"):
        getattr(pulumi_fusion, "Consumer")  # noqa: B009 - the type checker knows that it is not there


def imported_by(program: str) -> set[str]:
    """Return the modules that a new interpreter has imported after the program."""
    program += "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout))


HEAVY = {"pulumi", "grpc", "requests", "urllib3", "flask", "werkzeug", "click", "rich", "pydantic", "email_validator"}


def test_importing_the_package_imports_no_dependency() -> None:
    assert imported_by("import pulumi_fusion") & HEAVY == set()
    assert "requests" in imported_by("import requests")


@pytest.mark.parametrize(
    ("program", "without"),
    [
        ("from pulumi_fusion import Customer", {"requests", "flask", "click", "rich", "pydantic", "email_validator"}),
        ("from pulumi_fusion import FusionClient", {"pulumi", "grpc", "flask", "click", "rich"}),
        ("from pulumi_fusion import FusionError, Secret, Settings", HEAVY),
        (
            "from pulumi_fusion.catalog import read",
            {"requests", "flask", "click", "rich", "pydantic", "email_validator", "ruamel"},
        ),
        ("import pulumi_fusion.catalog.check", {"pulumi", "grpc", "requests", "flask", "click", "rich", "ruamel"}),
        ("import pulumi_fusion.plugin.server", {"pulumi", "flask", "click", "rich"}),
        ("import pulumi_fusion.engine", {"pulumi", "grpc", "requests", "flask", "click", "pydantic"}),
        ("import pulumi_fusion.api.client", {"pulumi", "grpc", "flask", "click"}),
        ("import pulumi_fusion.operations.lifecycle", {"pulumi", "grpc", "requests", "flask", "click"}),
    ],
)
def test_each_public_name_imports_only_what_it_needs(program: str, without: set[str]) -> None:
    imported = imported_by(program)
    # Pulumi itself may import some of them.
    brought = imported_by("import pulumi") if "pulumi" in imported else set()
    assert imported & without <= brought


def test_the_sdk_can_be_imported_after_the_plugin() -> None:
    program = (
        "import pulumi_fusion.plugin.server\n"
        "from pulumi.runtime.proto import provider_pb2\n"
        "import pulumi, pulumi.dynamic, pulumi.automation\n"
        "from pulumi_fusion.plugin import protocol\n"
        "assert protocol.provider_pb2 is provider_pb2\n"
    )
    assert {"pulumi", "pulumi.runtime.stack"} <= imported_by(program)


def test_the_module_and_name_of_the_dynamic_provider_do_not_change() -> None:
    found = importlib.import_module("pulumi_fusion.dynamic").CustomerProvider
    assert (found.__module__, found.__qualname__) == ("pulumi_fusion.dynamic", "CustomerProvider")
    assert found is not pulumi_fusion.Customer


def test_the_types_of_outputs_are_evaluated() -> None:
    """The SDK would compile a text again for each resource."""
    assert not any(isinstance(each, str) for each in pulumi_fusion.Customer.__annotations__.values())


def test_the_provider_is_pickled_as_its_name_and_nothing_else() -> None:
    from pulumi_fusion.dynamic import CustomerProvider

    assert vars(CustomerProvider()) == {}
    pickled = dill.dumps(CustomerProvider(), protocol=4, recurse=True)
    assert pickled == (
        b"\x80\x04\x951\x00\x00\x00\x00\x00\x00\x00\x8c\x15pulumi_fusion.dynamic\x94"
        b"\x8c\x10CustomerProvider\x94\x93\x94)\x81\x94."
    )
    assert type(pickle.loads(pickled)) is CustomerProvider  # noqa: S301 - pickled above


def test_the_sdk_pickles_it_the_same_way_every_time() -> None:
    from pulumi.dynamic.dynamic import serialize_provider

    from pulumi_fusion.dynamic import CustomerProvider

    first, second = serialize_provider(CustomerProvider()), serialize_provider(CustomerProvider())
    assert first == second
    assert len(first) < 200
