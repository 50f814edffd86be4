"""The form in which an operator names a stream and a stretch of it, by times or by line ids."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final
from urllib.parse import urlencode

from django import forms

from extdebug.sessions.shown_to import moment
from extdebug.streams.purge import MOST, Stretch
from extdebug.wire.events import BARE, LAST_MS, BadId, clean_id
from extdebug.wire.keys import Target
from extdebug.wire.positions import ZERO_ID, BadCursor, EntryId

FIELDS: Final = ("tenant", "extension", "since", "until", "first", "last")
_TIME_HELP: Final = "UTC, as 2026-07-14 09:30:05 or 2026-07-14T09:30:05.250Z."


class StretchForm(forms.Form):
    """Empty bounds mean everything that the stream retains."""

    tenant = forms.CharField(max_length=64)
    extension = forms.CharField(max_length=64)
    since = forms.CharField(
        max_length=40, required=False, label="From this time", help_text=_TIME_HELP
    )
    until = forms.CharField(
        max_length=40, required=False, label="Up to this time",
        help_text="With the whole second, where no fraction is given.",
    )  # fmt: skip
    first = forms.CharField(
        max_length=48, required=False, label="From this line",
        help_text="The line's id, as its details in the console show it. Included.",
    )  # fmt: skip
    last = forms.CharField(
        max_length=48, required=False, label="Up to this line", help_text="Its id. Included."
    )

    def clean_tenant(self) -> str:
        tenant = str(self.cleaned_data["tenant"])
        return BARE if tenant == BARE else self._id(tenant, "tenant")

    def clean_extension(self) -> str:
        return self._id(str(self.cleaned_data["extension"]), "extension")

    @staticmethod
    def _id(text: str, what: str) -> str:
        try:
            return clean_id(text, what=what)
        except BadId as error:
            raise forms.ValidationError(str(error)) from None

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = self.cleaned_data
        for when, line in (("since", "first"), ("until", "last")):
            if said.get(when) and said.get(line):
                self.add_error(line, "Give the time or the line, not both.")
        if not self.errors:
            stretch = Stretch(
                self._bound("first", "since", ZERO_ID), self._bound("last", "until", MOST)
            )
            if not self.errors and stretch.first > stretch.last:
                self.add_error(None, "The end lies before the beginning.")
            said["stretch"] = stretch
        return said

    def _bound(self, line: str, when: str, default: EntryId) -> EntryId:
        """One bound as an id; `default` when neither is given, and an error when it is none."""
        said = self.cleaned_data
        try:
            if said[line]:
                return EntryId.parse(said[line])
        except BadCursor:
            self.add_error(line, f"Expected an id such as 1784021405250-0, got {said[line]!r}.")
            return default
        if not said[when]:
            return default
        try:
            at = dt.datetime.fromisoformat(said[when].strip())
        except ValueError:
            self.add_error(
                when, f"Expected a time such as 2026-07-14 09:30:05, got {said[when]!r}."
            )
            return default
        at = at if at.tzinfo is not None else at.replace(tzinfo=dt.UTC)
        ms = min(max(0, int(at.timestamp() * 1000)), LAST_MS)
        if line == "first":
            return EntryId(ms, 0)
        return EntryId(ms if at.microsecond else ms + 999, MOST.seq)

    @property
    def target(self) -> Target:
        return Target(self.cleaned_data["tenant"], self.cleaned_data["extension"])

    @property
    def stretch(self) -> Stretch:
        stretch: Stretch = self.cleaned_data["stretch"]
        return stretch


def query_of(target: Target, stretch: Stretch) -> str:
    """The address part that names this stretch, for links from one page to the other."""
    said = {"tenant": target.tenant, "extension": target.extension}
    if stretch.first != ZERO_ID:
        said["first"] = str(stretch.first)
    if stretch.last != MOST:
        said["last"] = str(stretch.last)
    return urlencode(said)


def in_words(stretch: Stretch) -> str:
    """The stretch for people, in UTC."""
    if stretch == Stretch():
        return "everything"
    begin = "the beginning" if stretch.first == ZERO_ID else _said(stretch.first)
    end = "the end" if stretch.last == MOST else _said(stretch.last)
    return f"from {begin} to {end}"


def _said(id: EntryId) -> str:
    return f"{moment(id.ms):%Y-%m-%d %H:%M:%S}.{id.ms % 1000:03d} UTC"
