"""The policies app: puts its triggers in place after every migration."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class PoliciesConfig(AppConfig):
    name = "policies"
    verbose_name = "Policies"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        # Importing registers the checks.
        from policies.database import checks, version_triggers  # noqa: F401
        from policies.grants import checks as alarms  # noqa: F401

        post_migrate.connect(
            version_triggers.after_migrate,
            sender=self,
            dispatch_uid="policies.database.version_triggers",
        )
