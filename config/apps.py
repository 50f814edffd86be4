"""The console as a Django app: registers its system checks and names its environment."""

from django.apps import AppConfig
from django.conf import settings
from django.http import HttpRequest


class ConsoleConfig(AppConfig):
    name = "config"
    label = "console"
    verbose_name = "Extension Debug Console"

    def ready(self) -> None:
        from config import checks  # noqa: F401  (registers them)


def environment_badge(request: HttpRequest) -> list[str]:
    """The admin's badge: production in red, so that nobody mistakes one tab for another."""
    environment: str = settings.EXT_DEBUG_ENVIRONMENT
    return [environment.title(), "danger" if settings.PRODUCTION else "info"]
