"""The audit app: installs the trail's triggers after each migration and registers its checks."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AuditConfig(AppConfig):
    name = "audit"
    verbose_name = "Audit trail"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from audit import checks, guards  # noqa: F401  (importing registers the checks)

        post_migrate.connect(guards.after_migrate, sender=self, dispatch_uid="audit.guards")
