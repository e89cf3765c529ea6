"""A version of a Python package as Pulumi reads it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parver import Version as Pep440
from semver import Version as Semver

from pulumi_fusion.plugin.version import semver

NUMBERS = st.integers(0, 10**6)
RELEASES = st.tuples(NUMBERS, NUMBERS, NUMBERS)
STAGES = st.one_of(st.none(), st.tuples(st.sampled_from(["a", "b", "rc"]), NUMBERS))
LOCAL = st.from_regex(r"[a-z0-9]{1,8}(\.[a-z0-9]{1,8}){0,2}", fullmatch=True)


def pep_440(
    release: tuple[int, ...],
    stage: tuple[str, int] | None,
    post: int | None,
    dev: int | None,
    local: str | None,
) -> str:
    return str(
        Pep440(
            release=release,
            pre_tag=stage[0] if stage else None,
            pre=stage[1] if stage else None,
            post=post,
            dev=dev,
            local=local,
        ).normalize()
    )


@pytest.mark.parametrize(
    ("python", "pulumi"),
    [
        ("0.1.0", "0.1.0"),
        ("0.2.0rc1", "0.2.0-rc.1"),
        ("0.2.0a12", "0.2.0-alpha.12"),
        ("0.2.0b0", "0.2.0-beta.0"),
        ("0.2.0.dev3", "0.2.0-dev.3"),
        ("0.2.0rc1.dev2", "0.2.0-rc.1.dev.2"),
        ("0.2.0.dev3+g1a2b3c4.d20261127", "0.2.0-dev.3+g1a2b3c4.d20261127"),
        ("1.0.0.post2", "1.0.0+post.2"),
        ("1.2", "1.2.0"),
        ("2", "2.0.0"),
    ],
)
def test_versions_of_python_have_an_equivalent(python: str, pulumi: str) -> None:
    assert semver(python) == pulumi


@pytest.mark.parametrize("odd", ["", "1!2.0.0", "1.2.3.4", "1.2.3-rc.1", "1.2.3c1", "latest", "1.2.3rc"])
def test_what_has_none_is_refused_with_its_name(odd: str) -> None:
    with pytest.raises(ValueError, match="has no equivalent in semver") as refused:
        semver(odd)
    assert repr(odd) in str(refused.value)


@given(RELEASES, STAGES, st.none() | NUMBERS, st.none() | NUMBERS, st.none() | LOCAL)
def test_every_version_becomes_strict_semver_of_the_same_numbers(
    release: tuple[int, ...], stage: tuple[str, int] | None, post: int | None, dev: int | None, local: str | None
) -> None:
    found = Semver.parse(semver(pep_440(release, stage, post, dev, local)))
    assert (found.major, found.minor, found.patch) == release
    assert bool(found.prerelease) == (stage is not None or dev is not None)


@given(RELEASES, RELEASES, STAGES, STAGES)
def test_the_order_of_releases_and_their_candidates_stays(
    one: tuple[int, ...], other: tuple[int, ...], stage: tuple[str, int] | None, another: tuple[str, int] | None
) -> None:
    for release in (one, other):
        first, second = (pep_440(one, stage, None, None, None), pep_440(release, another, None, None, None))
        assert (Pep440.parse(first) < Pep440.parse(second)) == (
            Semver.parse(semver(first)) < Semver.parse(semver(second))
        )


def back(text: str) -> str:
    """How a generated Python SDK reads its own version: pkg/codegen/python/utilities.py of the engine."""
    found = Pep440.parse(text)
    release = ".".join(map(str, found.release))
    stage = {"a": "alpha", "b": "beta", "rc": "rc"}.get(found.pre_tag or "")
    if stage:
        return f"{release}-{stage}.{found.pre}"
    return release + (f"-dev.{found.dev}" if found.dev is not None else "")


@given(RELEASES, STAGES, NUMBERS)
def test_it_is_the_version_that_a_generated_sdk_asks_for(
    release: tuple[int, ...], stage: tuple[str, int] | None, dev: int
) -> None:
    for text in (pep_440(release, stage, None, None, None), pep_440(release, None, None, dev, None)):
        assert semver(text) == back(text)
