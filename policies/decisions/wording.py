"""The texts of each rule: that it is met, or why not and what the person can do.

Each is said to the person it is about and, on the operators' pages and in the trail, about them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

# Stands for the person's name in a sentence about them. No text of a database holds it, so that
# particulars which somebody wrote cannot be taken for it.
NAME: Final = "\x00"


@dataclass(frozen=True, slots=True)
class Sentence:
    """`you` is said to the person; `other` about them, with NAME for their name."""

    you: str
    other: str

    def about(self, particulars: str | Sentence) -> Sentence:
        """With the particulars in place of `{}`."""
        both = particulars if isinstance(particulars, Sentence) else _same(particulars)
        return Sentence(self.you.format(both.you), self.other.format(both.other))


def _same(text: str) -> Sentence:
    """A sentence that names nobody."""
    return Sentence(text, text)


NOTHING: Final = _same("")


@dataclass(frozen=True, slots=True)
class Wording:
    """`{}` in `reason` takes the particulars."""

    fine: Sentence
    reason: Sentence
    hint: Sentence = NOTHING

    def about(self, particulars: str | Sentence) -> Wording:
        return replace(self, reason=self.reason.about(particulars))


FAILURES: Final[dict[str, Wording]] = {
    "rate": Wording(
        fine=_same("The rate of openings is within bounds."),
        reason=Sentence(
            "You opened too many sessions: at most {}.",
            f"{NAME} opened too many sessions: at most {{}}.",
        ),
        hint=_same("Wait until the time shown, then connect again."),
    ),
    "signed_in": Wording(
        fine=Sentence(
            "You are signed in with an active account.", f"{NAME} has an active account."
        ),
        reason=Sentence("Your account is not active.", f"The account of {NAME} is not active."),
        hint=_same("Ask an administrator of the console."),
    ),
    "token": Wording(
        fine=_same("The access token is valid."),
        reason=_same("The access token was revoked or has expired."),
        hint=_same("Ask for a new token."),
    ),
    "relation": Wording(
        fine=Sentence(
            "You are an operator, an admin of the tenant or a developer of the extension.",
            f"{NAME} is an operator, an admin of the tenant or a developer of the extension.",
        ),
        reason=Sentence(
            "You have no relation to this target, or it does not exist.",
            f"{NAME} has no relation to this target, or it does not exist.",
        ),
        hint=Sentence(
            "Ask the tenant's admin or the extension's owner to add you.",
            f"The tenant's admin or the extension's owner can add {NAME}.",
        ),
    ),
    "feature": Wording(
        fine=_same("The debug console is switched on."),
        reason=_same("The debug console is switched off here."),
        hint=_same("An operator can switch it on with EXT_DEBUG_UI_ENABLED."),
    ),
    "environment": Wording(
        fine=_same("The environment's policy allows debugging."),
        reason=_same("Debugging is not allowed in the environment {}."),
        hint=_same("An operator can change the environment policy."),
    ),
    "tenant": Wording(
        fine=_same("The tenant is not suspended."),
        reason=_same("The tenant is suspended."),
        hint=_same("Nobody can watch a suspended tenant."),
    ),
    "lock": Wording(
        fine=_same("Nothing here is locked."),
        reason=_same("{}"),
        hint=_same("An operator can lift the lock."),
    ),
    "capability": Wording(
        fine=Sentence(
            "The capability cap:debug.logs is there, or you are an operator.",
            f"The capability cap:debug.logs is there, or {NAME} is an operator.",
        ),
        reason=_same("The extension or the install lacks the capability cap:debug.logs."),
        hint=_same("Declare it in the extension's manifest and grant it to the install."),
    ),
    "consent": Wording(
        fine=Sentence(
            "The tenant's consent is given, not required, or you belong to the tenant.",
            f"The tenant's consent is given, not required, or {NAME} belongs to the tenant.",
        ),
        reason=_same(
            "The tenant has not consented to being watched, or has withdrawn its consent."
        ),
        hint=_same("Ask an admin of the tenant."),
    ),
    "mode": Wording(
        fine=_same("Grants can be had for this target."),
        reason=_same("Debugging in production is switched off for this tenant or extension."),
        hint=_same("No grant can be requested; an operator can change the production mode."),
    ),
    "grant": Wording(
        fine=Sentence("A grant covers you.", f"A grant covers {NAME}."),
        reason=_same("{}"),
        hint=Sentence(
            "Request access, and ask an operator to approve it.",
            f"{NAME} can request access, and an operator can approve it.",
        ),
    ),
    "sessions": Wording(
        fine=_same("There is room for one more session."),
        reason=_same("Too many sessions: {}."),
        hint=_same("End a session under My access, or wait for one to end."),
    ),
}
