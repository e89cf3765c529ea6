"""Bind an environment to one service: to the emulator, or to a masquerade session.

Inside either, a credential, url or account from another source would reach another service than the user intends: a
rehearsal would change production, a read-only session would act as the reseller. So there only the environment may
supply them, and any other source is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pulumi_fusion.errors import MissingSetting, SettingsError, capped

__all__ = ["BOUND", "EMULATOR", "KEY_PREFIX", "SESSION", "SESSION_ID", "Binding"]

EMULATOR: Final = "FUSION_EMULATOR"
"""The variable that the emulator sets for its command: the emulator's url."""

SESSION: Final = "FUSION_MASQUERADE"
"""The variable that a session sets for its command: the shortname of the customer."""

SESSION_ID: Final = "FUSION_MASQUERADE_ID"
"""The variable with the session's id, by which its processes are found when it ends."""

KEY_PREFIX: Final = "masquerade-"
"""The prefix of the API key's name in the credential of a session."""

BOUND: Final = ("netosecret", "api_url", "account")
"""The settings that determine the service and the account."""

_ATTEMPTED: Final = "read the settings"
_REHEARSAL: Final = (
    "Use a separate stack for a rehearsal, since the state would otherwise mix both services: "
    "`pulumi stack init rehearsal`, without these settings. To stop using the emulator, exit its shell or "
    f"`unset {EMULATOR} NETOSECRET FUSION_API_URL FUSION_AUDIT_FILE`."
)
_SESSION: Final = (
    "To use your own account, exit the session first (`exit`). If no session runs here, remove the leftover variables: "
    f"`unset {SESSION} {SESSION_ID}`."
)


@dataclass(frozen=True)
class Binding:
    """The one service that an environment is bound to.

    Args:
        service: Its name in messages.
        variable: The environment variable that binds.
        exit_hint: How to use another service.
        url: The emulator's url, None in a session.
        session: The prefix of the name of the session's API key, None in the emulator.
    """

    service: str
    variable: str
    exit_hint: str
    url: str | None = None
    session: str | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Binding | None:
        """Return the binding of an environment, or None. A session takes precedence over an emulator."""
        customer, url = (environ.get(name, "").strip() for name in (SESSION, EMULATOR))
        if customer:
            key = KEY_PREFIX + environ.get(SESSION_ID, "").strip()[:8]
            return cls(f"the masquerade session inside {capped(customer)!r}", SESSION, _SESSION, session=key)
        if url:
            return cls(f"the emulator at {capped(url)}", EMULATOR, _REHEARSAL, url=url)
        return None

    def refusal(self, found: Iterable[str]) -> SettingsError:
        """Return the error about settings from other sources; ``found`` has a phrase for each."""
        return SettingsError(
            _ATTEMPTED,
            f"{self._bound()}, so only the environment may supply a credential, url or account: {'; '.join(found)}",
            next_step=f"Nothing was sent. {self.exit_hint}",
        )

    def missing(self) -> MissingSetting:
        """Return the error about a credential that the environment lacks."""
        return MissingSetting(
            "reach the service",
            f"{self._bound()}, and NETOSECRET, the only allowed source of a credential, is not set",
            next_step=f"Nothing was sent. {self.exit_hint}",
        )

    def unreachable(self) -> str:
        """Return the next step for a service that doesn't respond."""
        return f"{self._bound('This')}, which may have ended. {self.exit_hint}"

    def answered(self) -> str:
        """Return a sentence about an error that the service answered, "" for a session."""
        if self.url is None:
            return ""
        url = capped(self.url.rstrip("/"))
        return f"The emulator at {url} answered; {url}/_emulator/ shows the faults that are set."

    def _bound(self, this: str = "this") -> str:
        return f"{this} environment is bound to {self.service} (environment variable {self.variable})"
