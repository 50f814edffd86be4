"""Admin of grants: the list, one grant's page with its history, and the acts by POST."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter
from unfold.decorators import display

from audit import queries, refusals
from audit.read_only import ReadOnlyMixin
from audit.requesters import ip_of, note_reading, user_of
from policies.database import clock
from policies.desk import affected_sessions, bulk_actions, grant_forms, waiting
from policies.desk.explain import why
from policies.desk.grant_actions import ACTS, Act, obstacle, open_to
from policies.desk.recorded_admin import OperatorAdmin, require_operator
from policies.grants import verbs
from policies.identity import second_factor
from policies.models import Grant
from policies.templatetags.grant_states import state_colour, state_words

HISTORY_ROWS = 100  # of each kind on a grant's page; the audit has the rest


class NeedsFilter(admin.SimpleListFilter):
    """Grants that wait for an approval or a review."""

    title = "waits for"
    parameter_name = "waits"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("approval", "an approval"), ("review", "a review"), ("me", "my approval")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        pending = Q(state=Grant.State.REQUESTED, lapses_at__gt=clock.ClockNow())
        if self.value() == "approval":
            return queryset.filter(pending)
        if self.value() == "review":
            return queryset.filter(break_glass=True, reviewed_at=None)
        if self.value() == "me":
            return queryset.filter(pk__in=waiting.approvals(user_of(request)).values("pk"))
        return queryset


@admin.register(Grant)
class GrantAdmin(ReadOnlyMixin, OperatorAdmin):
    """Grants are not edited: they change through their verbs alone."""

    list_before_template = "admin/desk/grant_list.html"
    list_display = (
        "label", "shown_state", "person", "target", "why", "minutes", "until", "live_now",
    )  # fmt: skip
    list_display_links = ("label",)
    list_filter = (
        NeedsFilter,
        "state",
        "environment",
        "break_glass",
        ("tenant", AutocompleteSelectFilter),
        ("extension", AutocompleteSelectFilter),
        ("beneficiary", AutocompleteSelectFilter),
        ("requested_at", RangeDateTimeFilter),
    )
    search_fields = (
        "=id", "beneficiary__username", "requester__username", "tenant_key", "extension_key",
        "reason", "ticket",
    )  # fmt: skip
    search_help_text = "Number, person, tenant, extension, reason or ticket"
    list_select_related = ("beneficiary", "requester")
    actions = ("deny_selected", "revoke_selected")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find the grant for a label such as `G-12`, else search as usual."""
        term = search_term.strip()
        if term.lower().startswith("g-") and term[2:].isdecimal():
            return queryset.filter(pk=int(term[2:])), False
        found, distinct = super().get_search_results(request, queryset, search_term)
        return found, distinct

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        # By a subquery: a join would have to be grouped each time that the list is counted.
        live = affected_sessions.live_of(OuterRef("pk"))
        counted: QuerySet[Any] = rows.annotate(
            open_now=Coalesce(Subquery(live), 0), now=clock.ClockNow()
        )
        return counted

    @display(description="grant", ordering="id")
    def label(self, grant: Grant) -> str:
        return grant.label

    @display(
        description="state",
        label={colour: colour for colour in ("success", "warning", "info", "danger", "default")},
        ordering="state",
    )
    def shown_state(self, grant: Any) -> tuple[str, str]:
        words = state_words(grant, grant.now)
        said = f"{words} · break-glass" if grant.break_glass else words
        return state_colour(grant, grant.now), said

    @display(description="ends", ordering="ends_at")
    def until(self, grant: Grant) -> Any:
        return grant.ends if grant.began else None

    @display(description="for", ordering="beneficiary__username")
    def person(self, grant: Grant) -> str:
        return grant.beneficiary.get_username()

    @display(description="target", ordering="tenant_key")
    def target(self, grant: Grant) -> str:
        return f"{grant.tenant_key} / {grant.extension_key}"

    @display(description="reason")
    def why(self, grant: Grant) -> str:
        text = f"{grant.ticket}: {grant.reason}" if grant.ticket else grant.reason
        return text if len(text) <= 60 else text[:59] + "…"

    @display(description="live", ordering="open_now")
    def live_now(self, grant: Any) -> int:
        return int(grant.open_now)

    @admin.action(description="Deny…", permissions=["view"])
    def deny_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return bulk_actions.answer(self, request, queryset, ACTS["deny"])

    @admin.action(description="Revoke…", permissions=["view"])
    def revoke_selected(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return bulk_actions.answer(self, request, queryset, ACTS["revoke"])

    # --- one grant ----------------------------------------------------------------------------

    def get_urls(self) -> list[Any]:
        own = [
            path(
                f"<int:grant_id>/{name}/",
                self.admin_site.admin_view(self.act),
                {"act": act},
                name=f"policies_grant_{name}",
            )
            for name, act in ACTS.items()
        ]
        own += [
            path(f"{address}/", self.admin_site.admin_view(view), name=name)
            for address, view, name in (
                ("why", why, "policies_why"),
                ("next", waiting.next_grant, "policies_grant_next"),
                ("waiting", waiting.counts, "policies_waiting"),
                ("request", grant_forms.request_grant, "policies_grant_request"),
                ("break-glass", grant_forms.break_glass, "policies_grant_break_glass"),
            )
        ]
        return [*own, *super().get_urls()]

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """The grant's page: its terms, the acts open to this operator, and its history."""
        require_operator(request)
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET"])
        grant: Grant = self.get_object(request, str(object_id))
        now = clock.now()
        sessions = list(grant.sessions.order_by("-opened_at")[:HISTORY_ROWS])
        if (
            unread := note_reading(request, "grant", grant.pk, tenant=grant.tenant_key)
        ) is not None:
            return unread
        denials = queries.refusals(
            person=grant.beneficiary_id, tenant=grant.tenant_key, extension=grant.extension_key
        )
        context = {
            **self._facts(request, grant, now=now),
            "acts": open_to(grant, user_of(request), now=now),
            "sessions": sessions,
            "denials": denials.filter(at__gte=grant.requested_at)[:HISTORY_ROWS],
            "rows": queries.about("grant", grant.pk, sessions=[s.pk for s in sessions])[
                :HISTORY_ROWS
            ],
            "notices": grant.notices.all()[:HISTORY_ROWS],
            "extended_by": grant.extensions.order_by("pk"),
        }
        return TemplateResponse(request, "admin/desk/grant.html", context)

    def act(self, request: HttpRequest, grant_id: int, act: Act) -> HttpResponse:
        """GET shows the form and how many live sessions would end; POST does it."""
        require_operator(request)
        if request.method not in ("GET", "HEAD", "POST"):
            return HttpResponseNotAllowed(["GET", "POST"])
        grant: Grant = self.get_object(request, str(grant_id))
        posted = request.method == "POST"
        if act.widens and not posted and second_factor.why_not(user_of(request)):
            return redirect(second_factor.confirm_address(request.get_full_path()))
        form = act.form(request.POST if posted else None, grant=grant)
        try:
            if posted and form.is_valid():
                act.do(grant, user_of(request), form.cleaned_data, ip_of(request))
                messages.success(request, act.done.format(label=grant.label))
                return redirect(self._back(request, grant))
            stale = posted and form.data.get("version") != str(grant.version)
            if stale:
                raise verbs.GrantConflict("stale", f"{grant.label} was changed meanwhile.")
        except verbs.GrantMissing:
            refusals.told(request)
            raise Http404 from None
        except verbs.GrantConflict as error:
            return self._refused(request, grant, act, str(error), status=409)
        except verbs.GrantError as error:
            refusals.told(request)
            return self._refused(request, grant, act, str(error), status=403)
        if (why := obstacle(act, grant, user_of(request), now=clock.now())) is not None:
            return self._refused(request, grant, act, why, status=409)
        context = {
            **self._facts(request, grant, now=clock.now()),
            "title": f"{act.title} {grant.label}",
            "act": act,
            "form": form,
            "cut": affected_sessions.cut_without(affected_sessions.with_extensions(grant))
            if act.ends
            else affected_sessions.Cut(),
            "back": request.GET.get("back", ""),
            "others_wait": waiting.approvals(user_of(request)).exclude(pk=grant.pk).count(),
        }
        return TemplateResponse(
            request, "admin/desk/act.html", context, status=400 if posted else 200
        )

    def _facts(self, request: HttpRequest, grant: Grant, *, now: Any) -> dict[str, Any]:
        from policies.grants.claims import decision_of

        decision = decision_of(
            grant.beneficiary, tenant=grant.tenant_key, extension=grant.extension_key
        ).about(grant.beneficiary.get_username())
        return {
            **self.admin_site.each_context(request),
            "title": grant.label,
            "grant": grant,
            "now": now,
            "over": grant.ends is not None and grant.ends <= now,
            "lapsed": grant.state_at(now) == Grant.State.LAPSED,
            "installs": list(grant.installs.order_by("key")),
            "approvals": list(grant.approvals.select_related("approver")),
            "decision": decision,
            "obstacle": decision.obstacle(),
            "open_sessions": grant.sessions.filter(closed_at=None).count(),
        }

    def _refused(
        self, request: HttpRequest, grant: Grant, act: Act, why: str, *, status: int
    ) -> HttpResponse:
        grant.refresh_from_db()
        context = {
            **self._facts(request, grant, now=clock.now()),
            "title": f"{act.title} {grant.label}",
            "act": act,
            "why": why,
            "confirm": second_factor.confirm_address(request.get_full_path())
            if act.widens and second_factor.why_not(user_of(request))
            else "",
        }
        return TemplateResponse(request, "admin/desk/refused.html", context, status=status)

    def _back(self, request: HttpRequest, grant: Grant) -> str:
        back = request.GET.get("back")
        if back in ("desk", "next"):
            return reverse("admin:index" if back == "desk" else "admin:policies_grant_next")
        return reverse("admin:policies_grant_change", args=[grant.pk])
