"""The pages of a person's second factors: which there are, and confirming with one of them.

Only where REQUIRE_SECOND_FACTOR is on. A session alone adds no factor: whoever has none has to have
signed in just now, whoever has one confirms with it first.
"""

from __future__ import annotations

import base64
from typing import Any

from allauth.mfa.webauthn.internal import auth as passkeys
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from audit import refusals
from audit.requesters import ip_of, user_of
from policies.identity import second_factor
from policies.pages import sign_in
from policies.second_factor import factors
from policies.second_factor.factors import NotProved


@never_cache
@login_required
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """My factors, and how to add one; confirmed first by whoever has one."""
    user = _user(request)
    if factors.has_any(user) and not second_factor.is_fresh(user):
        return redirect(second_factor.confirm_address(second_factor.ADDRESS))
    return _show(request, user)


@never_cache
@login_required
@require_POST
def change(request: HttpRequest, verb: str) -> HttpResponse:
    """Add an app or a passkey, remove one, or make new recovery codes."""
    user, ip = _user(request), ip_of(request)
    if not _may_change(request, user):
        refusals.refused(request, "to change second factors without a confirmation")
        return redirect(second_factor.ADDRESS)
    said = request.POST
    codes: tuple[str, ...] = ()
    try:
        match verb:
            case "app" | "passkey":
                added = (
                    factors.add_app(user, said.get("code", ""), request, ip=ip)
                    if verb == "app"
                    else factors.add_passkey(
                        user,
                        name=said.get("name", ""),
                        credential=said.get("credential", ""),
                        ip=ip,
                    )
                )
                second_factor.proved(request, added.factor)
                codes = added.codes
                messages.success(request, f"The {factors.name_of(added.factor)} was added.")
            case "codes":
                codes = factors.new_codes(user, ip=ip)
            case "remove":
                _remove(request, user, said.get("factor", ""), ip=ip)
                return redirect(second_factor.ADDRESS)
            case _:
                raise Http404
    except NotProved as error:
        return _show(request, user, error=str(error), status=400)
    return _show(request, user, codes=codes)


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest) -> HttpResponse:
    """Confirm with a code or a passkey, then go back to where it was asked for."""
    user, ip, error = _user(request), ip_of(request), ""
    wanted = sign_in.where_to(request, request.GET.get("next", "")) or second_factor.ADDRESS
    if not factors.has_any(user):
        messages.error(request, "Add a second factor first.")
        return redirect(second_factor.ADDRESS)
    if request.method == "POST":
        credential = request.POST.get("credential", "")
        try:
            factor = (
                factors.proved_by_passkey(user, credential, ip=ip)
                if credential
                else factors.proved_by_code(user, request.POST.get("code", ""), ip=ip)
            )
        except NotProved as refused:
            error = str(refused)
        else:
            second_factor.proved(request, factor)
            return redirect(wanted)
    kinds = {factor.type for factor in factors.of(user)}
    context = {
        "error": error,
        "has_passkey": factors.Type.WEBAUTHN in kinds,
        "has_app": factors.Type.TOTP in kinds,
        "options": passkeys.begin_authentication(user) if factors.Type.WEBAUTHN in kinds else None,
    }
    return render(request, "policies/confirm_factor.html", context, status=400 if error else 200)


def _user(request: HttpRequest) -> User:
    if not second_factor.required():
        raise Http404
    return user_of(request)


def _may_change(request: HttpRequest, user: User) -> bool:
    if factors.has_any(user):
        return second_factor.is_fresh(user)
    return second_factor.is_new(request)


def _remove(request: HttpRequest, user: User, said: str, *, ip: str) -> None:
    rows = factors.of(user).exclude(type=factors.Type.RECOVERY_CODES)
    factor = rows.filter(pk=int(said)).first() if said.isdecimal() and len(said) < 19 else None
    if factor is None:
        raise Http404
    name = factors.name_of(factor)
    factors.remove(factor, by=user, ip=ip, reason="removed by its owner")
    messages.success(request, f"The {name} was removed.")


def _show(
    request: HttpRequest,
    user: User,
    *,
    error: str = "",
    codes: tuple[str, ...] = (),
    status: int = 200,
) -> HttpResponse:
    mine = [row for row in factors.of(user) if row.type != factors.Type.RECOVERY_CODES]
    context: dict[str, Any] = {
        "factors": [{"row": row, "name": factors.name_of(row)} for row in mine],
        "codes": codes,
        "codes_left": factors.codes_left(user),
        "error": error,
        "may_change": _may_change(request, user),
    }
    if context["may_change"]:
        if not any(row.type == factors.Type.TOTP for row in mine):
            secret, picture = factors.for_app(user)
            context["secret"] = secret
            context["picture"] = base64.b64encode(picture.encode()).decode()
        context["options"] = passkeys.begin_registration(user, passwordless=False)
    return render(request, "policies/second_factor.html", context, status=status)
