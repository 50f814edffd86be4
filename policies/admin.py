"""Registers the operator's desk with the admin; what it shows is in `policies.desk`."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
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

# Tables of django-allauth. A provider is a setting and an account's identity is a
# `policies.models.SignInIdentity`; second factors are added and removed by their owner alone.
for _hidden in (Authenticator, EmailAddress, SocialAccount, SocialApp, SocialToken):
    admin.site.unregister(_hidden)
