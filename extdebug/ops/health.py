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
    """Whether new sessions may be sent here. Anyone may ask, so problems are named by id only;
    the log has the rest. Asked once for all who ask within a second."""
    problems = [*_draining(), *await ready.get()]
    return JsonResponse({"ok": not problems, "problems": problems}, status=503 if problems else 200)


def _draining() -> list[str]:
    here = running_node()
    return ["draining"] if here is not None and here.draining else []


async def _problems() -> list[str]:
    problems: list[str] = []
    try:
        problems += _grave(await in_record_threads(readiness.database_problems))
    except Exception as error:  # noqa: BLE001 - whatever keeps the database from answering
        problems.append(f"database: {type(error).__name__}")
    try:
        problems += _grave(await readiness.redis_problems())
    except readiness.RedisAway as error:
        # In `auto` the runners stand in for it, and a session begun now is worth having.
        if settings.EXT_DEBUG_STREAM_MODE == "redis":
            problems.append(f"redis: {error}")
    return problems


ready: Final = SharedAnswer(_problems)


def _grave(found: list[CheckMessage]) -> list[str]:
    for message in found:
        if message.is_serious():
            log.error("not ready: %s: %s", message.id, message.msg)
    return sorted({str(message.id) for message in found if message.is_serious()})


@require_GET
async def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for whoever has METRICS_TOKEN; without one set, for nobody."""
    sent = request.headers.get("Authorization", "").removeprefix("Bearer ").encode()
    token = settings.METRICS_TOKEN.encode()
    if not token or not hmac.compare_digest(sent, token):
        return HttpResponse("a bearer token is needed\n", status=403, content_type="text/plain")
    try:
        signs = await in_record_threads(heartbeats.signs)
    except Exception as error:  # noqa: BLE001 - told as a metric
        log.warning("metrics without the database: %s", error)
        signs = None
    registry = CollectorRegistry()
    registry.register(Figures(running_node(), signs))
    return HttpResponse(generate_latest(registry), content_type="text/plain; version=0.0.4")
