"""The admin's first page and sidebar: pending requests, grants, live sessions, denials, streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db.models import Count, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from audit import queries
from audit.requesters import note_reading, user_of
from extdebug.models import DebugSession, Process
from extdebug.sessions import gap_words
from extdebug.sessions.heartbeats import JANITOR, is_replay, is_silent
from policies.changes import second_person
from policies.desk import waiting
from policies.desk.recorded_admin import operates
from policies.models import Approval, Grant

SHOWN: Final = 25  # rows of each table; the lists have the rest
LAGGING: Final = 2_000  # ms behind the stream at which a row turns yellow
# A page's sidebar and its tables count the same things: read once for the request.
_FIGURES: Final[WeakKeyDictionary[HttpRequest, waiting.Figures]] = WeakKeyDictionary()


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's DASHBOARD_CALLBACK: the page's context. Staff who are no operators get no data.

    With `?live=1` (what the page asks every few seconds) without the refusals, whose reading is
    recorded.
    """
    context["operates"] = operates(request)
    if not context["operates"]:
        return context
    refreshed = "live" in request.GET
    figures = _figures(request)
    watched = _watched()
    return {
        **context,
        "title": "Desk",
        "now": figures.now,
        "environment_name": settings.EXT_DEBUG_ENVIRONMENT,
        "switched_off": settings.EXT_DEBUG_UI_ENABLED is not True
        and (settings.PRODUCTION or settings.EXT_DEBUG_UI_ENABLED is False),
        **_grants(request, figures),
        "changes": waiting.pending_changes().select_related("requester")[:SHOWN],
        "one_person": second_person.needed() and second_person.one_person_may(),
        "live": DebugSession.objects.filter(closed_at=None).select_related("grant")[:SHOWN],
        "live_count": sum(watched.values()),
        **streams(watched),
        "denials": None if refreshed else _denials(request),
        "all_denials": ",".join(queries.REFUSALS),
    }


def _figures(request: HttpRequest) -> waiting.Figures:
    """What waits and what is granted, of the first time that this request asks."""
    found = _FIGURES.get(request)
    if found is None:
        found = _FIGURES[request] = waiting.figures(user_of(request))
    return found


def _grants(request: HttpRequest, figures: waiting.Figures) -> dict[str, Any]:
    """The three tables of grants, read in one statement, which counts for the rows shown alone."""
    tables = [
        waiting.pending_grants().order_by("lapses_at", "pk"),
        waiting.granted().order_by("ends_at", "pk"),
        Grant.objects.filter(break_glass=True, reviewed_at=None).order_by("starts_at", "pk"),
    ]
    in_any = Q()
    for table in tables:
        in_any |= Q(pk__in=table.values("pk")[:SHOWN])
    said = Approval.objects.filter(grant=OuterRef("pk"))
    rows: QuerySet[Any] = Grant.objects.filter(in_any).select_related("beneficiary", "requester")
    shown = list(
        rows.order_by("pk").annotate(
            given=waiting.number_of(said.filter(verdict=Approval.Verdict.APPROVE)),
            decided=waiting.number_of(said.filter(approver=user_of(request))),
            live=waiting.number_of(
                DebugSession.objects.filter(grant=OuterRef("pk"), closed_at=None)
            ),
        )
    )
    pending = [each for each in shown if each.state == Grant.State.REQUESTED]
    granted = [
        each
        for each in shown
        if each.closed_at is None and each.starts_at and each.ends_at > figures.now
    ]
    due = [each for each in shown if each.break_glass and each.reviewed_at is None]
    return {
        "pending": sorted(pending, key=lambda each: each.lapses_at)[:SHOWN],
        "pending_count": figures.pending,
        "granted": sorted(granted, key=lambda each: each.ends_at)[:SHOWN],
        "granted_count": figures.granted,
        "unreviewed": sorted(due, key=lambda each: each.starts_at)[:SHOWN],
    }


def _denials(request: HttpRequest) -> Any:
    if note_reading(request, what="the desk's recent denials") is not None:
        return None
    return queries.refusals()[:12]


def _watched() -> dict[str, int]:
    """How many live sessions each stream has."""
    live = DebugSession.objects.filter(closed_at=None).order_by()
    counted = live.values_list("tenant", "extension").annotate(many=Count("pk"))
    return {f"{tenant}:{extension}": many for tenant, extension, many in counted}


def streams(watched: Mapping[str, int] | None = None) -> dict[str, Any]:
    """What every process says about the streams it reads, and which processes are silent.

    `watched` is how many live sessions each stream has, where the caller has read that already.
    """
    known = list(Process.objects.all())
    janitor = next((each for each in known if each.name == JANITOR), None)
    # A replay that was killed leaves a row for ten minutes, and nobody to worry about.
    processes = [
        each for each in known if each is not janitor and not (is_replay(each) and is_silent(each))
    ]
    rows: list[dict[str, Any]] = []
    for process in processes:
        silent = is_silent(process)
        for stream in process.health.get("streams", ()):
            lost = gap_words.in_words(stream.get("lost") or {})
            bad = silent or bool(stream.get("problem"))
            slow = bool(lost) or (stream.get("lag_ms") or 0) >= LAGGING
            rows.append(
                {
                    **stream,
                    "about": _query(stream.get("target")),
                    "process": process.name,
                    "silent": silent,
                    "lost": lost,
                    "lag": _lag(stream.get("lag_ms")),
                    "reach": _span(stream.get("retention_ms")),
                    "mood": "bad" if bad else "slow" if slow else "good",
                }
            )
    reported = {str(row["target"]) for row in rows}
    counted = _watched() if watched is None else watched
    rows += [_unreported(*each) for each in counted.items() if each[0] not in reported]
    rows.sort(
        key=lambda row: ({"bad": 0, "slow": 1, "new": 2, "good": 3}[row["mood"]], row["target"])
    )
    silent_count = sum(is_silent(process) for process in processes)
    return {
        "streams": rows,
        "processes": processes,
        "silent_count": silent_count,
        "janitor": janitor,
        "janitor_silent": janitor is None or is_silent(janitor),
    }


def _lag(ms: float | None) -> str:
    """A delay in a unit that suits it."""
    return _span(ms) if ms is None or ms >= 1000 else f"{ms:.0f} ms"


def _unreported(target: str, watchers: int) -> dict[str, Any]:
    """A stream that is watched and that no process has reported yet: each does so every 5 s."""
    return {
        "target": target,
        "about": _query(target),
        "watchers": watchers,
        **dict.fromkeys(("backlog", "length")),
        "lag": "?",
        "lost": [],
        "reach": "?",
        "mood": "new",
    }


def _query(target: object) -> str:
    """The address part that names a stream on the pages about it."""
    tenant, _, extension = str(target).partition(":")
    return urlencode({"tenant": tenant, "extension": extension})


def _span(milliseconds: float | None) -> str:
    """Milliseconds as "12 min" (from 2 minutes on) or "90 s"; "?" when unknown."""
    if milliseconds is None:
        return "?"
    seconds = milliseconds / 1000
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """The sidebar, in the order in which an operator needs it."""

    def item(title: str, icon: str, name: str, **more: Any) -> dict[str, Any]:
        link = reverse(f"admin:{name}")
        return {"title": title, "icon": icon, "link": link, "permission": operates, **more}

    def group(title: str, *items: dict[str, Any], folded: bool = False) -> dict[str, Any]:
        return {"title": title, "items": list(items), "collapsible": folded, "separator": True}

    approvals = changes = 0
    if operates(request):
        approvals, changes = _figures(request).approvals, _figures(request).changes
    return [
        group(
            "Operate",
            item("Desk", "space_dashboard", "index", permission=lambda request: True),
            item(
                format_html("Waiting for approval{}", _waits("approvals", approvals)),
                "pending_actions",
                "policies_grant_next",
                active=lambda request: False,
            ),
            item(
                "Grants",
                "approval_delegation",
                "policies_grant_changelist",
                active=_among_grants,
            ),
            item(
                format_html("Change requests{}", _waits("changes", changes)),
                "group_add",
                "policies_changerequest_changelist",
            ),
            item("Sessions", "sensors", "extdebug_debugsession_changelist"),
            item("Streams", "monitor_heart", "extdebug_process_changelist"),
            item("Why?", "help", "policies_why"),
            item("Locks", "lock", "policies_lock_changelist"),
            item("Audit trail", "history_edu", "audit_auditrecord_changelist"),
        ),
        group(
            "Directory",
            item("Tenants", "domain", "policies_tenant_changelist"),
            item("Extensions", "extension", "policies_extension_changelist"),
            item("Installs", "deployed_code", "policies_install_changelist"),
            item("Tenant admins", "badge", "policies_membership_changelist"),
            item("Developers", "code", "policies_extensiondeveloper_changelist"),
            item("Capabilities", "verified_user", "policies_capability_changelist"),
            item("Directory releases", "group_add", "policies_directoryrelease_changelist"),
            folded=True,
        ),
        group(
            "Rules",
            item("Environment policies", "policy", "policies_environmentpolicy_changelist"),
            item("Production modes", "toggle_off", "policies_productionmode_changelist"),
            item("Consents", "handshake", "policies_consent_changelist"),
            item("Limits", "speed", "policies_limits_changelist"),
            item("Redaction rules", "ink_marker", "policies_redactionrule_changelist"),
            folded=True,
        ),
        group(
            "People",
            item("Access tokens", "key", "policies_accesstoken_changelist"),
            item("Users", "person", "auth_user_changelist", permission=_sees_users),
            item("Groups", "group", "auth_group_changelist", permission=_sees_groups),
            folded=True,
        ),
    ]


def _waits(kind: str, count: int) -> str:
    """The number beside an entry of the sidebar; policies/waiting.js keeps it up to date."""
    return format_html(
        ' <span class="waits" data-waits="{}"{}>{}</span>', kind, "" if count else " hidden", count
    )


def _among_grants(request: HttpRequest) -> bool:
    """The "why?" view has an entry of its own, though its address lies below."""
    return "/policies/grant/" in request.path and not request.path.endswith("/why/")


def _sees_users(request: HttpRequest) -> bool:
    return operates(request) or request.user.has_perm("auth.view_user")


def _sees_groups(request: HttpRequest) -> bool:
    return request.user.has_perm("auth.view_group")
