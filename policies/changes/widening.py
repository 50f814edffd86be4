"""Says which changes of a row widen somebody's access, and whose: those need a second person.

Narrowing is always free: an emergency must not wait for company. What widens:

- a membership or a developer's scope that is new, another person's, or larger;
- rights of an account that is active staff afterwards (staff, superuser, groups, permissions, by
  the account itself or through its group), and an account switched on that has such rights or
  speaks for a tenant;
- a capability that is given;
- a lock on a tenant or an extension, a suspension, an `off` mode or a withdrawal that is lifted,
  moved or ends earlier: these bind operators too; a lock on oneself (not one on another person);
- consent given or lengthened, or no longer required, when an operator says it;
- what the directory asks for, released;
- an environment's policy made laxer, or a redaction rule in force removed, changed or switched off.

Compares two `RowState`s, both as the database had them in the change's transaction.
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, User
from django.db.models import Model

from policies import models
from policies.changes.account_widening import group_widens, user_widens
from policies.changes.row_change import RowChange, Widening, ended
from policies.changes.row_state import RowState
from policies.decisions.facts import DEFAULT_RULES
from policies.identity.operators import is_operator


def widening(
    model: type[Model], pk: Any, before: RowState | None, after: RowState | None, *, by: User
) -> Widening | None:
    """What this change widens; None when it widens nothing. `before` None: new; `after`: gone."""
    rule = _RULES.get(model)
    return None if rule is None else rule(RowChange(pk, before, after, by))


def _membership(change: RowChange) -> Widening | None:
    if change.after is None or not change.moved("user_id", "tenant_id", "role"):
        return None
    return Widening("It makes a tenant's admin.", frozenset({change.now("user_id")}))


def _developer(change: RowChange) -> Widening | None:
    if change.after is None:
        return None
    had = change.before.related["installs"] if change.before else frozenset()
    # Of all installs the named ones are left: that is narrower, whichever they are.
    more = not change.was("all_installs") and change.after.related["installs"] - had
    wider = change.now("all_installs") and not change.was("all_installs")
    if not (more or wider or change.moved("user_id", "extension_id")):
        return None
    return Widening("It widens what a developer may watch.", frozenset({change.now("user_id")}))


def _capability(change: RowChange) -> Widening | None:
    if change.after is None or not change.moved("extension_id", "install_id", "name"):
        return None
    return Widening("It gives a capability.", _bound_by_capability(change))


def _bound_by_capability(change: RowChange) -> frozenset[int]:
    """The developers and tenant admins who gain by a capability of this extension."""
    extension, install = change.now("extension_id"), change.now("install_id")
    developers = models.ExtensionDeveloper.objects.filter(extension=extension)
    installs = models.Install.objects.filter(extension=extension)
    if install is not None:
        installs = installs.filter(pk=install)
    admins = models.Membership.objects.filter(tenant__installs__in=installs)
    return frozenset(developers.values_list("user_id", flat=True)) | frozenset(
        admins.values_list("user_id", flat=True)
    )


def _lock(change: RowChange) -> Widening | None:
    if change.before is None or ended(change.was("expires_at")):
        return None
    moved = change.after is None or change.moved("user_id", "tenant_id", "extension_id")
    if not moved and not _earlier(change.now("expires_at"), than=change.was("expires_at")):
        return None
    person = change.was("user_id")
    if person is None:
        return Widening("It lifts a lock that binds you too.")
    if person == change.by.pk:
        return Widening("It lifts the lock on yourself.", frozenset({person}))
    return None  # a second person is at work already


def _consent(change: RowChange) -> Widening | None:
    if not is_operator(change.by):
        return None
    given = models.Consent.State.GIVEN
    if change.before is not None and change.was("state") != given:
        moved = change.after is None or change.moved("tenant_id", "extension_id", "state")
        return Widening("It lifts a tenant's withdrawal of consent.") if moved else None
    if change.after is None or change.now("state") != given:
        return None
    longer = change.before is not None and _earlier(
        change.was("expires_at"), than=change.now("expires_at")
    )
    if change.moved("tenant_id", "extension_id", "state") or longer:
        return Widening("It enters a tenant's consent on the tenant's behalf.")
    return None


def _tenant(change: RowChange) -> Widening | None:
    if change.before is None:
        return None
    if change.after is None:
        return _with_its_rules(tenant=change.pk)
    if change.was("suspended_at") and not change.now("suspended_at"):
        return Widening("It ends a tenant's suspension.")
    lifted = change.was("consent_required") and not change.now("consent_required")
    if lifted and is_operator(change.by):
        return Widening("It ends the need for a tenant's consent.")
    return Widening("It renames a tenant's key.") if change.moved("key") else None


def _extension(change: RowChange) -> Widening | None:
    if change.before is None:
        return None
    if change.after is None:
        return _with_its_rules(extension=change.pk)
    return Widening("It renames an extension's key.") if change.moved("key") else None


def _install(change: RowChange) -> Widening | None:
    if change.before is None or change.after is None:
        return None
    if change.moved("key", "tenant_id", "extension_id"):
        return Widening("It moves an install that grants and developers refer to.")
    return None


def _release(change: RowChange) -> Widening | None:
    """Of what a run of the directory left: `policies.directory.releases`."""
    counts = change.now("released_at") is not None and change.now("used_at") is None
    if not counts or not change.moved("released_at", "used_at", "digest", "sections"):
        return None
    people = frozenset(int(each) for each in change.now("gainers"))
    return Widening("It lets the directory give what waits.", people)


def _with_its_rules(**owner: Any) -> Widening | None:
    """A target deleted takes its locks, modes and withdrawals along."""
    locks = models.Lock.objects.filter(**owner)
    off = models.ProductionMode.objects.filter(mode=models.ProductionMode.Mode.OFF, **owner)
    withdrawn = models.Consent.objects.filter(state=models.Consent.State.WITHDRAWN, **owner)
    if locks.exists() or off.exists() or withdrawn.exists():
        return Widening("It deletes locks, an 'off' mode or withdrawn consent with it.")
    return None


def _mode(change: RowChange) -> Widening | None:
    off = models.ProductionMode.Mode.OFF
    if change.was("mode") != off:
        return None
    if change.now("mode") == off and not change.moved("tenant_id", "extension_id"):
        return None
    return Widening("It lifts an 'off' mode.")


# Column of an environment's policy -> whether a larger value is the laxer one.
_LAXER: Final = {
    "enabled": True,
    "grant_required": False,
    "consent_required": False,
    "approvals_required": False,
    "max_grant_minutes": True,
    "break_glass": True,
    "break_glass_minutes": True,
}


def _environment(change: RowChange) -> Widening | None:
    """No row stands for the built-in rules; another environment's row binds nobody here."""
    if change.moved("environment") and change.before is not None and change.after is not None:
        return Widening("It moves a policy to another environment.")
    name = change.now("environment") or change.was("environment")
    if name != settings.EXT_DEBUG_ENVIRONMENT:
        return None
    built_in = DEFAULT_RULES.get(name)
    for column, larger in _LAXER.items():
        absent = getattr(built_in, column, None)
        was = absent if change.before is None else change.was(column)
        now = absent if change.after is None else change.now(column)
        if was is not None and now is not None and was != now and (now > was) == larger:
            return Widening("It makes an environment's policy laxer.")
    return None


def _redaction(change: RowChange) -> Widening | None:
    kept = change.now("enabled") and not change.moved("pattern", "keywords", "token")
    shows = change.was("enabled") and not kept
    return Widening("It shows what a redaction rule masks.") if shows else None


def _earlier(one: dt.datetime | None, *, than: dt.datetime | None) -> bool:
    """Whether the first end comes before the second; None never comes."""
    return one is not None and (than is None or one < than)


_RULES: Final = {
    models.Membership: _membership,
    models.ExtensionDeveloper: _developer,
    models.Capability: _capability,
    models.Lock: _lock,
    models.Consent: _consent,
    models.Tenant: _tenant,
    models.Extension: _extension,
    models.Install: _install,
    models.DirectoryRelease: _release,
    models.ProductionMode: _mode,
    models.EnvironmentPolicy: _environment,
    models.RedactionRule: _redaction,
    get_user_model(): user_widens,
    Group: group_widens,
}
