"""The console's pages: what I may debug, the console of one extension, signing out."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.contrib.auth import logout as auth_logout
from django.contrib.auth.decorators import login_required
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
)
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from extdebug.sessions import heartbeats
from extdebug.wire.events import BadId, clean_id
from policies import access, cuts

# --- pages ------------------------------------------------------------------------------------


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    return redirect("extensions")


@login_required
@require_GET
def extensions(request: HttpRequest) -> HttpResponse:
    """The extensions that the person may ask to debug, each with links to its console."""
    rows: dict[str, dict[str, Any]] = {}
    for row in access.overview(access.user_of(request)):
        entry = rows.setdefault(
            row.extension, {"extension": row.extension, "name": row.extension_name, "tenants": []}
        )
        entry["tenants"].append({**_place(row), "url": _url(row)})
    listed = sorted(rows.values(), key=lambda entry: str(entry["name"]).lower())
    user = access.user_of(request)
    context = {
        "rows": listed,
        "operator": access.is_operator(user),
        "tenantless": [
            {**_place(row), "extension": row.extension, "url": _url(row)}
            for row in access.tenantless(user, heartbeats.tenantless())
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
    found = [each for each in heartbeats.tenantless() if each[1] == key]
    rows += access.tenantless(user, sorted({asked, *found}))
    if not rows:
        raise Http404
    config = {
        "extension": key,
        "extensionName": rows[0].extension_name,
        "tenants": [_place(row) for row in rows],
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
        "grantsUrl": "/api/ext-debug/grants",
        "savedUrl": "/api/ext-debug/saved",
        "prefix": settings.EXT_DEBUG_STREAM_PREFIX,
        "mode": settings.EXT_DEBUG_STREAM_MODE,
        "retentionSeconds": settings.EXT_DEBUG_RETENTION_SECONDS,
        "isOperator": operator,
        "user": request.user.get_username(),
    }
    return render(request, "extdebug/console.html", {"config": config})


def _place(row: access.TargetRow) -> dict[str, Any]:
    decision = row.decision
    return {
        "tenant": row.tenant,
        "name": row.tenant_name,
        "installs": [{"id": key, "name": name} for key, name in row.installs],
        "allowed": decision.allowed,
        "environment": decision.environment,
        "reason": decision.reason,
        "hint": decision.hint,
        "canRequest": decision.can_request,
        "checks": [
            {"rule": c.rule, "ok": c.ok, "reason": c.reason, "hint": c.hint} for c in decision.shown
        ],
    }


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


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """Sign out and end its sessions. The hint goes first: it needs the sign-in's row."""
    key = request.session.session_key
    if key and request.user.is_authenticated:
        viewer = access.viewer_of(access.user_of(request), transport="page", session_key=key)
        cuts.hint("logout", session_hash=viewer.session_hash)
    auth_logout(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)
