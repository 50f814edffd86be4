"""The console's pages: what I may debug, one extension's console, ending a session, signing out."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout as auth_logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
)
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from extdebug.models import DebugSession
from extdebug.sessions import heartbeats, store
from extdebug.transports.access_requests import decision_json
from extdebug.wire.events import BadId, clean_id
from extdebug.wire.keys import Target
from policies import access, cuts
from policies.grants import own_requests
from policies.pages.sign_in import BY_PROVIDER

# --- pages ------------------------------------------------------------------------------------


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    return redirect("extensions")


@login_required
@require_GET
def extensions(request: HttpRequest) -> HttpResponse:
    """The extensions that the person may ask to debug, each with links to its console."""
    rows: dict[str, dict[str, Any]] = {}
    user = access.user_of(request)
    found = access.overview(user)
    for row, place in zip(found, _places(user, found), strict=True):
        entry = rows.setdefault(
            row.extension, {"extension": row.extension, "name": row.extension_name, "tenants": []}
        )
        entry["tenants"].append({**place, "url": _url(row)})
    listed = sorted(rows.values(), key=lambda entry: str(entry["name"]).lower())
    bare = access.tenantless(user, sorted({access.NOBODYS, *heartbeats.tenantless()}))
    tenantless = [
        {**place, "extension": row.extension, "url": _url(row)}
        for row, place in zip(bare, _places(user, bare), strict=True)
    ]
    places = [(place, row["extension"]) for row in listed for place in row["tenants"]]
    places += [(place, place["extension"]) for place in tenantless]
    context = {
        "rows": listed,
        "operator": access.is_operator(user),
        "tenantless": tenantless,
        "pending": [
            {"tenant": place["tenant"], "extension": extension, "request": place["request"]}
            for place, extension in places
            if place["request"] and not place["allowed"]
        ],
    }
    return render(request, "extdebug/extensions.html", context)


def _url(row: access.TargetRow) -> str:
    return f"/extensions/{quote(row.extension)}/debug?{urlencode({'tenant': row.tenant})}"


@login_required
@require_GET
def debug(request: HttpRequest, extension: str) -> HttpResponse:
    """The console page of one extension; 404 without a relation to it."""
    try:
        key = clean_id(extension, what="extension")
    except BadId:
        raise Http404 from None
    user, given = access.user_of(request), request.GET
    rows = [row for row in access.overview(user) if row.extension == key]
    operator = access.is_operator(user)
    asked = (given.get("tenant") or given.get("tenantId") or "", key)
    found = [each for each in (access.NOBODYS, *heartbeats.tenantless()) if each[1] == key]
    rows += access.tenantless(user, sorted({asked, *found}))
    if not rows:
        raise Http404
    config = {
        "extension": key,
        "extensionName": rows[0].extension_name,
        "tenants": _places(user, rows),
        "refused": _refused(request, rows, asked[0]),
        "selected": {
            "tenant": given.get("tenant") or given.get("tenantId"),
            "install": given.get("install") or given.get("installId"),
            "request": given.get("request") or given.get("requestId"),
            "q": given.get("q"),
            "level": given.get("level"),
            "streams": given.get("streams"),
            "from": given.get("from"),
        },
        "wsUrl": "/ws/ext-debug/",
        "streamUrl": "/api/ext-debug/stream",
        "accessUrl": "/api/ext-debug/access",
        "grantsUrl": "/api/ext-debug/grants",
        "withdrawUrl": "/api/ext-debug/grants/withdraw",
        "savedUrl": "/api/ext-debug/saved",
        "prefix": settings.EXT_DEBUG_STREAM_PREFIX,
        "mode": settings.EXT_DEBUG_STREAM_MODE,
        "retentionSeconds": settings.EXT_DEBUG_RETENTION_SECONDS,
        "isOperator": operator,
        "user": request.user.get_username(),
    }
    return render(request, "extdebug/console.html", {"config": config})


def _places(user: User, rows: Sequence[access.TargetRow]) -> list[dict[str, Any]]:
    """The targets as the pages show them, each with the person's own request for it."""
    asked = own_requests.latest(user, [(row.tenant, row.extension) for row in rows])
    return [
        {
            "tenant": row.tenant,
            "name": row.tenant_name,
            "installs": [{"id": key, "name": name} for key, name in row.installs],
            **decision_json(row.decision, asked.get((row.tenant, row.extension))),
        }
        for row in rows
    ]


def _refused(request: HttpRequest, rows: Sequence[access.TargetRow], tenant: str) -> str | None:
    """The tenant that this visit asks for and is refused, which is recorded; None if there is none.

    The page draws that refusal without opening a session, which would have recorded it.
    """
    asked = [row for row in rows if row.tenant == tenant or (not tenant and len(rows) == 1)]
    if not asked or asked[0].decision.allowed:
        return None
    viewer = access.viewer_of(
        access.user_of(request),
        transport="page",
        session_key=request.session.session_key,
        ip=access.ip_of(request),
    )
    row = asked[0]
    store.record_denial(viewer, Target(row.tenant, row.extension), row.decision)
    return row.tenant


@require_GET
def moved(request: HttpRequest, extension: str) -> HttpResponse:
    """Redirects the page's earlier addresses, their parameters renamed."""
    kept = {
        ours: value
        for theirs, ours in (
            ("tenantId", "tenant"), ("installId", "install"), ("requestId", "request"),
        )
        if (value := request.GET.get(theirs))
    }  # fmt: skip
    query = f"?{urlencode(kept)}" if kept else ""
    return HttpResponseRedirect(f"/extensions/{quote(extension)}/debug{query}")


@login_required
@require_POST
def end_session(request: HttpRequest, session: uuid.UUID) -> HttpResponse:
    """End one's own live session from the access page; 404 for another person's."""
    user = access.user_of(request)
    row = DebugSession.objects.filter(pk=session, user=user).first()
    if row is None:
        raise Http404
    viewer = access.viewer_of(user, transport="page", ip=access.ip_of(request))
    target = f"{row.tenant} / {row.extension}"
    if store.end(row.pk, actor=store.actor_of(viewer)):
        messages.success(request, f"The session on {target} is being ended.")
    else:
        messages.info(request, f"The session on {target} had ended already.")
    return redirect("own")


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """Sign out and end its sessions. The hint goes first: it needs the sign-in's row."""
    key = request.session.session_key
    if key and request.user.is_authenticated:
        viewer = access.viewer_of(access.user_of(request), transport="page", session_key=key)
        cuts.hint("logout", session_hash=viewer.session_hash)
    said = "?signed_out=1" if request.session.get(BY_PROVIDER) else ""
    auth_logout(request)
    return redirect(f"{settings.LOGOUT_REDIRECT_URL}{said}")
