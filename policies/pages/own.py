"""The page of what a person holds: live sessions, requests and grants, access tokens."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from audit import refusals
from audit.requesters import ip_of, user_of
from policies import access
from policies.database import clock
from policies.desk import affected_sessions
from policies.desk.tokens import IssueForm
from policies.grants import own_requests, verbs
from policies.identity import second_factor, tokens
from policies.models import AccessToken, Extension, Grant, Tenant

SHOWN: Final = 50
ENDED_SHOWN: Final = 10
# The verb of an address -> what was done, in words.
VERBS: Final = {"withdraw": "withdrawn", "cancel": "cancelled", "release": "released"}


class ExtendForm(forms.Form):
    """More time: a new request that somebody approves."""

    minutes = forms.IntegerField(min_value=1)
    reason = forms.CharField(max_length=2000)


class OwnTokenForm(IssueForm):
    """Offers only what the person could watch themselves."""

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = access.overview(user)
        scope: Any = self.fields["tenant"]
        scope.queryset = Tenant.objects.filter(key__in={row.tenant for row in rows})
        scope = self.fields["extension"]
        scope.queryset = Extension.objects.filter(key__in={row.extension for row in rows})


@login_required
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """My live sessions, grants and tokens."""
    return _show(request, OwnTokenForm(user_of(request)))


@login_required
@require_POST
def act(request: HttpRequest, grant_id: int, verb: str) -> HttpResponse:
    """Withdraw, cancel, release or ask for more time; 404 for another person's grant."""
    by, ip = user_of(request), ip_of(request)
    mine = _mine(by).filter(pk=grant_id).first()
    if mine is None:
        raise Http404
    sent = request.POST.get("version", "")
    version = int(sent) if sent.isdecimal() and len(sent) < 19 else -1
    try:
        if verb in VERBS:
            getattr(verbs, verb)(mine.pk, by=by, version=version, ip=ip)
            messages.success(request, f"{mine.label} was {VERBS[verb]}.")
        elif verb == "extend":
            form = ExtendForm(request.POST)
            if not form.is_valid():
                messages.error(request, "Say for how many minutes, and why.")
                return redirect("own")
            more = verbs.extend(
                mine.pk, by=user_of(request), **form.cleaned_data, ip=ip_of(request)
            )
            messages.success(request, f"{more.label} was requested: more time after {mine.label}.")
        else:
            raise Http404
    except verbs.GrantMissing:
        refusals.told(request)
        raise Http404 from None
    except verbs.GrantError as error:
        messages.error(request, str(error))
    return redirect("own")


@login_required
@require_POST
def issue_token(request: HttpRequest) -> HttpResponse:
    """Issue a token; its text is shown in this answer only."""
    form = OwnTokenForm(user_of(request), request.POST)
    issued: tokens.Issued | None = None
    if form.is_valid():
        try:
            issued = form.issue(user_of(request), ip=ip_of(request))
        except tokens.TokenRefused as error:
            refusals.refused(request, str(error))
            form.add_error(None, str(error))
    if issued is not None:
        form = OwnTokenForm(user_of(request))
    return _show(request, form, issued=issued)


@login_required
@require_POST
def revoke_token(request: HttpRequest, token_id: int) -> HttpResponse:
    """Revoke one's own token; 404 for another person's."""
    token = AccessToken.objects.filter(pk=token_id, owner_id=request.user.pk).first()
    if token is None:
        raise Http404
    try:
        tokens.revoke(token, by=user_of(request), ip=ip_of(request))
    except tokens.TokenRefused as error:
        refusals.refused(request, str(error))
        messages.error(request, str(error))
    else:
        messages.success(request, f"The token {token.name} was revoked.")
    return redirect("own")


def _mine(user: User) -> QuerySet[Grant]:
    return Grant.objects.filter(Q(requester=user) | Q(beneficiary=user))


def _show(
    request: HttpRequest, form: OwnTokenForm, *, issued: tokens.Issued | None = None
) -> HttpResponse:
    user = user_of(request)
    held = list(_mine(user).select_related("beneficiary", "closed_by")[:SHOWN])
    waiting = own_requests.latest(user, {(row.tenant_key, row.extension_key) for row in held})
    context = {
        "now": clock.now(),
        "sessions": affected_sessions.open_sessions().filter(user=user)[:SHOWN],
        "ended": affected_sessions.ended_sessions().filter(user=user)[:ENDED_SHOWN],
        "grants": held,
        "can_answer": {each.grant.pk: each.can_answer for each in waiting.values()},
        "tokens": AccessToken.objects.filter(owner_id=request.user.pk).select_related(
            "tenant", "extension"
        )[:SHOWN],
        "second_factor": second_factor.required(),
        "administered": access.tenants_administered(user),
        "form": form,
        "issued": issued,
    }
    status = 400 if form.is_bound and not form.is_valid() else 200
    if form.errors:  # the form is far down: what was wrong comes into sight with the field
        wrong = next((name for name in form.fields if name in form.errors), "tenant")
        form.fields[wrong].widget.attrs["autofocus"] = True
    answer = render(request, "policies/own.html", context, status=status)
    answer["Cache-Control"] = "no-store"
    return answer
