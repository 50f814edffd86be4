"""Puts together the grants that bear on a batch of questions, as facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from policies.decisions.facts import GrantFact
from policies.loading.snapshot import moment

# Beneficiary, tenant key, extension key, tenant row: both the row and its name, so that a renamed
# tenant's grants do not open the next tenant of that name.
About = tuple[int, str, str, int | None]


def of_rows(rows: Mapping[str, Sequence[Sequence[Any]]]) -> dict[About, list[GrantFact]]:
    """Grants that were ever activated and are open or were closed within the hour, oldest first."""
    installs: dict[int, set[str]] = {}
    for grant_id, key in rows["granted"]:
        installs.setdefault(grant_id, set()).add(key)
    found: dict[About, list[GrantFact]] = {}
    for row in sorted(rows["grants"], key=lambda row: row[0]):
        (
            pk, beneficiary, tenant_key, extension_key, tenant_id, environment, all_installs,
            capabilities, starts_at, ends_at, closed_at, state, closed_reason, approvals_required,
            break_glass, reason, approvals,
        ) = row  # fmt: skip
        found.setdefault((beneficiary, tenant_key, extension_key, tenant_id), []).append(
            GrantFact(
                id=pk,
                beneficiary=beneficiary,
                tenant=tenant_key,
                extension=extension_key,
                environment=environment,
                all_installs=bool(all_installs),
                installs=frozenset(installs.get(pk, ())),
                capabilities=frozenset(capabilities),
                starts_at=moment(starts_at),
                ends_at=moment(ends_at),
                closed_at=moment(closed_at),
                closed_as=state if closed_at else "",
                closed_reason=closed_reason,
                approvals=approvals,
                approvals_required=approvals_required,
                break_glass=bool(break_glass),
                reason=reason,
            )
        )
    return found
