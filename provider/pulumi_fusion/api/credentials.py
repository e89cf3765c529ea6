"""The credential of an API key, and the request token that is signed with it. Pure.

The formats: "Decoding netosecret" https://docs.netography.com/reference/netosecret and the recipe
https://docs.fusion.vectra.ai/api-recipes/recipes/curl-authenticate-to-api-using-netosecret.
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from dataclasses import dataclass
from typing import Any, Final

import jwt
from jwt.algorithms import HMACAlgorithm

from pulumi_fusion.api_url import DEFAULT_API_URL, api_base
from pulumi_fusion.credential_file import bare
from pulumi_fusion.errors import SettingsError
from pulumi_fusion.redaction import Secret
from pulumi_fusion.settings import SETTING_SOURCES

__all__ = ["Netosecret", "request_token"]

_REQUIRED: Final = ("appname", "appkey", "shortname", "sharedsecret")


@dataclass(frozen=True)
class Netosecret:
    """The API credential in its parts.

    Args:
        url: The service that it is used with.
        shortname: The account that it belongs to.
        appname: The name of the API key.
        appkey: The secret of the API key.
        sharedsecret: The secret of the account.
    """

    url: str
    shortname: str
    appname: str
    appkey: Secret
    sharedsecret: Secret

    @classmethod
    def parse(cls, text: Secret, *, api_url: str | None = None) -> Netosecret:
        """Return the credential from the base64 JSON of the portal, with or without padding, of either alphabet.

        Args:
            text: What the portal shows.
            api_url: Replaces the url in it, which must otherwise name a host of the vendor.

        Raises:
            SettingsError: It names what is wrong, and quotes nothing.
        """
        fields = _decoded(text)
        missing = [name for name in _REQUIRED if not _text(fields.get(name))]
        if missing:
            raise _malformed(f"it lacks {', '.join(missing)}, or they aren't strings")
        return cls(
            url=api_url or _base(fields.get("url")),
            shortname=_text(fields["shortname"]),
            appname=_text(fields["appname"]),
            appkey=Secret(_text(fields["appkey"])),
            sharedsecret=Secret(_text(fields["sharedsecret"])),
        )


def _decoded(text: Secret) -> dict[str, Any]:
    encoded = "".join(bare(text.reveal()).split()).rstrip("=")
    if not encoded:
        raise _malformed("it is empty")
    if encoded.startswith("{"):
        raise _malformed("it is the decoded JSON, not the base64 text around it")
    try:
        raw = base64.b64decode(encoded.replace("-", "+").replace("_", "/") + "=" * (-len(encoded) % 4), validate=True)
    except (ValueError, binascii.Error):
        raise _malformed("it is not base64, or was cut") from None
    try:
        content = raw.decode("utf-8-sig")
        fields = json.loads(content)
    except (ValueError, RecursionError):
        raise _malformed("its base64 doesn't contain JSON, or was cut") from None
    if not isinstance(fields, dict):
        raise _malformed("its JSON isn't an object")
    for form in (encoded, content):
        Secret(form)  # masked from now on, in either form
    return fields


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _base(url: object) -> str:
    if url is None or url == "":
        return DEFAULT_API_URL
    if not isinstance(url, str):
        raise _malformed("its url isn't a string")
    try:
        return api_base(url, named_by_owner=False)
    except ValueError as invalid:
        raise _malformed(f"its url {invalid}") from None


def _malformed(came_back: str) -> SettingsError:
    return SettingsError(
        "read the netosecret",
        came_back,
        next_step=(
            "Nothing was sent. Copy it again as a whole; the portal shows it once, when an API key is created "
            "(Settings > API Keys > Add API Key), so create a new key if it is lost. "
            f"Supply it as one of: {'; '.join(SETTING_SOURCES['netosecret'])}."
        ),
    )


def request_token(netosecret: Netosecret, account: str, *, now: float) -> Secret:
    """Return the signed request for an access token that acts inside an account.

    Args:
        netosecret: The credential.
        account: The shortname of the account.
        now: Seconds since the epoch.

    Inference: that the claim ``shortname`` alone decides the account, so that a parent's key signs for a
    sub-account with everything else unchanged. It is documented only in "Create a Netography API key": "you
    can create an API key of the parent account and use the `shortname` to access each sub-account with that
    one key", https://docs.netography.com/v1.1/reference/create-a-netography-api-key. Nothing else in this
    package depends on how one account acts inside another.
    """
    claims = {
        "iat": int(now),
        "jti": str(uuid.uuid4()),
        "appname": netosecret.appname,
        "appkey": netosecret.appkey.reveal(),
        "shortname": account,
    }
    return Secret(_signer.encode(json.dumps(claims).encode(), netosecret.sharedsecret.reveal(), algorithm="HS256"))


class _AnyLength(HMACAlgorithm):
    """HS256 without PyJWT's warning about short keys: the portal generates the secret, a user can't choose it."""

    def check_key_length(self, key: bytes) -> None:
        return None


_signer: Final = jwt.PyJWS(algorithms=[])
_signer.register_algorithm("HS256", _AnyLength(HMACAlgorithm.SHA256))
