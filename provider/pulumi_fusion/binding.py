"""What binds an environment to one service: the emulator's command, or a masquerade session.

Inside either, a credential, an address or an account from any other source would reach another service than the one
that the user means: a rehearsal would change production, a read-only session would act as the reseller. So only the
environment itself may give them there, and everything else is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pulumi_fusion.errors import MissingSetting, SettingsError, capped

__all__ = ["BOUND", "EMULATOR", "KEY_PREFIX", "SESSION", "SESSION_ID", "Binding"]

EMULATOR: Final = "FUSION_EMULATOR"
"""The variable that the emulator sets for its command: its own address."""

SESSION: Final = "FUSION_MASQUERADE"
"""The variable that a session sets for its command: the shortname of the customer."""

SESSION_ID: Final = "FUSION_MASQUERADE_ID"
"""The variable that holds the session's id, by which its processes are found when it ends."""

KEY_PREFIX: Final = "masquerade-"
"""How the name of an API key begins that is a session's and not the vendor's."""

BOUND: Final = ("netosecret", "api_url", "account")
"""The settings that decide which service is reached, and as whom."""

_ATTEMPTED: Final = "read the settings"
_REHEARSAL: Final = (
    "A rehearsal needs a stack of its own, since the state would otherwise mix both services: "
    "`pulumi stack init rehearsal`, without these settings. To leave the emulator instead, leave its shell or "
    f"`unset {EMULATOR} NETOSECRET FUSION_API_URL FUSION_AUDIT_FILE`."
)
_SESSION: Final = (
    "To work as yourself, leave the session first (`exit`). If no session runs here, the variables were left behind: "
    f"`unset {SESSION} {SESSION_ID}`."
)


@dataclass(frozen=True)
class Binding:
    """The one service that an environment belongs to.

    ``service`` names it for messages, ``variable`` is the marker that binds, ``leave`` says how to get out. ``url`` is
    the emulator's address as the marker gives it, ``session`` how the name of the session's key begins; one of both is
    None.
    """

    service: str
    variable: str
    leave: str
    url: str | None = None
    session: str | None = None

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Binding | None:
        """Return what binds the environment, None for an ordinary one. A session counts before an emulator."""
        customer, url = (environ.get(name, "").strip() for name in (SESSION, EMULATOR))
        if customer:
            key = KEY_PREFIX + environ.get(SESSION_ID, "").strip()[:8]
            return cls(f"the masquerade session inside {capped(customer)!r}", SESSION, _SESSION, session=key)
        if url:
            return cls(f"the emulator at {capped(url)}", EMULATOR, _REHEARSAL, url=url)
        return None

    def refusal(self, found: Iterable[str]) -> SettingsError:
        """Return the error about settings that lead elsewhere, one phrase for each."""
        return SettingsError(
            _ATTEMPTED,
            f"{self._bound()}, so only the environment may give a credential, an address or an account: "
            f"{'; '.join(found)}",
            next_step=f"Nothing was sent. {self.leave}",
        )

    def missing(self) -> MissingSetting:
        """Return the error about a credential that the environment lacks."""
        return MissingSetting(
            "reach the service",
            f"{self._bound()}, and NETOSECRET is not set, which alone may give a credential here",
            next_step=f"Nothing was sent. {self.leave}",
        )

    def unreachable(self) -> str:
        """Return the advice for a service that does not answer."""
        return f"{self._bound('This')}, which may have ended. {self.leave}"

    def _bound(self, this: str = "this") -> str:
        return f"{this} environment is bound to {self.service} (environment variable {self.variable})"
