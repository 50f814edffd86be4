"""Admin of redaction rules, with a preview on sample text before anything is saved."""

from __future__ import annotations

import re
from typing import Any, Final

from django import forms
from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.urls import path
from unfold.widgets import UnfoldAdminTextareaWidget

from policies.desk.recorded_admin import OperatorAdmin, RecordedAdmin, require_operator
from policies.models import RedactionRule
from policies.redaction import redactor
from policies.redaction.redactor import BUILTIN_RULES, Redactor, Rule, RuleError

MOST_SAMPLE: Final = 16 * 1024  # characters of sample text
_MASK: Final = re.compile(r"\[redacted:([a-z0-9-]+)(?:#[0-9a-f]{8})?\]")


class RuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """A rule that masks its example, leaves its counter-example alone, and that RE2 can run."""

    class Meta:
        model = RedactionRule
        fields = ("name", "pattern", "token", "example", "counter_example", "enabled")
        widgets = {
            "pattern": UnfoldAdminTextareaWidget(attrs={"rows": 2, "class": "font-mono"}),
            "example": UnfoldAdminTextareaWidget(attrs={"rows": 2, "class": "font-mono"}),
            "counter_example": UnfoldAdminTextareaWidget(attrs={"rows": 2, "class": "font-mono"}),
        }

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        try:
            rule = Rule.from_row(
                cleaned["name"], cleaned["pattern"], token=cleaned["token"],
                example=cleaned["example"],
            )  # fmt: skip
        except RuleError as error:
            field, _, words = str(error).partition(": ")
            self.add_error(field if field in self.fields else None, words or str(error))
            return cleaned
        if rule.name in {each.name for each in BUILTIN_RULES}:
            self.add_error("name", "A built-in rule has this name.")
        spared = cleaned.get("counter_example")
        if spared and redactor.preview(spared, [rule]).names:
            self.add_error("counter_example", "The pattern masks it.")
        others = RedactionRule.objects.filter(enabled=True).exclude(pk=self.instance.pk)
        try:
            Redactor((*BUILTIN_RULES, *_usable(others), rule))
        except RuleError as error:
            self.add_error(None, str(error))
        return cleaned


@admin.register(RedactionRule)
class RedactionRuleAdmin(RecordedAdmin, OperatorAdmin):
    form = RuleForm
    list_display = ("name", "enabled", "token", "pattern", "example")
    list_filter = ("enabled", "token")
    search_fields = ("name", "pattern", "example")
    fields = ("name", "pattern", "token", "example", "counter_example", "enabled")
    change_form_outer_after_template = "admin/desk/redaction_preview.html"

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.preview)
        return [path("preview/", view, name="policies_redaction_preview"), *super().get_urls()]

    def preview(self, request: HttpRequest) -> HttpResponse:
        """POST `pattern`, `name`, `token` and `sample`: what would be masked. Saves nothing."""
        require_operator(request)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        sample = request.POST.get("sample", "")[:MOST_SAMPLE]
        name = request.POST.get("name", "") or "new-rule"
        pattern = request.POST.get("pattern", "")
        others = _usable(RedactionRule.objects.filter(enabled=True).exclude(name=name))
        mine: list[Rule] = []
        error = ""
        if pattern:
            try:
                mine = [Rule.from_row(name, pattern, token="token" in request.POST)]
            except RuleError as refused:
                error = str(refused)
        key = settings.REDACTION_KEY.encode() or None
        alone = redactor.preview(sample, mine, key=key) if mine else None
        together = redactor.preview(sample, (*BUILTIN_RULES, *others, *mine), key=key)
        return JsonResponse(
            {
                "error": error,
                "alone": _pieces(alone.after) if alone else [],
                "hit": bool(alone and alone.names),
                "together": _pieces(together.after),
                "names": list(together.names),
                "cut": len(request.POST.get("sample", "")) > MOST_SAMPLE,
            }
        )


def _usable(rows: Any) -> list[Rule]:
    """The rules that compile; one that does not is left out of the preview."""
    found: list[Rule] = []
    for row in rows:
        try:
            found.append(Rule.from_row(row.name, row.pattern, token=row.token))
        except RuleError:
            continue
    return found


def _pieces(text: str) -> list[dict[str, Any]]:
    """The text as pieces with `text` and `mask`, so that the page builds no HTML from a sample."""
    pieces: list[dict[str, Any]] = []
    done = 0
    for match in _MASK.finditer(text):
        pieces.append({"text": text[done : match.start()], "mask": False})
        pieces.append({"text": match.group(), "mask": True})
        done = match.end()
    return [piece for piece in [*pieces, {"text": text[done:], "mask": False}] if piece["text"]]
