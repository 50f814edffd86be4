"""Triggers that protect grants from any SQL: their rules, as DDL for both databases.

Kept on the tables: whom and what a grant is for never changes, its time only shrinks, its state
moves along the machine, nobody judges what is theirs, a late or foreign approval does not exist.
A break-glass grant is never deleted, and gets installs only while it is being made (version 1).
The inserts that refuse a replacement are for SQLite, whose INSERT OR REPLACE fires no update.
"""

from __future__ import annotations

from typing import Final

from audit.triggers import Function, Guards, SqliteTrigger, Trigger
from policies.database import change_triggers, trigger_words

TABLES: Final = (
    "policies_grant",
    "policies_grant_installs",
    "policies_approval",
    "policies_breakglassreview",
    "policies_install",
    *change_triggers.TABLES,
)

# state -> what may follow (DESIGN 3.8). Nothing follows the states that are not here.
TRANSITIONS: Final[dict[str, tuple[str, ...]]] = {
    "requested": ("scheduled", "active", "denied", "withdrawn", "lapsed"),
    "scheduled": ("active", "cancelled", "revoked"),
    "active": ("ended", "released", "revoked"),
}
_FIXED: Final = (
    "id",
    "requester_id",
    "beneficiary_id",
    "tenant_id",
    "tenant_key",
    "extension_id",
    "extension_key",
    "environment",
    "break_glass",
    "extends_id",
    "requested_at",
    "starts_after",
    "capabilities",
    "reason",
)
_GRANT_PARTY: Final = (
    "NOT EXISTS (SELECT 1 FROM policies_grant g WHERE g.id = NEW.grant_id"
    " AND g.requester_id = NEW.requester_id AND g.beneficiary_id = NEW.beneficiary_id"
)


# How many who said yes to the grant NEW are neither party to it nor barred from judging now.
_GIVEN: Final = (
    "SELECT count(*) FROM policies_approval a WHERE a.grant_id = NEW.id"
    " AND a.verdict = 'approve' AND a.approver_id <> NEW.requester_id"
    " AND a.approver_id <> NEW.beneficiary_id AND {judge:a.approver_id}"
)


def _rules() -> dict[str, tuple[str, str, list[tuple[str, str]]]]:
    """name -> (table, event, [(condition that refuses, what is said)])."""
    moves = " OR ".join(
        f"(OLD.state = '{before}' AND NEW.state IN ({', '.join(repr(s) for s in after)}))"
        for before, after in TRANSITIONS.items()
    )
    changed = " OR ".join(f"NEW.{column} IS DISTINCT FROM OLD.{column}" for column in _FIXED)
    return {
        "policies_guard_grant_update": (
            "policies_grant",
            "UPDATE",
            [
                (changed, "whom and what a grant is for never changes"),
                (
                    f"NEW.state <> OLD.state AND NOT ({moves})",
                    "the grant cannot move to that state from where it is",
                ),
                ("NEW.minutes > OLD.minutes", "a grant's duration never grows"),
                ("NEW.lapses_at > OLD.lapses_at", "a request's deadline never moves later"),
                (
                    "NEW.approvals_required < OLD.approvals_required",
                    "a grant never needs fewer approvals than before",
                ),
                (
                    "OLD.starts_at IS NOT NULL AND (NEW.starts_at IS NULL"
                    " OR NEW.starts_at < OLD.starts_at OR NEW.ends_at > OLD.ends_at)",
                    "a grant's end never moves later nor its start earlier",
                ),
                (
                    "OLD.closed_at IS NOT NULL AND NEW.closed_at IS DISTINCT FROM OLD.closed_at",
                    "a closed grant stays closed",
                ),
                (
                    "NEW.all_installs AND NOT OLD.all_installs",
                    "a grant for named installs never covers all",
                ),
                (
                    "NEW.reviewed_at IS NOT NULL AND OLD.reviewed_at IS NULL AND NOT EXISTS"
                    " (SELECT 1 FROM policies_breakglassreview r WHERE r.grant_id = NEW.id)",
                    "only a review makes a break-glass grant reviewed",
                ),
                (
                    "OLD.reviewed_at IS NOT NULL"
                    " AND NEW.reviewed_at IS DISTINCT FROM OLD.reviewed_at",
                    "a review is never taken back",
                ),
                ("NEW.version < OLD.version", "a grant's version never goes back"),
                (
                    "OLD.state = 'requested' AND NEW.state IN ('scheduled', 'active')"
                    f" AND ({_GIVEN}) < NEW.approvals_required",
                    "a grant starts with the approvals of people who may approve now",
                ),
                (
                    "OLD.state = 'scheduled' AND NEW.state = 'active'"
                    f" AND ({_GIVEN}) < NEW.approvals_required",
                    "a grant starts with the approvals of people who may approve now",
                ),
            ],
        ),
        "policies_guard_grant_insert": (
            "policies_grant",
            "INSERT",
            [
                (
                    "NEW.reviewed_at IS NOT NULL",
                    "only a review makes a break-glass grant reviewed",
                ),
                (
                    "EXISTS (SELECT 1 FROM policies_grant g WHERE g.id = NEW.id"
                    " OR (NEW.break_glass AND g.break_glass AND g.reviewed_at IS NULL"
                    " AND g.beneficiary_id = NEW.beneficiary_id)"
                    " OR (NEW.state = 'requested' AND g.state = 'requested'"
                    " AND g.requester_id = NEW.requester_id"
                    " AND g.beneficiary_id = NEW.beneficiary_id"
                    " AND g.tenant_key = NEW.tenant_key"
                    " AND g.extension_key = NEW.extension_key))",
                    "a grant is never replaced",
                ),
                (
                    "NEW.state <> 'requested' AND NOT (NEW.break_glass AND NEW.state = 'active')",
                    "a grant is requested before it is anything else",
                ),
                ("NEW.version <> 1", "a grant's version starts at 1"),
            ],
        ),
        "policies_guard_grant_delete": (
            "policies_grant",
            "DELETE",
            [("OLD.break_glass", "a break-glass grant is never deleted")],
        ),
        "policies_guard_installs_insert": (
            "policies_grant_installs",
            "INSERT",
            [
                (
                    "NOT EXISTS (SELECT 1 FROM policies_grant g WHERE g.id = NEW.grant_id AND"
                    " ((g.break_glass AND g.version = 1 AND g.closed_at IS NULL"
                    " AND NOT g.all_installs)"
                    " OR (g.state = 'requested' AND NOT EXISTS"
                    " (SELECT 1 FROM policies_approval a WHERE a.grant_id = g.id))))",
                    "no install is added to a grant that somebody has judged",
                )
            ],
        ),
        "policies_guard_installs_update": (
            "policies_grant_installs",
            "UPDATE",
            [("1 = 1", "a grant's installs are never rewritten")],
        ),
        "policies_guard_approval_insert": (
            "policies_approval",
            "INSERT",
            [
                (
                    f"{_GRANT_PARTY} AND g.state = 'requested')",
                    "an approval is for a pending grant and carries its requester and beneficiary",
                ),
                (
                    "NOT ({judge:NEW.approver_id})",
                    "an approval comes from an operator who is active and not locked",
                ),
                (
                    "EXISTS (SELECT 1 FROM policies_approval a WHERE a.id = NEW.id"
                    " OR (a.grant_id = NEW.grant_id AND a.approver_id = NEW.approver_id))",
                    "an approval is never replaced",
                ),
            ],
        ),
        "policies_guard_approval_update": (
            "policies_approval",
            "UPDATE",
            [("1 = 1", "an approval is never rewritten")],
        ),
        "policies_guard_review_insert": (
            "policies_breakglassreview",
            "INSERT",
            [
                (
                    f"{_GRANT_PARTY} AND g.break_glass)",
                    "a review is for a break-glass grant and carries its requester and beneficiary",
                ),
                (
                    "NOT ({judge:NEW.reviewer_id})",
                    "a review comes from an operator who is active and not locked",
                ),
                (
                    "EXISTS (SELECT 1 FROM policies_grant g WHERE g.id = NEW.grant_id"
                    " AND g.closed_at IS NULL AND g.ends_at > {now})",
                    "a break-glass grant is reviewed when it is over",
                ),
                (
                    "EXISTS (SELECT 1 FROM policies_breakglassreview r WHERE r.id = NEW.id"
                    " OR r.grant_id = NEW.grant_id)",
                    "a review is never replaced",
                ),
            ],
        ),
        "policies_guard_review_update": (
            "policies_breakglassreview",
            "UPDATE",
            [("1 = 1", "a review is never rewritten")],
        ),
        "policies_guard_review_delete": (
            "policies_breakglassreview",
            "DELETE",
            [("1 = 1", "a review is never deleted")],
        ),
        "policies_guard_approval_delete": (
            "policies_approval",
            "DELETE",
            [
                (
                    "EXISTS (SELECT 1 FROM policies_grant g WHERE g.id = OLD.grant_id)",
                    "an approval is never deleted",
                )
            ],
        ),
        "policies_guard_install_update": (
            "policies_install",
            "UPDATE",
            [
                (
                    "(NEW.id <> OLD.id OR NEW.key <> OLD.key OR NEW.tenant_id <> OLD.tenant_id"
                    " OR NEW.extension_id <> OLD.extension_id) AND EXISTS (SELECT 1"
                    " FROM policies_grant_installs i JOIN policies_grant g ON g.id = i.grant_id"
                    " WHERE i.install_id = OLD.id AND g.closed_at IS NULL)",
                    "an install that an open grant names is never renamed or moved",
                )
            ],
        ),
        **change_triggers.rules(),
    }


def guards() -> Guards:
    """The triggers, for both databases."""
    functions, made, lite = [], [], []
    for name, (table, event, rules) in _rules().items():
        checks = "".join(
            f" IF {trigger_words.filled(condition, 'postgresql')}"
            f" THEN RAISE EXCEPTION '{_quoted(said)}'"
            " USING ERRCODE = 'check_violation'; END IF;"
            for condition, said in rules
        )
        gone = "OLD" if event == "DELETE" else "NEW"
        functions.append(Function(name=name, body=f" BEGIN{checks} RETURN {gone}; END "))
        made.append(
            Trigger(name=name, table=table, timing="BEFORE", events=(event,), function=name)
        )
        for i, (condition, said) in enumerate(rules):
            # IS DISTINCT FROM came to SQLite with 3.39; IS NOT says the same there always.
            when = trigger_words.filled(condition, "sqlite")
            when = when.replace("IS DISTINCT FROM", "IS NOT")
            what = (
                f"BEFORE {event} ON {table} FOR EACH ROW WHEN {when}"
                f" BEGIN SELECT RAISE(ABORT, '{_quoted(said)}'); END"
            )
            lite.append(SqliteTrigger(name=f"{name}_{i}", table=table, what=what))
    return Guards(functions=functions, triggers=made, sqlite=lite)


def _quoted(text: str) -> str:
    return text.replace("'", "''")
