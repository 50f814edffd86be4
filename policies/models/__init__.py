"""The tables of policies, one module per part; import them from here."""

from policies.models.change_requests import ChangeRequest
from policies.models.directory import Extension, ExtensionDeveloper, Install, Membership, Tenant
from policies.models.grants import Approval, BreakGlassReview, Grant
from policies.models.kept_rows import KeptRow
from policies.models.keys import AccessToken, Notice, Opening, PolicyVersion, Ticket
from policies.models.releases import DirectoryRelease
from policies.models.rules import (
    Capability,
    Consent,
    EnvironmentPolicy,
    Limits,
    Lock,
    ProductionMode,
    RedactionRule,
)
from policies.models.sign_in import PasswordDoor, RoleByGroup, SignInIdentity

__all__ = [
    "AccessToken",
    "Approval",
    "BreakGlassReview",
    "Capability",
    "ChangeRequest",
    "Consent",
    "DirectoryRelease",
    "EnvironmentPolicy",
    "Extension",
    "ExtensionDeveloper",
    "Grant",
    "Install",
    "KeptRow",
    "Limits",
    "Lock",
    "Membership",
    "Notice",
    "Opening",
    "PasswordDoor",
    "PolicyVersion",
    "ProductionMode",
    "RedactionRule",
    "RoleByGroup",
    "SignInIdentity",
    "Tenant",
    "Ticket",
]
