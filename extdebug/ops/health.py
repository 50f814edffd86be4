"""The views of /healthz, /readyz and /metrics, for probes and Prometheus."""

from __future__ import annotations

import hmac
import logging
from typing import Final

from django.conf import settings
from django.core.checks import CheckMessage
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_GET
from prometheus_client import CollectorRegistry, generate_latest

from extdebug.db import in_record_threads
from extdebug.ops import readiness
from extdebug.ops.metrics import Figures
from extdebug.ops.shared_answer import SharedAnswer
from extdebug.sessions import heartbeats
from extdebug.sessions.node import running_node

log = logging.getLogger(__name__)


@require_GET
async def healthz(request: HttpRequest) -> JsonResponse:
    """The process answers; nothing else is asked."""
    return JsonResponse({"ok": True})


@require_GET
async def readyz(request: HttpRequest) -> JsonResponse:
    """Whether new sessions may be sent here. Anyone may ask, so problems are named by id only; the
    log has the rest, and whoever has METRICS_TOKEN gets it as `why`. Asked once for all who ask
    within a second."""
    found = await ready.get()
    problems = [*_draining(), *found]
    body: dict[str, object] = {"ok": not problems, "problems": problems}
    if _has_token(request):
        body["why"] = found
    return JsonResponse(body, status=503 if problems else 200)


def _draining() -> list[str]:
    here = running_node()
    return ["draining"] if here is not None and here.draining else []


async def _problems() -> dict[str, str]:
    """What is wrong by id, each with a sentence. What is new is logged, and that it is over."""
    problems = _grave(readiness.static_problems())
    try:
        problems |= _grave(await in_record_threads(readiness.database_problems))
    except Exception as error:  # noqa: BLE001 - whatever keeps the database from answering
        reason = (str(error).splitlines() or [""])[0]
        problems[f"database: {type(error).__name__}"] = f"the database does not answer: {reason}"
    try:
        problems |= _grave(await readiness.redis_problems())
    except readiness.RedisAway as error:
        # In `auto` the runners stand in for it, and a session begun now is worth having.
        if settings.EXT_DEBUG_STREAM_MODE == "redis":
            problems[f"redis: {error}"] = f"Redis does not answer: {error.reason}"
    _log_changes(problems)
    return problems


ready: Final = SharedAnswer(_problems)
_logged: Final[dict[str, str]] = {}  # what the log has, so that probes do not fill it


def _log_changes(problems: dict[str, str]) -> None:
    for name, why in problems.items():
        if _logged.get(name) != why:
            log.error("not ready: %s: %s", name, why)
    if _logged and not problems:
        log.warning("ready again")
    _logged.clear()
    _logged.update(problems)


def _grave(found: list[CheckMessage]) -> dict[str, str]:
    """Serious ones by id, sorted; of several with one id the first speaks."""
    said: dict[str, str] = {}
    for message in sorted(found, key=lambda each: str(each.id)):
        if message.is_serious():
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
    registry = CollectorRegistry()
    registry.register(Figures(running_node(), signs))
    return HttpResponse(generate_latest(registry), content_type="text/plain; version=0.0.4")
