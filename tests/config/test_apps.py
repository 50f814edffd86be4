"""The console's own app: its checks run, and the admin names the environment."""

from typing import Any

import pytest
from django.core.checks import run_checks
from django.test import RequestFactory

from config.apps import environment_badge


def test_the_settings_are_checked(settings: Any):
    settings.EXT_DEBUG_ORIGINS = ["nowhere"]
    assert "console.E202" in [message.id for message in run_checks(tags=["console"])]


@pytest.mark.parametrize(
    ("environment", "production", "badge"),
    [
        ("production", True, ["Production", "danger"]),
        ("staging", False, ["Staging", "info"]),
    ],
)
def test_production_is_red(settings: Any, environment: str, production: bool, badge: list[str]):
    settings.EXT_DEBUG_ENVIRONMENT, settings.PRODUCTION = environment, production
    assert environment_badge(RequestFactory().get("/admin/")) == badge
