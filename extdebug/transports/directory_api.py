"""The platform's way to keep the directory in step over HTTP: `PUT /api/directory/`."""

from __future__ import annotations

from typing import Final

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from extdebug.ops.request_bounds import DIRECTORY_BODY
from extdebug.sessions import close_reasons
from extdebug.sessions.close_reasons import UNAUTHENTICATED, OpeningRefused
from extdebug.transports.callers import api_view, bad, refusal
from extdebug.transports.handshake import strangers
from policies.access import ip_of
from policies.directory import callers, wording
from policies.directory.document import SECTIONS, BadDocument, read_json
from policies.directory.gate import Refused
from policies.directory.sync import UNAVAILABLE, sync

_FLAGS: Final = {"": False, "0": False, "1": True}


async def _directory(request: HttpRequest, section: str = "") -> HttpResponseBase:
    """The whole document, or one section of it; the answer is what was done, as JSON."""
    if not callers.is_open() or section not in ("", *SECTIONS):
        return bad("There is nothing here.", status=404, code="not_found")
    address = ip_of(request)
    if strangers.spent(address):
        return refusal(OpeningRefused(close_reasons.TOO_MANY_STRANGERS))
    if not callers.has_token(request.headers.get("Authorization", "")):
        strangers.admits(address)
        await sync_to_async(callers.record_stranger)(ip=address)
        return refusal(OpeningRefused(UNAUTHENTICATED))
    dry_run = _FLAGS.get(request.GET.get("dry_run", ""))
    if dry_run is None:
        return bad("dry_run: expected 0 or 1")
    # Not request.body, which takes no more than a form has.
    body = request.read(DIRECTORY_BODY + 1)
    if len(body) > DIRECTORY_BODY:
        return bad(f"At most {DIRECTORY_BODY} bytes are taken.", status=413, code="too_large")
    return await sync_to_async(_sync)(body, section, dry_run=dry_run, ip=address)


def _sync(body: bytes, section: str, *, dry_run: bool, ip: str) -> HttpResponseBase:
    try:
        document, options = read_json(body, options=True)
        if section and set(document.sections) != {section}:
            raise BadDocument(f"expected the section {section} alone at this address")
        outcome = sync(document, options, dry_run=dry_run, by="API", ip=ip)
    except BadDocument as error:
        return bad(str(error), code="bad_document")
    except Refused as refused:
        return JsonResponse(wording.refusal_json(refused), status=409)
    except UNAVAILABLE as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        answer = bad(f"Nothing was applied: {reason}", status=503, code="unavailable")
        answer["Retry-After"] = "5"
        return answer
    return JsonResponse(wording.as_json(outcome))


directory = api_view(_directory, "PUT")
