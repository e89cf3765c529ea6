"""Paths from users."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from pulumi_fusion.paths import NoHomeError, absolute, home, owner_problem

OWN = pwd.getpwuid(os.getuid())


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("~/a/b", "/home/me/a/b"),
        ("~", "/home/me"),
        ("~//a", "/home/me/a"),
        ("/a/~/b", "/a/~/b"),
        (f"~{OWN.pw_name}/a", f"{OWN.pw_dir}/a"),
        ("a~", f"{Path.cwd()}/a~"),
    ],
)
def test_a_tilde_is_expanded_only_at_the_beginning(path: str, found: str) -> None:
    assert absolute(path, {"HOME": "/home/me"}) == Path(found)
    assert absolute(Path(path), {"HOME": "/home/me"}) == Path(found)


def test_the_home_of_an_unknown_user_is_named() -> None:
    with pytest.raises(ValueError, match="'~no-such-user/a' begins with the home of a user that does not exist"):
        absolute("~no-such-user/a", {})


@pytest.mark.parametrize("environ", [{}, {"HOME": ""}, {"HOME": "relative"}], ids=str)
def test_without_home_the_user_database_is_used(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert home(environ) == Path(OWN.pw_dir)

    def nobody(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(NoHomeError, match=f"HOME is not set, and .* for the user id {os.getuid()}"):
        absolute("~/a", environ)


def test_another_owner_is_named_and_how_to_repair_it_in_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, missing = tmp_path / "mine", tmp_path / "mine" / "not" / "there"
    mine.mkdir()
    environ = {"HOME": str(tmp_path)}
    assert owner_problem(missing, environ) == ""
    monkeypatch.setattr(os, "geteuid", lambda: OWN.pw_uid + 54321)
    said = owner_problem(missing, environ)
    assert said.startswith(f"{mine} belongs to {OWN.pw_name}, and this is user id {OWN.pw_uid + 54321}.")
    assert f"`sudo chown -R {OWN.pw_uid + 54321} {mine}`" in said
    # Outside a home, no change of the owner is advised.
    assert "chown" not in owner_problem(missing, {"HOME": "/home/me"})
    assert "chown" not in owner_problem(tmp_path, environ)
