"""One rule's answer in a decision, said to the person it is about, or about them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

from policies.decisions.wording import NAME, NOTHING, Sentence, Wording


@dataclass(frozen=True, slots=True)
class Check:
    """One rule's answer. `reason` says what is so, `hint` what the person can do about it."""

    rule: str
    ok: bool
    reason: str
    hint: str = ""
    # The same about the person, with NAME for theirs; empty where it names nobody.
    other_reason: str = field(default="", compare=False, repr=False)
    other_hint: str = field(default="", compare=False, repr=False)

    def about(self, name: str) -> Check:
        """In words about the person of this name, for whoever asks in their stead."""
        return replace(
            self,
            reason=(self.other_reason or self.reason).replace(NAME, name),
            hint=(self.other_hint or self.hint).replace(NAME, name),
        )


def answered(rule: str, *, ok: bool, failure: Wording) -> Check:
    """The answer to a rule; `failure` has the words for both."""
    if ok:
        return _met(rule, failure.fine.you, failure.fine.other)
    return _check(str(rule), ok=False, said=failure.reason, hint=failure.hint)


@lru_cache(maxsize=64)
def _met(rule: str, you: str, other: str) -> Check:
    """One for all decisions: a session that runs holds ten of them. Asked by texts, which know
    their hashes."""
    return _check(str(rule), ok=True, said=Sentence(you, other), hint=NOTHING)


def _check(rule: str, *, ok: bool, said: Sentence, hint: Sentence) -> Check:
    return Check(
        rule=rule,
        ok=ok,
        reason=said.you,
        hint=hint.you,
        other_reason=said.other,
        other_hint=hint.other,
    )
