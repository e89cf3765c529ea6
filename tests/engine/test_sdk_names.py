"""A program imports the SDK by the same name whichever way it was generated, and by the name that the docs teach."""

from __future__ import annotations

import json
import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from fusion_emulator import Emulator
from pulumi_fusion.plugin import schema
from tests.engine.sdks import ROOT, generate
from tests.engine.stack import Stack

DOCS = files("pulumi_fusion.plugin").joinpath("customer.md").read_text(encoding="utf-8")


def from_repository(spec: dict[str, Any]) -> dict[str, Any]:
    """What the CLI makes of the schema in a repository (pkg/cmd/pulumi/packages, SchemaFromSchemaSource)."""
    return {"namespace": "acme", **spec, "pluginDownloadURL": "git://git.example.com/acme/pulumi-fusion"}


WAYS: dict[str, dict[str, Any]] = {"path": schema.package(), "repository": from_repository(schema.package())}


@pytest.mark.parametrize("way", WAYS)
def test_sdks_of_typescript_python_and_go_have_the_names_of_the_schema(node: Path, tmp_path: Path, way: str) -> None:
    for language in ("nodejs", "python", "go"):
        generate(node / "sdk", language, tmp_path / language, spec=WAYS[way])

    assert json.loads((tmp_path / "nodejs" / "package.json").read_text())["name"] == "@pulumi-fusion/fusion"
    assert 'import * as fusion from "@pulumi-fusion/fusion";' in DOCS

    assert 'name = "pulumi_fusion_sdk"' in (tmp_path / "python" / "pyproject.toml").read_text()
    assert (tmp_path / "python" / "pulumi_fusion_sdk" / "customer.py").exists()
    assert "import pulumi_fusion_sdk as fusion" in DOCS

    module = re.search(r"^module (\S+)$", (tmp_path / "go" / "go.mod").read_text(), re.MULTILINE)
    assert module is not None
    assert "package fusion" in (tmp_path / "go" / "fusion" / "customer.go").read_text()
    assert f'"{module[1]}/fusion"' in DOCS
    assert f'"{module[1]}/fusion/internal"' in (tmp_path / "go" / "fusion" / "customer.go").read_text()


@pytest.mark.parametrize("way", WAYS)
def test_the_sdk_of_csharp_has_the_names_of_the_schema_and_the_logo(
    yaml_host: Path, tmp_path: Path, emulator: Emulator, way: str
) -> None:
    """The generator downloads the logo that the schema names; here from the emulator, which has none."""
    generate(yaml_host / "csharp", tmp_path, spec={**WAYS[way], "logoUrl": f"{emulator.url}/logo.png"})
    assert [each.path for each in emulator.requests] == ["/logo.png"]
    assert (tmp_path / "PulumiFusion.Fusion.csproj").exists()
    assert "namespace PulumiFusion.Fusion\n" in (tmp_path / "Customer.cs").read_text()
    assert "using Fusion = PulumiFusion.Fusion;" in DOCS


def test_the_cli_writes_the_sdk_where_the_example_expects_it(
    yaml_host: Path, tmp_path: Path, emulator: Emulator
) -> None:
    """The YAML host is the only one here that generates; the CLI names the folder alike for every language.

    That host cannot link a package yet, so the command fails after it has written the SDK.
    """
    (tmp_path / "Pulumi.yaml").write_text("name: any\nruntime: yaml\n")
    stack = Stack(tmp_path)
    stack.environ["PATH"] = f"{yaml_host}:{stack.environment()['PATH']}"
    provider = shutil.which("pulumi-resource-fusion")
    assert provider is not None
    assert "Successfully generated an SDK" in stack.pulumi("package", "add", provider, plain=True).stdout
    [folder] = (tmp_path / "sdks").iterdir()
    wanted = json.loads((ROOT / "examples" / "typescript" / "package.json").read_text())["dependencies"]
    assert wanted["@pulumi-fusion/fusion"] == f"file:sdks/{folder.name}"
