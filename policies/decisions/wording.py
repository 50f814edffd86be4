"""The texts of each rule: that it is met, or why not and what the person can do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Wording:
    """`{}` in `reason` takes the particulars."""

    fine: str
    reason: str
    hint: str = ""

    def about(self, particulars: str) -> Wording:
        return replace(self, reason=self.reason.format(particulars))


FAILURES: Final[dict[str, Wording]] = {
    "rate": Wording(
        fine="The rate of openings is within bounds.",
        reason="You opened too many sessions: at most {}.",
        hint="Wait until the time shown, then connect again.",
    ),
    "signed_in": Wording(
        fine="You are signed in with an active account.",
        reason="Your account is not active.",
        hint="Ask an administrator of the console.",
    ),
    "token": Wording(
        fine="The access token is valid.",
        reason="The access token was revoked or has expired.",
        hint="Ask for a new token.",
    ),
    "relation": Wording(
        fine="You are an operator, an admin of the tenant or a developer of the extension.",
        reason="You have no relation to this target, or it does not exist.",
        hint="Ask the tenant's admin or the extension's owner to add you.",
    ),
    "feature": Wording(
        fine="The debug console is switched on.",
        reason="The debug console is switched off here.",
        hint="An operator can switch it on with EXT_DEBUG_UI_ENABLED.",
    ),
    "environment": Wording(
        fine="The environment's policy allows debugging.",
        reason="Debugging is not allowed in the environment {}.",
        hint="An operator can change the environment policy.",
    ),
    "tenant": Wording(
        fine="The tenant is not suspended.",
        reason="The tenant is suspended.",
        hint="Nobody can watch a suspended tenant.",
    ),
    "lock": Wording(
        fine="Nothing here is locked.",
        reason="{}",
        hint="An operator can lift the lock.",
    ),
    "capability": Wording(
        fine="The capability cap:debug.logs is there, or you are an operator.",
        reason="The extension or the install lacks the capability cap:debug.logs.",
        hint="Declare it in the extension's manifest and grant it to the install.",
    ),
    "consent": Wording(
        fine="The tenant's consent is given, not required, or you belong to the tenant.",
        reason="The tenant has not consented to being watched, or has withdrawn its consent.",
        hint="Ask an admin of the tenant.",
    ),
    "mode": Wording(
        fine="Grants can be had for this target.",
        reason="Debugging in production is switched off for this tenant or extension.",
        hint="No grant can be requested; an operator can change the production mode.",
    ),
    "grant": Wording(
        fine="A grant covers you.",
        reason="{}",
        hint="Request access, and ask an operator to approve it.",
    ),
    "sessions": Wording(
        fine="There is room for one more session.",
        reason="Too many sessions: {}.",
        hint="Close one, or wait for one to end.",
    ),
}
