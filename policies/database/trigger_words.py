"""Fills the placeholders of a trigger's condition in the words of one database.

`{now}`, `{judge:COLUMN}` (that user is an active operator without a lock), `{operator:COLUMN}` (an
active operator) and `{in:JSON:COLUMN}` (the JSON list has it). The same people as in
`policies.identity.operators`.
"""

from __future__ import annotations

import re
from typing import Final

_OPERATOR: Final = (
    "EXISTS (SELECT 1 FROM auth_user u WHERE u.id = {0} AND u.is_active AND u.is_staff"
    " AND (u.is_superuser OR EXISTS (SELECT 1 FROM auth_permission p"
    " JOIN django_content_type c ON c.id = p.content_type_id"
    " WHERE c.app_label = 'policies' AND p.codename = 'operate_debug'"
    " AND (EXISTS (SELECT 1 FROM auth_user_user_permissions d"
    " WHERE d.user_id = u.id AND d.permission_id = p.id)"
    " OR EXISTS (SELECT 1 FROM auth_group_permissions gp JOIN auth_user_groups ug"
    " ON ug.group_id = gp.group_id WHERE ug.user_id = u.id AND gp.permission_id = p.id)))))"
)
_UNLOCKED: Final = (
    "NOT EXISTS (SELECT 1 FROM policies_lock l WHERE l.user_id = {0}"
    " AND (l.expires_at IS NULL OR l.expires_at > {now}))"
)
_NOW: Final = {
    "postgresql": "clock_timestamp()",
    # Django's text format of a moment there, which compares as time.
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', 'now')",
}
_IN: Final = {
    "postgresql": r"(\1 @> to_jsonb(\2))",
    "sqlite": r"EXISTS (SELECT 1 FROM json_each(\1) WHERE value = \2)",
}


def filled(condition: str, vendor: str) -> str:
    """The condition with its placeholders in this database's words."""
    judge = f"({_OPERATOR} AND {_UNLOCKED})"
    for name, text in (("judge", judge), ("operator", _OPERATOR)):
        found = rf"\{{{name}:([\w.]+)\}}"
        condition = re.sub(found, text.replace("{0}", r"\1"), condition)
    condition = re.sub(r"\{in:([\w.]+):([\w.]+)\}", _IN[vendor], condition)
    return condition.replace("{now}", _NOW[vendor])
