"""Each bad setting stops the console with an id and a hint; good ones pass without a word."""

from typing import Any

import pytest
from pytest_django import Settings

from config import checks

GOOD_SECRET = "Q7v-3kd9_xLm2PzR8tYw4nBc6sJf1hGa"
PRODUCTION: dict[str, Any] = {
    "EXT_DEBUG_ENVIRONMENT": "production",
    "PRODUCTION": True,
    "DEBUG": False,
    "HTTPS_ONLY": True,
    "SECRET_KEY": GOOD_SECRET,
    "REDACTION_KEY": GOOD_SECRET[::-1],
    "METRICS_TOKEN": f"m{GOOD_SECRET}",
    "AUDIT_SIGNING_KEY": "0123456789abcdef" * 4,
    "AUDIT_CHECKPOINT_DIR": "/var/lib/checkpoints",
    "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
    "TRUSTED_PROXIES": ["10.0.0.7"],
    "CSRF_TRUSTED_ORIGINS": ["https://console.example"],
    "EXT_DEBUG_ORIGINS": ["https://console.example"],
    "ALLOWED_HOSTS": ["console.example"],
    "REDIS_URL": "rediss://redis.example:6379/0",
    "EXT_DEBUG_STREAM_MODE": "redis",
    "CHANNEL_LAYERS": {"default": {"BACKEND": "config.patient_layer.PatientLayer"}},
    "DATABASES": {"default": {"ENGINE": "django.db.backends.postgresql"}},
}
DEVELOPMENT: dict[str, Any] = {
    **PRODUCTION,
    "EXT_DEBUG_ENVIRONMENT": "development",
    "PRODUCTION": False,
    "HTTPS_ONLY": False,
}


def ids(settings: Settings, values: dict[str, Any]) -> list[str]:
    for name, value in values.items():
        setattr(settings, name, value)
    found = checks.check_settings()
    assert all(message.hint for message in found)
    return [str(message.id) for message in found]


@pytest.fixture(autouse=True)
def _databases_setting_is_only_read(recwarn: pytest.WarningsRecorder) -> None:
    """Django warns when a test overrides DATABASES, because nothing reconnects. None needs to."""


@pytest.mark.parametrize("good", [PRODUCTION, DEVELOPMENT], ids=["production", "development"])
def test_good_settings_pass_without_a_word(settings: Settings, good: dict[str, Any]):
    assert ids(settings, good) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"SECRET_KEY": "insecure-for-development-only-" + "x" * 32}, "console.E101"),
        ({"SECRET_KEY": "short"}, "console.E102"),
        ({"SECRET_KEY": "ab" * 40}, "console.E102"),
        ({"REDACTION_KEY": "guessable"}, "console.E103"),
        ({"REDACTION_KEY": GOOD_SECRET}, "console.E104"),
        ({"REDACTION_KEY": ""}, "console.W105"),
        ({"METRICS_TOKEN": ""}, "console.W106"),
        ({"METRICS_TOKEN": "x"}, "console.E110"),
        ({"METRICS_TOKEN": "x" * 64}, "console.E110"),
        ({"TRUSTED_PROXIES": ["*"]}, "console.E207"),
        ({"TRUSTED_PROXIES": ["10.0.0.7", "*"]}, "console.E207"),
        ({"CSRF_TRUSTED_ORIGINS": ["https://*.example"]}, "console.E208"),
        ({"CSRF_TRUSTED_ORIGINS": ["https://*"]}, "console.E208"),
        ({"AUDIT_SIGNING_KEY": ""}, "console.W502"),
        ({"AUDIT_CHECKPOINT_DIR": ""}, "console.W503"),
        ({"EMAIL_BACKEND": "django.core.mail.backends.console.EmailBackend"}, "console.W504"),
        ({"EMAIL_BACKEND": "django.core.mail.backends.dummy.EmailBackend"}, "console.W504"),
        ({"EXT_DEBUG_WEBHOOK_URL": "https://hooks.example/x"}, "console.E109"),
        ({"DEBUG": True}, "console.E108"),
        ({"SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies"}, "console.E201"),
        ({"SESSION_ENGINE": "django.contrib.sessions.backends.cache"}, "console.E201"),
        ({"EXT_DEBUG_ORIGINS": ["console.example"]}, "console.E202"),
        ({"EXT_DEBUG_ORIGINS": ["https://*.example"]}, "console.E202"),
        ({"EXT_DEBUG_ORIGINS": ["http://console.example"]}, "console.E203"),
        ({"EXT_DEBUG_ORIGINS": []}, "console.E204"),
        ({"HTTPS_ONLY": False}, "console.W205"),
        ({"ALLOWED_HOSTS": ["*"]}, "console.E206"),
        ({"TRUSTED_PROXIES": [], "BEHIND_TLS_PROXY": False}, "console.W209"),
        ({"REDIS_URL": ""}, "console.E301"),
        ({"DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3"}}}, "console.W303"),
        (
            {"CHANNEL_LAYERS": {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}},
            "console.W304",
        ),
        ({"EXT_DEBUG_STREAM_MODE": "auto", "RUNNER_URL": ""}, "console.E404"),
        ({"EXT_DEBUG_STREAM_MODE": "auto", "RUNNER_URL": "", "REDIS_URL": ""}, "console.E403"),
    ],
)
def test_a_bad_setting_is_named(settings: Settings, change: dict[str, Any], expected: str):
    assert ids(settings, {**PRODUCTION, **change}) == [expected]


def test_the_fallback_needs_both_of_its_secrets(settings: Settings):
    fallback = {"EXT_DEBUG_STREAM_MODE": "auto", "RUNNER_URL": "http://runner:8090"}
    weak = {"RUNNER_AUTH_TOKEN": "", "RUNNER_DEBUG_STREAM_SECRET": "short"}
    strong = dict.fromkeys(weak, GOOD_SECRET)
    assert ids(settings, {**PRODUCTION, **fallback, **weak}) == ["console.E405"] * 2
    assert ids(settings, {**PRODUCTION, **fallback, **strong}) == []


def test_development_is_told_gently(settings: Settings):
    change = {"REDIS_URL": "", "EXT_DEBUG_ORIGINS": []}
    assert ids(settings, {**DEVELOPMENT, **change}) == ["console.W204", "console.W301"]


def test_a_deploy_check_asks_redis(settings: Settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    (away,) = checks.check_redis()
    assert (away.id, away.is_serious()) == ("console.W305", False)
    assert "nobody listens on this port" in away.msg
    settings.EXT_DEBUG_STREAM_MODE = "runner"
    assert checks.check_redis() == []
