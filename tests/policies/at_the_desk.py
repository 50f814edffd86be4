"""Short ways to use the admin as an operator: sign in, open a session's row, address an act."""

from django.contrib.auth.models import User
from django.test import Client

from extdebug.models import DebugSession
from extdebug.wire.keys import Target
from policies import access
from policies.models import Grant
from tests.extdebug.opened_rows import open_row
from tests.policies.conftest import TARGET


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def watch(user: User, **target: str) -> DebugSession:
    """A live session's row, opened as a socket opens it."""
    at = Target(**{**TARGET, **target})
    viewer = access.viewer_of(user, transport="ws")
    decision, held = open_row(viewer, at)
    assert held is not None, decision.reason
    return DebugSession.objects.get(pk=held.id)


def act(grant: Grant, verb: str) -> str:
    return f"/admin/policies/grant/{grant.pk}/{verb}/"


def state(grant: Grant) -> str:
    return Grant.objects.get(pk=grant.pk).state


def seen(client: Client, url: str) -> dict[str, str]:
    """What a form of the admin carries of the row it was made from."""
    return {"_seen": client.get(url).context["seen"]}
