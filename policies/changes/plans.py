"""Turns a planned change into the row that it asks for, and into words for people."""

from __future__ import annotations

from typing import Any

from django.db import models as db_models
from django.db.models import Model

from policies.changes import row_records, row_state, second_person
from policies.changes.second_person import Plan
from policies.models import ChangeRequest


def target(row: ChangeRequest) -> Model | None:
    """The row as it is to be, locked and unsaved; None when it was changed meanwhile."""
    model = second_person.model_of(row.kind)
    if row.act == ChangeRequest.Act.ADD:
        instance = model()
    else:
        manager = model._base_manager  # noqa: SLF001 - documented: it sees every row
        stored = manager.select_for_update(of=("self",)).filter(pk=row.object_pk).first()
        if stored is None or second_person.fingerprint(row_state.state_of(stored)) != row.before:
            return None
        instance = stored
    for name, value in row.columns.items():
        setattr(instance, name, _python(model, name, value))
    return instance


def describe(row: ChangeRequest, plan: Plan) -> bool:
    """Set the columns that people read: a summary, what changes, and whose slice it belongs to.

    False when the row that it is about is gone.
    """
    model = second_person.model_of(plan.kind)
    manager = model._base_manager  # noqa: SLF001 - documented: it sees every row
    stored = manager.filter(pk=plan.object_pk).first() if plan.object_pk else None
    if plan.object_pk and stored is None:
        return False
    planned = model() if stored is None else manager.get(pk=plan.object_pk)
    for name, value in plan.columns.items():
        setattr(planned, name, _python(model, name, value))
    row.tenant_key, row.extension_key = row_records.about(planned)
    words = str(model._meta.verbose_name)  # noqa: SLF001 - Django's documented model API
    row.summary = f"{row.get_act_display()} {words}: {stored or planned}"[:300]
    row.shown = {**_shown(model, plan, stored), "why": plan.why}
    return True


def _shown(model: type[Model], plan: Plan, stored: Model | None) -> dict[str, Any]:
    """What is asked for in words: related rows by name instead of by number."""
    shown: dict[str, Any] = {}
    for attname, value in plan.columns.items():
        field: Any = next(f for f in model._meta.concrete_fields if f.attname == attname)  # noqa: SLF001
        was = None if stored is None else getattr(stored, attname)
        names = [_name(field, was), _name(field, value)]
        if names[0] != names[1]:
            shown[str(field.verbose_name)] = {"from": names[0], "to": names[1]}
    for name, pks in plan.related.items():
        relation: Any = model._meta.get_field(name)  # noqa: SLF001
        held = [] if stored is None else [str(each) for each in getattr(stored, name).all()]
        wanted = relation.related_model._default_manager.filter(pk__in=pks)  # noqa: SLF001
        shown[str(relation.verbose_name)] = {
            "from": ", ".join(sorted(held)),
            "to": ", ".join(sorted(str(each) for each in wanted)),
        }
    return {"changed": shown}


def _name(field: Any, value: Any) -> str:
    if value is None or value == "":
        return "–"
    if isinstance(field, db_models.ForeignKey):
        found = field.related_model._default_manager.filter(pk=value).first()  # noqa: SLF001
        return str(found or value)
    return str(value)


def _python(model: type[Model], attname: str, value: Any) -> Any:
    field: Any = next(f for f in model._meta.concrete_fields if f.attname == attname)  # noqa: SLF001
    if isinstance(field, db_models.ForeignKey):
        field = field.target_field
    return None if value is None else field.to_python(value)
