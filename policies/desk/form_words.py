"""What forms call columns whose names are no words of people's, and in which zone times are."""

from __future__ import annotations

from typing import Any, Final

from django.db import models

# Model and column -> label and help; an empty one stays as the model has it.
WORDS: Final[dict[tuple[str, str], tuple[str, str]]] = {
    ("environmentpolicy", "enabled"): ("", "While it is off nobody watches here."),
    ("environmentpolicy", "max_grant_minutes"): ("Longest grant (minutes)", ""),
    ("environmentpolicy", "pending_minutes"): (
        "Requests expire after (minutes)", "Counted from the request, while nobody has decided.",
    ),
    ("environmentpolicy", "break_glass"): ("Break-glass access", ""),
    ("environmentpolicy", "break_glass_minutes"): ("Longest break-glass grant (minutes)", ""),
    ("limits", "ttl_seconds"): ("Session length (seconds)", "10 to 28,800."),
    ("limits", "max_ttl_seconds"): (
        "Session length with all extensions (seconds)", "10 to 28,800.",
    ),
    ("limits", "window_bytes"): (
        "Bytes on the way to the watcher", "Sent and not acknowledged yet. 16,384 to 4,194,304.",
    ),
    ("limits", "ring_bytes"): (
        "Bytes waiting for the watcher", "Beyond them the oldest lines are dropped, and counted."
        " 16,384 to 4,194,304.",
    ),
}  # fmt: skip


def put_into(field: Any, column: models.Field[Any, Any]) -> Any:
    """The form's field of this column with its words; None, for a column without one, as it is."""
    if field is None:
        return None
    kind = column.model._meta.model_name or ""  # noqa: SLF001 - Django's documented model API
    label, said = WORDS.get((kind, column.name), ("", ""))
    field.label = label or field.label
    field.help_text = said or field.help_text
    if isinstance(column, models.DateTimeField):
        field.label = f"{field.label} (UTC)"
    return field
