"""The extdebug app: the live path and its sessions."""

from django.apps import AppConfig


class ExtdebugConfig(AppConfig):
    name = "extdebug"
    verbose_name = "Sessions and streams"
    default_auto_field = "django.db.models.BigAutoField"
