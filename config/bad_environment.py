"""The error of an environment that the console cannot start with, and addresses taken apart."""

from __future__ import annotations

from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from extdebug.wire.environment.setting import Environment


class BadEnvironment(ImproperlyConfigured):
    """One line for each setting that is wrong: name, what was expected, what arrived."""


def refuse_bad(environment: Environment) -> None:
    """BadEnvironment if anything that was read is wrong."""
    if environment.problems:
        raise BadEnvironment("\n".join(environment.problems))


def database(url: str) -> dict[str, Any]:
    """Django's settings of one database; `url` is one that DATABASE_URL accepts."""
    configuration: dict[str, Any] = environ.Env.db_url_config(url)
    return configuration


def mail(url: str) -> dict[str, Any]:
    """Django's EMAIL_ settings; `url` is one that EMAIL_URL accepts."""
    configuration: dict[str, Any] = environ.Env.email_url_config(url)
    return configuration
