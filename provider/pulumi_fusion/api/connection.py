"""What all clients of one credential share: the service, its connections, and the limits of requests."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pulumi_fusion.api.credentials import Netosecret
from pulumi_fusion.api.retries import Retries, Throttle
from pulumi_fusion.api.tokens import TokenSource
from pulumi_fusion.api.transport import Transport
from pulumi_fusion.binding import Binding
from pulumi_fusion.errors import BadRequest, Conflict, FusionError, NotFound, NotSent, OutOfBounds, RequestFailed
from pulumi_fusion.settings import Settings, same_address

__all__ = ["Connection"]

_ABOUT_THE_CUSTOMER: Final = (BadRequest, Conflict, NotFound)
"""Errors that a working service answers as well."""


@dataclass(frozen=True)
class Connection:
    """The service, as one credential reaches it.

    Args:
        url: ``https://host[:port]``.
        home: The shortname of the account that the credential belongs to.
        appname: The name of its API key.
        account: The account that the settings name, ``home`` by default.
        seconds: How long one call may take, with all its retries.
        credential: The credential; None inside a masquerade session.
        binding: What restricts the environment to one service.
    """

    url: str
    home: str
    appname: str
    account: str
    seconds: float
    credential: Netosecret | None = field(repr=False)
    binding: Binding | None
    transport: Transport = field(repr=False)
    throttle: Throttle = field(repr=False)

    @classmethod
    def open(cls, settings: Settings | None, explicit: Mapping[str, Any]) -> Connection:
        """Return the connection by the settings, each replaced by an explicit one that isn't None. Nothing is sent.

        Raises:
            MissingSetting, SettingsError
        """
        if settings is None:
            settings = Settings.resolve(explicit)
        else:
            merged = {name: getattr(settings, name) if value is None else value for name, value in explicit.items()}
            settings = Settings.resolve(merged, environ=_binding_environ(os.environ, account=merged["account"]))
        binding = Binding.of(os.environ)
        credential = _credential(settings, binding)
        return cls(
            url=credential.url,
            home=credential.shortname,
            appname=credential.appname,
            account=settings.account or credential.shortname,
            seconds=settings.deadline,
            credential=credential,
            binding=binding,
            transport=Transport(credential.url),
            throttle=Throttle(),
        )

    def retries(self, account: str) -> Retries:
        """Return the retries of requests that act in an account."""
        return self.throttle.retries(account)

    def tokens(self, account: str) -> TokenSource:
        """Return the credentials that act in an account. Raises OutOfBounds inside a masquerade session."""
        if self.credential is None:
            raise OutOfBounds(
                "get an access token",
                "a session can't get tokens for other accounts",
                shortname=account,
                next_step="Nothing was sent. Use the client of your own account.",
            )
        return TokenSource(self.credential, account, self.transport, self.retries(account))

    def without_credential(self) -> Connection:
        """Return the same connection for a masquerade session, which has a token and no credential."""
        return replace(self, credential=None)

    def advised(self, failure: FusionError) -> FusionError:
        """Return the failure with advice about the emulator or the session: it has ended, or a fault may be set."""
        if self.binding is None or not isinstance(failure, RequestFailed) or isinstance(failure, _ABOUT_THE_CUSTOMER):
            return failure
        if failure.status is not None:
            return failure.replace(next_step=f"{failure.next_step} {self.binding.answered()}".rstrip())
        return failure.replace(next_step=self.binding.unreachable()) if isinstance(failure, NotSent) else failure


def _binding_environ(environ: Mapping[str, str], *, account: str | None) -> Mapping[str, str]:
    """Return the environment that settings from elsewhere must agree with; empty for an ordinary one."""
    if Binding.of(environ) is None:
        return {}
    return {name: value for name, value in environ.items() if name != "FUSION_ACCOUNT" or account is not None}


def _credential(settings: Settings, binding: Binding | None) -> Netosecret:
    """Return the credential. Raises SettingsError unless it is one of the service that the environment is bound to."""
    if binding is None:
        return Netosecret.parse(settings.credential(), api_url=settings.api_url)
    if settings.netosecret is None:
        raise binding.missing()
    credential = Netosecret.parse(settings.netosecret, api_url=settings.api_url)
    if binding.url is not None and not same_address(credential.url, binding.url):
        raise binding.refusal(["the address in NETOSECRET is another one"])
    if binding.session is not None:
        if not credential.appname.startswith(binding.session):
            raise binding.refusal(["the credential in NETOSECRET is not the session's"])
        if credential.url != Netosecret.parse(settings.netosecret).url:
            raise binding.refusal(["FUSION_API_URL names another address than the session's credential"])
    return credential
