"""What an operator can do to a grant: each act's texts, form, allowed states and verb."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django import forms
from django.contrib.auth.models import User
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminTextareaWidget,
)

from policies.grants import verbs
from policies.models import BreakGlassReview, Grant

State = Grant.State


class _ActForm(forms.Form):
    """Carries the version of the grant it was made from, so that a stale form fails."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, grant: Grant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["version"].initial = grant.version


def _text(label: str, *, required: bool, said: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=required,
        max_length=2000,
        help_text=said,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
    )


class ApproveForm(_ActForm):
    """An approval; the duration can be shortened."""

    minutes = forms.IntegerField(
        label="Minutes",
        min_value=1,
        help_text="Counted from activation. You can shorten what was asked for, not lengthen it.",
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    comment = _text("Comment", required=False, said="The requester reads it.")

    def __init__(self, *args: Any, grant: Grant, **kwargs: Any) -> None:
        super().__init__(*args, grant=grant, **kwargs)
        minutes: Any = self.fields["minutes"]
        minutes.initial = minutes.max_value = grant.minutes
        minutes.widget.attrs.update(min=1, max=grant.minutes)

    def clean_minutes(self) -> int:
        minutes: int = self.cleaned_data["minutes"]
        longest: Any = self.fields["minutes"]
        if minutes > longest.max_value:
            raise forms.ValidationError(
                f"At most the {longest.max_value} minutes that were asked for."
            )
        return minutes


class ReasonForm(_ActForm):
    """A denial or a revocation."""

    reason = _text("Reason", required=True, said="The people concerned read it.")


class ReviewForm(_ActForm):
    """The review of a break-glass grant."""

    verdict = forms.ChoiceField(
        label="Was it justified?",
        choices=BreakGlassReview.Verdict.choices,
        widget=UnfoldAdminRadioSelectWidget(),
    )
    comment = _text("Reason", required=True, said="What you looked at, and what you concluded.")


Do = Callable[[Grant, User, Mapping[str, Any], str], object]


@dataclass(frozen=True, slots=True)
class Act:
    """One act. `by` says who may: a "judge" (no party), any "operator", or a "party"."""

    name: str
    title: str
    explained: str
    done: str
    states: tuple[State, ...]
    by: str
    do: Do
    form: type[_ActForm] = _ActForm
    ends: bool = False  # it takes authority away, so it may cut
    widens: bool = False  # it gives some, so a second factor may be asked for first
    icon: str = ""


def _approve(grant: Grant, by: User, said: Mapping[str, Any], ip: str) -> None:
    verbs.approve(
        grant.pk, by=by, comment=said["comment"], minutes=said["minutes"],
        version=said["version"], ip=ip,
    )  # fmt: skip


def _deny(grant: Grant, by: User, said: Mapping[str, Any], ip: str) -> None:
    verbs.deny(grant.pk, by=by, reason=said["reason"], version=said["version"], ip=ip)


def _revoke(grant: Grant, by: User, said: Mapping[str, Any], ip: str) -> None:
    verbs.revoke(grant.pk, by=by, reason=said["reason"], version=said["version"], ip=ip)


def _review(grant: Grant, by: User, said: Mapping[str, Any], ip: str) -> None:
    if grant.version != said["version"]:
        raise verbs.GrantConflict("stale", f"{grant.label} was changed since you opened it.")
    justified = said["verdict"] == BreakGlassReview.Verdict.JUSTIFIED
    verbs.review(grant.pk, by=by, justified=justified, comment=said["comment"], ip=ip)


def _withdraw(grant: Grant, by: User, said: Mapping[str, Any], ip: str) -> None:
    verbs.withdraw(grant.pk, by=by, version=said["version"], ip=ip)


def _cancel(grant: Grant, by: User, said: Mapping[str, Any], ip: str) -> None:
    verbs.cancel(grant.pk, by=by, version=said["version"], ip=ip)


def _release(grant: Grant, by: User, said: Mapping[str, Any], ip: str) -> None:
    verbs.release(grant.pk, by=by, version=said["version"], ip=ip)


ACTS: Final[dict[str, Act]] = {
    act.name: act
    for act in (
        Act(
            name="approve",
            title="Approve",
            explained="The duration starts at the final approval.",
            done="{label} was approved.",
            states=(State.REQUESTED,),
            by="judge",
            do=_approve,
            form=ApproveForm,
            widens=True,
            icon="check",
        ),
        Act(
            name="deny",
            title="Deny",
            explained="A single denial closes the request. The person can submit a new one.",
            done="{label} was denied.",
            states=(State.REQUESTED,),
            by="judge",
            do=_deny,
            form=ReasonForm,
            icon="close",
        ),
        Act(
            name="revoke",
            title="Revoke",
            explained="The grant ends now, and so does every grant that extends it.",
            done="{label} was revoked.",
            states=(State.SCHEDULED, State.ACTIVE),
            by="operator",
            do=_revoke,
            form=ReasonForm,
            ends=True,
            icon="block",
        ),
        Act(
            name="review",
            title="Review",
            explained="Until this grant is reviewed, its user cannot use break-glass access again.",
            done="{label} was reviewed.",
            states=(State.ENDED, State.RELEASED, State.REVOKED, State.ACTIVE),
            by="judge",
            do=_review,
            form=ReviewForm,
            widens=True,
            icon="rate_review",
        ),
        Act(
            name="withdraw",
            title="Withdraw",
            explained="You take your request back before anyone decides on it.",
            done="{label} was withdrawn.",
            states=(State.REQUESTED,),
            by="party",
            do=_withdraw,
            icon="undo",
        ),
        Act(
            name="cancel",
            title="Cancel",
            explained="You give this grant up before it starts.",
            done="{label} was cancelled.",
            states=(State.SCHEDULED,),
            by="party",
            do=_cancel,
            ends=True,
            icon="event_busy",
        ),
        Act(
            name="release",
            title="Release",
            explained="You need it no longer: the grant ends now.",
            done="{label} was released.",
            states=(State.ACTIVE,),
            by="party",
            do=_release,
            ends=True,
            icon="logout",
        ),
    )
}


def open_to(grant: Grant, user: User, *, now: dt.datetime) -> list[Act]:
    """The acts that this operator could do to this grant now, the expected first."""
    return [act for act in ACTS.values() if obstacle(act, grant, user, now=now) is None]


def obstacle(act: Act, grant: Grant, user: User, *, now: dt.datetime) -> str | None:
    """Why this operator cannot do that now, in a sentence; None when nothing is in the way."""
    party = user.pk in (grant.requester_id, grant.beneficiary_id)
    over = grant.ends_at is not None and grant.ends_at <= now
    state = State.ENDED if grant.state == State.ACTIVE and over else State(grant.state)
    if state not in act.states:
        return f"{grant.label} is {state.label.lower()}."
    if act.name == "approve" and grant.lapses_at <= now:
        return f"{grant.label} expired (not answered): the person has to submit a new request."
    if act.name == "review":
        if not grant.break_glass or grant.reviewed_at is not None:
            return f"{grant.label} needs no review."
        if state == State.ACTIVE:
            return f"{grant.label} is still active: revoke it first."
    if act.by == "judge" and party:
        return "Who requests a grant or benefits from it cannot judge it: another operator must."
    if act.by == "party" and not party:
        return "Only who requested the grant or benefits from it can do that."
    if (
        act.by == "judge"
        and grant.approvals.filter(approver=user).exists()
        and (act.name != "review")
    ):
        return f"You have decided on {grant.label} before: another operator must."
    return None
