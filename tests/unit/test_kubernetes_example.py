"""The manifests for the Pulumi Kubernetes Operator: each name in them exists, there, in the image or in the project."""

from __future__ import annotations

import ast
import itertools
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest

from pulumi_fusion.catalog.check import validate
from pulumi_fusion.settings import SETTING_SOURCES
from tests.kubernetes import FOLDER, PROJECT, dockerfile, image_variables, manifest, manifests

ROOT: Final = Path(__file__).resolve().parents[2]
README: Final = (FOLDER / "README.md").read_text(encoding="utf-8")
OBJECTS: Final = manifests()
STACKS: Final = [name for name, each in OBJECTS.items() if each["kind"] == "Stack"]
DECLARED_BY_THE_PROGRAM: Final = {"email", "given_name", "family_name"}


def named(kind: str) -> set[str]:
    return {each["metadata"]["name"] for each in OBJECTS.values() if each["kind"] == kind}


def secrets_of_the_readme() -> dict[str, set[str]]:
    """Return the keys of each Secret of the table: words in code that aren't a command."""
    rows = re.findall(r"^ *\| `([\w-]+)` \| (.*?) \| `kubectl [^|]* create secret", README, re.MULTILINE)
    return {name: set(re.findall(r"`(\w+)`", keys)) for name, keys in rows}


def pod(spec: Any) -> Any:
    return spec["workspaceTemplate"]["spec"]["podTemplate"]["spec"]


def containers(spec: Any) -> list[Any]:
    return [*pod(spec)["initContainers"], *pod(spec)["containers"]]


def test_each_object_is_in_the_namespace() -> None:
    assert len(STACKS) == 3
    assert named("Namespace") == {"fusion"}
    for name, each in OBJECTS.items():
        if each["kind"] not in ("Namespace", "ClusterRoleBinding"):
            assert each["metadata"]["namespace"] == "fusion", name
    assert "Secret" not in {each["kind"] for each in OBJECTS.values()}


def test_the_service_account_may_review_tokens() -> None:
    [binding] = [each for each in OBJECTS.values() if each["kind"] == "ClusterRoleBinding"]
    [subject] = binding["subjects"]
    assert binding["roleRef"]["name"] == "system:auth-delegator"
    assert (subject["kind"], subject["namespace"]) == ("ServiceAccount", "fusion")
    assert (
        {subject["name"]} == named("ServiceAccount") == {OBJECTS[each]["spec"]["serviceAccountName"] for each in STACKS}
    )


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_names_a_catalog_of_the_project(stack: str) -> None:
    organization, project, name = OBJECTS[stack]["spec"]["stack"].split("/")
    assert organization == "organization"  # that of a backend of files
    assert f"name: {project}\n" in (PROJECT / "Pulumi.yaml").read_text()
    assert (PROJECT / f"customers/{name}.yaml").is_file()


@pytest.mark.parametrize("catalog", sorted((PROJECT / "customers").glob("*.yaml")), ids=lambda path: path.name)
def test_a_catalog_is_complete_but_for_the_first_admin(catalog: Path) -> None:
    assert validate(str(catalog), without=DECLARED_BY_THE_PROGRAM) == []
    assert {each.field for each in validate(str(catalog))} == DECLARED_BY_THE_PROGRAM


@pytest.mark.parametrize("stack", STACKS)
def test_the_names_in_a_stack_exist(stack: str) -> None:
    spec = OBJECTS[stack]["spec"]
    others = {each["name"] for each in spec.get("prerequisites", [])}
    assert others <= named("Stack") - {OBJECTS[stack]["metadata"]["name"]}

    referred = [
        each["secret"] for each in [*spec["envRefs"].values(), *spec["secretsRef"].values()] if "secret" in each
    ]
    known = secrets_of_the_readme()
    assert len(known) == 4
    for secret in referred:
        assert secret["key"] in known[secret["name"]], secret

    volumes = {each["name"] for each in pod(spec)["volumes"]}
    claims = {
        each["persistentVolumeClaim"]["claimName"] for each in pod(spec)["volumes"] if "persistentVolumeClaim" in each
    }
    mounted = {each["name"]: each["mountPath"] for container in containers(spec) for each in container["volumeMounts"]}
    assert claims == named("PersistentVolumeClaim")
    assert mounted.keys() == volumes | {"share"}  # which is the operator's
    assert mounted["share"] == "/share"
    assert spec["backend"] == f"file://{mounted['state']}"


@pytest.mark.parametrize("stack", STACKS)
def test_the_variables_and_the_configuration_of_a_stack_are_read(stack: str) -> None:
    spec = OBJECTS[stack]["spec"]
    variables = {
        *spec["envRefs"],
        *(each["name"] for container in containers(spec) for each in container.get("env", ())),
    }
    sources = " ".join(source for each in SETTING_SOURCES.values() for source in each)
    assert {each for each in variables if each not in sources} == {"PULUMI_CONFIG_PASSPHRASE", "PULUMI_HOME"}

    program = ast.parse((PROJECT / "__main__.py").read_text())
    required = {
        each.args[0].value
        for each in ast.walk(program)
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute) and each.func.attr == "require_secret"
        if isinstance(each.args[0], ast.Constant)
    }
    # YAML would make a number of it, which the operator refuses.
    assert all(isinstance(each["literal"]["value"], str) for each in spec["envRefs"].values() if "literal" in each)
    assert "config" not in spec
    assert set(spec["secretsRef"]) == {f"fusion-customers:{name!s}" for name in required}


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_keeps_customers_and_its_configuration(stack: str) -> None:
    spec = OBJECTS[stack]["spec"]
    workspace = spec["workspaceTemplate"]["spec"]
    assert spec["destroyOnFinalize"] is False
    assert spec["refresh"] is True
    assert "local" not in workspace
    assert workspace["resources"]["requests"]["memory"]
    for container in containers(spec):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
    [home] = [each["value"] for each in pod(spec)["containers"][0]["env"] if each["name"] == "PULUMI_HOME"]
    [init] = pod(spec)["initContainers"]
    copied = re.findall(r"cp -r (\S+)/\. (\S+)", init["command"][-1])
    in_image = [argument.split()[-1] for instruction, argument in dockerfile() if instruction == "COPY"]
    assert copied == [("/srv/fusion/project", "/share/workspace"), (image_variables()["PULUMI_HOME"], home)]
    assert copied[0][0] in in_image


def test_all_pods_have_the_same_image() -> None:
    images = {
        image
        for name in STACKS
        for image in (
            OBJECTS[name]["spec"]["workspaceTemplate"]["spec"]["image"],
            *(each["image"] for each in pod(OBJECTS[name]["spec"])["initContainers"]),
        )
    }
    [image] = images
    assert f"-t {image} ." in (FOLDER / "Dockerfile").read_text()


def test_the_drift_stack_only_previews_the_same_stack_with_another_key() -> None:
    top, drift = manifest("stack-top.yaml")["spec"], manifest("stack-top-drift.yaml")["spec"]
    assert drift["envRefs"].pop("NETOSECRET") != top["envRefs"].pop("NETOSECRET")
    assert drift == {
        **top,
        "prerequisites": [{"name": "customers-top"}],
        "preview": True,
        "updateTemplate": {"spec": {"expectNoChanges": True}},
        "continueResyncOnCommitMatch": True,
        "resyncFrequencySeconds": 3600,
    }


def test_the_dockerfile_copies_what_exists() -> None:
    copied = {"fusion": set[str](), "": set[str]()}
    for argument in (argument for instruction, argument in dockerfile() if instruction == "COPY"):
        *options, target = argument.split()
        [context] = [each.removeprefix("--from=") for each in options if each.startswith("--from=")] or [""]
        copied[context] |= {each for each in options if not each.startswith("--")}
        assert target.startswith("/")
    assert [each for each in copied["fusion"] if not (ROOT / each).exists()] == []
    assert [each for each in copied[""] if not (FOLDER / each).exists()] == []
    # What the build of the package reads.
    assert {"pyproject.toml", "README.md", "LICENSE", "provider"} <= copied["fusion"]


def test_pulumi_install_finds_everything_in_the_image() -> None:
    """It upgrades these three in the first Python on PATH, which has pip already."""
    lock = (FOLDER / "pulumi-install.txt").read_text()
    packages = re.findall(r"^([\w-]+)==\S+((?: \\\n    --hash=sha256:[0-9a-f]{64})+)$", lock, re.MULTILINE)
    assert {"setuptools", "wheel"} <= {name for name, _ in packages}
    assert len(packages) == len(re.findall(r"^[^# ]", lock, re.MULTILINE))
    variables = image_variables()
    assert variables["PATH"] == "/opt/fusion/bin:$PATH"
    assert variables["PIP_NO_INDEX"] == "1"
    runs = " ".join(argument for instruction, argument in dockerfile() if instruction == "RUN")
    assert runs.count("--require-hashes -r /tmp/locks/") == runs.count(" -r ") == 2
    assert "virtualenv:" not in (PROJECT / "Pulumi.yaml").read_text()
    assert not (PROJECT / "requirements.txt").exists()


def test_the_sed_of_the_readme_replaces_each_image(tmp_path: Path) -> None:
    [command] = re.findall(r"`(sed -i '[^']+') manifests/stack-\*\.yaml`", README)
    for name in STACKS:
        text = (FOLDER / "manifests" / name).read_text(encoding="utf-8")
        copy = tmp_path / name
        copy.write_text(text, encoding="utf-8")
        subprocess.run([*shlex.split(command), str(copy)], check=True)
        old = "registry.example.com/fusion-workspace:1"
        assert text.count(old) == 2
        assert copy.read_text(encoding="utf-8") == text.replace(old, "REGISTRY/NAME:TAG")


def test_the_commands_of_the_readme_name_what_exists() -> None:
    commands = [shlex.split(each) for each in re.findall(r"`(kubectl [^`]+)`", README)]
    assert len(commands) > 10
    known = {
        "stack": named("Stack"),
        "pod": {f"{each}-workspace-0" for each in named("Stack")},
        "generic": set(secrets_of_the_readme()),
    }
    checked = 0
    for command in commands:
        if "-f" in command:
            assert (FOLDER / command[command.index("-f") + 1]).exists(), command
        else:
            assert command[1:3] == ["-n", "fusion"], command
        words = ["pod" if each in ("logs", "exec") else each for each in command]
        for before, word in itertools.pairwise(words):
            if before in known:
                assert word in known[before], command
                checked += 1
        stacks = [word for word in words if word.startswith("organization/")]
        assert {*stacks} <= {each["spec"]["stack"] for each in OBJECTS.values() if each["kind"] == "Stack"}
    assert checked > 10
