"""Template filters: names of rules without underscores, and how long ago something was."""

from __future__ import annotations

import datetime as dt

from django import template
from django.utils.timesince import timesince

register = template.Library()


@register.filter
def words(name: object) -> str:
    """ "signed in" for `signed_in`."""
    return str(name).replace("_", " ")


@register.filter
def ago(at: dt.datetime, now: dt.datetime) -> str:
    """ "just now" within a minute, else "5 minutes ago"."""
    if now - at < dt.timedelta(minutes=1):
        return "just now"
    return f"{timesince(at, now, depth=1)} ago"
