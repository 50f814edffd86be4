"""Trigger rules for changes that need a second person and for withdrawn consent.

Kept whoever writes SQL: what was asked for never changes, the state only moves to an answer, only
an operator who neither asked nor gains answers yes, no request is deleted or replaced. A withdrawal
of consent is lifted in the name of one of the tenant's admins only, never by deleting or moving it.
The conditions use the placeholders of `policies.database.trigger_words`.
"""

from __future__ import annotations

from typing import Final

TABLES: Final = ("policies_changerequest", "policies_consent")

_FIXED: Final = (
    "id",
    "act",
    "kind",
    "object_pk",
    "summary",
    "columns",
    "related",
    "shown",
    "before",
    "subjects",
    "requester_id",
    "reason",
    "requested_at",
    "lapses_at",
)

Rules = dict[str, tuple[str, str, list[tuple[str, str]]]]


def rules() -> Rules:
    """name -> (table, event, [(condition that refuses, what is said)])."""
    changed = " OR ".join(f'NEW."{column}" IS DISTINCT FROM OLD."{column}"' for column in _FIXED)
    return {
        "policies_guard_change_update": (
            "policies_changerequest",
            "UPDATE",
            [
                (changed, "what was asked for never changes"),
                ("OLD.state <> 'requested'", "an answered request is never rewritten"),
                (
                    "NEW.state = 'applied' AND NEW.lapses_at <= {now}",
                    "an approval after the deadline is too late",
                ),
                (
                    "NEW.state IN ('applied', 'denied') AND NOT ({judge:NEW.decided_by_id})",
                    "only an operator who is active and not locked answers a request",
                ),
                (
                    "NEW.state IN ('applied', 'denied') AND {in:NEW.subjects:NEW.decided_by_id}",
                    "who gains by a change never approves it",
                ),
            ],
        ),
        "policies_guard_change_insert": (
            "policies_changerequest",
            "INSERT",
            [
                ("NEW.state <> 'requested'", "a change is asked for before it is answered"),
                (
                    "EXISTS (SELECT 1 FROM policies_changerequest c WHERE c.id = NEW.id)",
                    "a request is never replaced",
                ),
            ],
        ),
        "policies_guard_change_delete": (
            "policies_changerequest",
            "DELETE",
            [("1 = 1", "a request is never deleted")],
        ),
        "policies_guard_consent_update": (
            "policies_consent",
            "UPDATE",
            [
                (
                    "OLD.state = 'withdrawn' AND (NEW.id <> OLD.id"
                    " OR NEW.tenant_id <> OLD.tenant_id"
                    " OR NEW.extension_id IS DISTINCT FROM OLD.extension_id)",
                    "a withdrawal of consent is never moved",
                ),
                (
                    "OLD.state = 'withdrawn' AND NEW.state <> 'withdrawn' AND NOT EXISTS"
                    " (SELECT 1 FROM policies_membership m WHERE m.user_id = NEW.decided_by_id"
                    " AND m.tenant_id = NEW.tenant_id AND m.role = 'admin')",
                    "only the tenant's own admins lift its withdrawal",
                ),
                (
                    "OLD.state = 'withdrawn' AND NEW.state <> 'withdrawn'"
                    " AND ({operator:NEW.decided_by_id})",
                    "no operator lifts a tenant's withdrawal",
                ),
            ],
        ),
        "policies_guard_consent_insert": (
            "policies_consent",
            "INSERT",
            [
                (
                    "EXISTS (SELECT 1 FROM policies_consent c WHERE c.state = 'withdrawn'"
                    " AND (c.id = NEW.id OR (c.tenant_id = NEW.tenant_id"
                    " AND (c.extension_id = NEW.extension_id"
                    " OR (c.extension_id IS NULL AND NEW.extension_id IS NULL)))))",
                    "a withdrawal of consent is never replaced",
                )
            ],
        ),
        "policies_guard_consent_delete": (
            "policies_consent",
            "DELETE",
            [("OLD.state = 'withdrawn'", "a withdrawal of consent is never deleted")],
        ),
    }
