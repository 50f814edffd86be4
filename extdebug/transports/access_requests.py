"""The HTTP API for access: what one may watch now, asking for a grant, taking a request back.

Everything here is about the person signed in: nobody learns of another's requests. A page asks
`access` every few seconds while a request of its reader waits; an answer that would be the same as
the last costs one query.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse

from extdebug.db import in_record_threads
from extdebug.filters.query import MAX_INSTALLS
from extdebug.sessions import session_records
from extdebug.sessions.rate_limit import RateLimit
from extdebug.transports.callers import api_view, bad, identify
from extdebug.wire.events import BARE, UNPRINTABLE, BadId, clean_id
from policies import access
from policies.access import Decision, Viewer, ip_of, user_of
from policies.grants import own_requests, verbs
from policies.grants.own_requests import OwnRequest
from policies.models import Grant

# Each page asks 0.4 times a second: room for several tabs and for a list of extensions.
ASKS_PER_SECOND: Final = 10.0
RETRY_AFTER: Final = 5  # seconds

asks: Final = RateLimit(ASKS_PER_SECOND)

_Text = Annotated[str, msgspec.Meta(max_length=4000, pattern=f"^[^{UNPRINTABLE.pattern[1:]}*$")]


def decision_json(decision: Decision, request: OwnRequest | None) -> dict[str, Any]:
    """A decision and the person's own request as the page draws them."""
    return {
        "allowed": decision.allowed,
        "environment": decision.environment,
        "reason": decision.reason,
        "hint": decision.hint,
        "canRequest": decision.can_request,
        "checks": [
            {"rule": c.rule, "ok": c.ok, "reason": c.reason, "hint": c.hint} for c in decision.shown
        ],
        "request": None if request is None else request.as_json(),
    }


async def _access(request: HttpRequest) -> HttpResponseBase:
    """What the person may do with one target now. `seen`: the policy version they know."""
    viewer = await _person(request)
    if not isinstance(viewer, Viewer):
        return viewer
    if not asks.admits(viewer.user_id):
        answer = bad("You ask too often.", status=429, code="busy")
        answer["Retry-After"] = str(RETRY_AFTER)
        return answer
    given = request.GET
    try:
        tenant = str(given.get("tenant", ""))
        tenant = tenant if tenant == BARE else clean_id(tenant, what="tenant")
        extension = clean_id(str(given.get("extension", "")), what="extension")
    except BadId as error:
        return bad(str(error))
    seen = str(given.get("seen", ""))
    version = int(seen) if seen.isdecimal() and len(seen) < 19 else None
    try:
        body = await in_record_threads(_status, user_of(request), tenant, extension, version)
    except Http404:
        return bad("There is no such tenant and extension.", status=404, code="not_found")
    return _private(JsonResponse(body))


def _status(user: User, tenant: str, extension: str, seen: int | None) -> dict[str, Any]:
    version = access.policy_version()
    if version == seen:
        return {"ok": True, "unchanged": True, "version": version}
    # The version is read first: what changes meanwhile is another version at the next question.
    viewer = access.viewer_of(user, transport="page")
    decision = access.decide(viewer, tenant=tenant, extension=extension)
    if not decision.related:
        raise Http404
    request = own_requests.latest(user, [(tenant, extension)]).get((tenant, extension))
    return {"ok": True, "version": version, **decision_json(decision, request)}


class _Request(msgspec.Struct, forbid_unknown_fields=True):
    """What the page's "request access" form sends. `installs` empty: all of them."""

    tenant: _Text
    extension: _Text
    reason: _Text
    minutes: int
    installs: Annotated[list[_Text], msgspec.Meta(max_length=MAX_INSTALLS)] = []
    ticket: _Text = ""


async def _ask(request: HttpRequest) -> HttpResponseBase:
    """Ask for a production grant for oneself."""
    viewer = await _person(request)
    if not isinstance(viewer, Viewer):
        return viewer
    try:
        asked = msgspec.json.decode(request.body, type=_Request)
        grant, status = await in_record_threads(_request, request, asked)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return bad(str(error))
    except verbs.GrantError as error:
        return _refused(request, error)
    said = {"message": f"{grant.label} was requested.", "grant": grant.pk, "label": grant.label}
    return _private(JsonResponse({**status, **said}))


def _request(request: HttpRequest, asked: _Request) -> tuple[Grant, dict[str, Any]]:
    user = user_of(request)
    grant = verbs.request(
        user,
        tenant=asked.tenant,
        extension=asked.extension,
        minutes=asked.minutes,
        reason=asked.reason,
        installs=asked.installs or None,
        ticket=asked.ticket,
        ip=ip_of(request),
    )
    return grant, _status(user, grant.tenant_key, grant.extension_key, None)


class _Withdrawal(msgspec.Struct, forbid_unknown_fields=True):
    """Which request is taken back; `version` as the page was told it."""

    grant: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    version: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


async def _withdraw(request: HttpRequest) -> HttpResponseBase:
    """Take one's own pending request back; 404 for another person's."""
    viewer = await _person(request)
    if not isinstance(viewer, Viewer):
        return viewer
    try:
        asked = msgspec.json.decode(request.body, type=_Withdrawal)
        status = await in_record_threads(_take_back, request, asked)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return bad(str(error))
    except verbs.GrantError as error:
        return _refused(request, error)
    return _private(JsonResponse(status))


def _take_back(request: HttpRequest, asked: _Withdrawal) -> dict[str, Any]:
    user = user_of(request)
    row = verbs.withdraw(asked.grant, by=user, version=asked.version, ip=ip_of(request))
    return _status(user, row.tenant_key, row.extension_key, None)


async def _person(request: HttpRequest) -> Viewer | HttpResponseBase:
    """Who is signed in; a token asks for nothing."""
    viewer = await identify(request, "page")
    if isinstance(viewer, Viewer) and viewer.token_id is not None:
        return bad("A token cannot ask for access; sign in.", status=403, code="denied")
    return viewer


def _refused(request: HttpRequest, error: verbs.GrantError) -> JsonResponse:
    """A verb's refusal; its own row in the trail is enough."""
    if isinstance(error, verbs.GrantConflict):
        return bad(str(error), status=409, code="conflict")
    session_records.is_told(request)
    missing = isinstance(error, verbs.GrantMissing)
    code, status = ("not_found", 404) if missing else ("refused", 403)
    return bad(str(error), status=status, code=code)


def _private(answer: JsonResponse) -> JsonResponse:
    answer["Cache-Control"] = "no-store"
    return answer


access_status = api_view(_access, "GET")
request_grant = api_view(_ask, "POST")
withdraw_request = api_view(_withdraw, "POST")
