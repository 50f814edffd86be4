"""Registers the operator's desk with the admin; what it shows is in `policies.desk`."""

from policies.desk import (
    change_requests,
    directory,
    grants,
    redaction,
    releases,
    rules,
    tokens,
    users,
)

__all__ = [
    "change_requests",
    "directory",
    "grants",
    "redaction",
    "releases",
    "rules",
    "tokens",
    "users",
]
