"""The one statement that reads what decisions stand on, in the dialects of both databases.

Each part of it is a list of rows in JSON. Words of the tables (`'admin'`, `'approve'`, ...) stand
here as they are stored; `tests/policies/loading/plain_facts.py` says the same with the ORM, and
both are compared over random worlds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LISTS: Final = ("users", "tenants", "owners", "whole", "extensions", "tokens")
ENVIRONMENT: Final = "environment"

_WITH: Final = """
WITH operate AS (
  SELECT p.id FROM auth_permission p JOIN django_content_type c ON c.id = p.content_type_id
  WHERE c.app_label = 'policies' AND p.codename = 'operate_debug'
), u AS (
  SELECT id, is_active, is_staff, is_superuser FROM auth_user WHERE id {users}
), t AS (
  SELECT id, key, suspended_at, consent_required FROM policies_tenant WHERE key {owners}
), e AS (
  SELECT id, key FROM policies_extension WHERE key {extensions}
), g AS (
  SELECT * FROM policies_grant
  WHERE beneficiary_id {users} AND tenant_key {tenants} AND extension_key {extensions}
    AND starts_at IS NOT NULL AND (closed_at IS NULL OR closed_at > {lately})
)"""

_OPERATES: Final = """(
  EXISTS (SELECT 1 FROM auth_user_user_permissions h JOIN operate ON operate.id = h.permission_id
          WHERE h.user_id = {user})
  OR EXISTS (SELECT 1 FROM auth_user_groups m
             JOIN auth_group_permissions h ON h.group_id = m.group_id
             JOIN operate ON operate.id = h.permission_id WHERE m.user_id = {user}))"""

# What applies to any extension, to those asked for, and to every one of a tenant whose streams
# without a tenant are asked for: of those each extension's word counts.
_APPLIES: Final = """(r.extension_id IS NULL OR r.extension_id IN (SELECT id FROM e)
  OR r.tenant_id IN (SELECT id FROM t WHERE key {whole}))"""

# An approval counts until the grant is activated only while its approver may approve.
_COUNTS: Final = """(g.state NOT IN ('requested', 'scheduled') OR EXISTS (
  SELECT 1 FROM auth_user j
  WHERE j.id = a.approver_id AND j.is_active AND j.is_staff AND (j.is_superuser OR {judges})
    AND NOT EXISTS (SELECT 1 FROM policies_lock l WHERE l.user_id = j.id
                    AND (l.expires_at IS NULL OR l.expires_at > {now}))))"""

# The columns of each part, as `policies.loading.facts` takes them.
PARTS: Final[dict[str, str]] = {
    "reading": """({array}(
        COALESCE((SELECT version FROM policies_policyversion WHERE id = 1), 0), {clock}))""",
    "environment": """({array}(r.enabled, r.grant_required, r.consent_required,
        r.approvals_required, r.max_grant_minutes, r.pending_minutes, r.break_glass,
        r.break_glass_minutes))
      FROM policies_environmentpolicy r WHERE r.environment = {environment}""",
    "users": """({array}(u.id, u.is_active,
        u.is_active AND u.is_staff AND (u.is_superuser OR {operates}))) FROM u""",
    "tenants": """({array}(t.key, t.id, t.suspended_at IS NOT NULL, t.consent_required)) FROM t""",
    "extensions": """({array}(e.key, e.id, EXISTS (
        SELECT 1 FROM policies_capability c WHERE c.extension_id = e.id
        AND c.install_id IS NULL AND c.name = 'cap:debug.logs'))) FROM e""",
    "installs": """({array}(i.tenant_id, i.extension_id, i.key, EXISTS (
        SELECT 1 FROM policies_capability c
        WHERE c.install_id = i.id AND c.name = 'cap:debug.logs')))
      FROM policies_install i JOIN t ON t.id = i.tenant_id JOIN e ON e.id = i.extension_id""",
    "members": """({array}(m.user_id, m.tenant_id))
      FROM policies_membership m JOIN u ON u.id = m.user_id JOIN t ON t.id = m.tenant_id
      WHERE m.role = 'admin'""",
    "developers": """({array}(d.user_id, d.extension_id, d.all_installs, i.key))
      FROM policies_extensiondeveloper d
      JOIN u ON u.id = d.user_id JOIN e ON e.id = d.extension_id
      LEFT JOIN policies_extensiondeveloper_installs n ON n.extensiondeveloper_id = d.id
      LEFT JOIN policies_install i ON i.id = n.install_id""",
    "locks": """({array}(r.id, r.user_id, r.tenant_id, r.extension_id, r.reason, r.expires_at))
      FROM policies_lock r
      WHERE r.user_id IN (SELECT id FROM u) OR r.tenant_id IN (SELECT id FROM t)
        OR r.extension_id IN (SELECT id FROM e)""",
    "consents": """({array}(r.id, r.tenant_id, r.extension_id, r.state = 'given', r.expires_at))
      FROM policies_consent r WHERE r.tenant_id IN (SELECT id FROM t) AND {applies}""",
    "off": """({array}(r.tenant_id, r.extension_id)) FROM policies_productionmode r
      WHERE (r.tenant_id IS NULL OR r.tenant_id IN (SELECT id FROM t)) AND {applies}
        AND r.mode <> 'grant'""",
    "limits": """({array}(r.tenant_id, r.extension_id, r.sessions_per_user, r.openings_per_minute,
        r.sessions_per_tenant, r.sessions_per_extension, r.events_per_second, r.bytes_per_second,
        r.ttl_seconds, r.max_ttl_seconds, r.window_bytes, r.ring_bytes))
      FROM policies_limits r
      WHERE (r.tenant_id IS NULL OR r.tenant_id IN (SELECT id FROM t))
        AND (r.extension_id IS NULL OR r.extension_id IN (SELECT id FROM e))""",
    "grants": """({array}(g.id, g.beneficiary_id, g.tenant_key, g.extension_key, g.tenant_id,
        g.environment, g.all_installs, {json}(g.capabilities), g.starts_at, g.ends_at,
        g.closed_at, g.state, g.closed_reason, g.approvals_required, g.break_glass, g.reason,
        (SELECT COUNT(*) FROM policies_approval a
         WHERE a.grant_id = g.id AND a.verdict = 'approve' AND a.approver_id <> g.requester_id
           AND a.approver_id <> g.beneficiary_id AND {counts}))) FROM g""",
    "granted": """({array}(n.grant_id, i.key)) FROM policies_grant_installs n
      JOIN g ON g.id = n.grant_id JOIN policies_install i ON i.id = n.install_id
      WHERE NOT g.all_installs""",
    "tokens": """({array}(k.id, k.owner_id, k.revoked_at IS NOT NULL, k.expires_at, kt.key,
        ke.key))
      FROM policies_accesstoken k LEFT JOIN policies_tenant kt ON kt.id = k.tenant_id
      LEFT JOIN policies_extension ke ON ke.id = k.extension_id WHERE k.id {tokens}""",
}


def statement(*, postgresql: bool, given: Mapping[str, str]) -> str:
    """The statement, whose answer is a JSON list of `PARTS`; `given` says how it names what it is
    given: `LISTS` and `ENVIRONMENT`."""
    # On SQLite in the format in which Django keeps times there, so that text compares as time. It
    # has milliseconds only: rounded up, so that nothing lasts beyond its end.
    time = "strftime('%Y-%m-%d %H:%M:%f', 'now', '{0}')"
    words = {
        "array": "json_build_array" if postgresql else "json_array",
        "json": "" if postgresql else "json",
        "clock": "clock_timestamp()" if postgresql else "NULL",
        "now": "clock_timestamp()" if postgresql else time.format("+0.001 seconds"),
        "lately": "clock_timestamp() - interval '1 hour'" if postgresql else time.format("-1 hour"),
        ENVIRONMENT: given[ENVIRONMENT],
    }
    among = "= ANY({})" if postgresql else "IN (SELECT value FROM json_each({}))"
    words |= {name: among.format(given[name]) for name in LISTS}
    words["operates"] = _OPERATES.format(user="u.id")
    words["applies"] = _APPLIES.format_map(words)
    words["counts"] = _COUNTS.format(judges=_OPERATES.format(user="j.id"), now=words["now"])
    # A list of no rows is NULL on PostgreSQL; on SQLite a subquery's JSON is text until it is told.
    gather = "(SELECT json_agg{})" if postgresql else "json((SELECT json_group_array{}))"
    parts = ",\n".join(gather.format(part.format_map(words)) for part in PARTS.values())
    return f"{_WITH.format_map(words)}\nSELECT {words['array']}({parts})"
