"""Registers the operator's desk with the admin; what it shows is in `policies.desk`."""

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin

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

# Tables of django-allauth, none of which is in use: a provider is a setting, an account's identity
# is `policies.models.SignInIdentity`.
for _unused in (EmailAddress, SocialAccount, SocialApp, SocialToken):
    admin.site.unregister(_unused)
