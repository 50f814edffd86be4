"""Registers the operator's desk with the admin; what it shows is in `policies.desk`."""

from policies.desk import directory, grants, redaction, rules, tokens, users

__all__ = ["directory", "grants", "redaction", "rules", "tokens", "users"]
