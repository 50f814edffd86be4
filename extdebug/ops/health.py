"""The views of /healthz, /readyz and /metrics, for probes and Prometheus."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.core.checks import CheckMessage
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET

from audit import refusal_pages
from extdebug.db import in_record_threads
from extdebug.ops import readiness
from extdebug.ops.metrics import Figures, text
from extdebug.ops.shared_answer import SharedAnswer
from extdebug.ops.workers import this_worker
from extdebug.sessions import heartbeats
from extdebug.sessions.node import running_node

log = logging.getLogger(__name__)


@require_GET
async def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"ok": True})


@require_GET
async def readyz(request: HttpRequest) -> HttpResponse:
    """Whether new sessions may be sent here. Anyone may ask, so problems are named by id only; the
    log has the rest, and whoever has METRICS_TOKEN gets it as `why`. Asked once for all who ask
    within a second. Of several workers it says how many answer: one that ended is started again. A
    browser reads as a page what keeps sessions away."""
    found = await ready.get()
    problems = [*_draining(), *found.problems]
    body: dict[str, object] = {"ok": not problems, "problems": problems}
    if (worker := this_worker()) is not None:
        body["workers"] = {"answer": found.workers, "of": worker.team.count}
    if _has_token(request):
        body |= {"why": found.problems, "warnings": found.warnings}
    elif problems and refusal_pages.wants_page(request.headers.get("Accept", "")):
        message = f"This console takes no new sessions just now: {', '.join(problems)}."
        return refusal_pages.answer(title="Not ready", message=message, status=503)
    return JsonResponse(body, status=503 if problems else 200)


def _draining() -> list[str]:
    here = running_node()
    return ["draining"] if here is not None and here.draining else []


@dataclass(frozen=True, slots=True)
class Found:
    """What keeps sessions away, and what Redis warns of, by id, each with a sentence."""

    problems: dict[str, str]
    warnings: dict[str, str]
    workers: int = 1  # that answer, of this port


async def _look() -> Found:
    """What is new is logged, and that it is over."""
    problems = _grave(readiness.static_problems())
    warnings: dict[str, str] = {}
    try:
        problems |= _grave(await in_record_threads(readiness.database_problems))
    except Exception as error:  # noqa: BLE001 - whatever keeps the database from answering
        reason = (str(error).splitlines() or [""])[0]
        problems[f"database: {type(error).__name__}"] = f"the database does not answer: {reason}"
    try:
        redis = await readiness.redis_problems()
        problems |= _grave(redis)
        warnings = _said(message for message in redis if not message.is_serious())
    except readiness.RedisAway as error:
        # In `auto` the runners stand in for it, and a session begun now is worth having.
        if settings.EXT_DEBUG_STREAM_MODE == "redis":
            problems[f"redis: {error}"] = f"Redis does not answer: {error.reason}"
    _log_changes(problems, warnings)
    worker = this_worker()
    workers = 1 if worker is None else len(await worker.siblings.ask())
    return Found(problems, warnings, workers)


ready: Final = SharedAnswer(_look)
# What the log has, so that probes do not fill it: names of warnings, problems with their words.
_warned: Final[set[str]] = set()
_logged: Final[dict[str, str]] = {}


def _log_changes(problems: dict[str, str], warnings: dict[str, str]) -> None:
    for name, why in problems.items():
        if _logged.get(name) != why:
            log.error("not ready: %s: %s", name, why)
    if _logged and not problems:
        log.warning("ready again")
    for name in warnings.keys() - _warned:
        log.warning("%s: %s", name, warnings[name])
    _logged.clear()
    _logged.update(problems)
    _warned.clear()
    _warned.update(warnings)


def _grave(found: list[CheckMessage]) -> dict[str, str]:
    return _said(message for message in found if message.is_serious())


def _said(found: Iterable[CheckMessage]) -> dict[str, str]:
    """By id, sorted; of several with one id the first speaks."""
    said: dict[str, str] = {}
    for message in sorted(found, key=lambda each: str(each.id)):
        said.setdefault(str(message.id), f"{message.msg} {message.hint or ''}".strip())
    return said


def _has_token(request: HttpRequest) -> bool:
    """Whether METRICS_TOKEN came as bearer token; without one set, nobody has it."""
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
    token = settings.METRICS_TOKEN.encode()
    return bool(token) and hmac.compare_digest(sent, token)


@require_GET
async def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for whoever has METRICS_TOKEN; without one set, for nobody."""
    if not _has_token(request):
        return HttpResponse("a bearer token is needed\n", status=403, content_type="text/plain")
    try:
        signs = await in_record_threads(heartbeats.signs)
    except Exception as error:  # noqa: BLE001 - told as a metric
        log.warning("metrics without the database: %s", error)
        signs = None
    full = readiness.FULL in (await ready.get()).warnings
    worker = this_worker()
    team = None if worker is None else await worker.siblings.ask()
    body = text(Figures(running_node(), signs, redis_full=full, workers=team))
    return HttpResponse(body, content_type="text/plain; version=0.0.4")
