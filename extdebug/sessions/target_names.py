"""What targets and their installs are called: the names of `ready` frames, many in three queries.

Synchronous ORM, called through `db`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from extdebug.protocol import server_frames
from extdebug.wire.keys import Target
from policies.models import Extension, Install, Tenant

MOST: Final = 200  # installs that are named

Named = tuple[Target, frozenset[str] | None]  # the installs as the decision shows them; None: all


def names_of(asked: Sequence[Named]) -> list[server_frames.ReadyTarget]:
    """What each target and its installs are called, as far as its decision shows them."""
    tenants = dict(
        Tenant.objects.filter(key__in={target.tenant for target, _ in asked}).values_list(
            "key", "name"
        )
    )
    extensions = dict(
        Extension.objects.filter(key__in={target.extension for target, _ in asked}).values_list(
            "key", "name"
        )
    )
    installs: dict[Target, list[server_frames.Named]] = {}
    rows = Install.objects.filter(tenant__key__in=tenants, extension__key__in=extensions)
    for tenant, extension, key, name in rows.order_by("key").values_list(
        "tenant__key", "extension__key", "key", "name"
    ):
        listed = installs.setdefault(Target(tenant, extension), [])
        listed.append(server_frames.Named(key, name or key))
    return [
        server_frames.ReadyTarget(
            tenant=target.tenant,
            extension=target.extension,
            tenant_name=tenants.get(target.tenant, target.tenant),
            extension_name=extensions.get(target.extension, target.extension),
            installs=tuple(
                [row for row in installs.get(target, ()) if shown is None or row.id in shown][:MOST]
            ),
        )
        for target, shown in asked
    ]
