"""One-use tickets: one person, one target, one use, thirty seconds."""

import datetime as dt

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from extdebug.demo.sample import Cast
from policies import access
from policies.identity import tickets, tokens
from policies.identity.tickets import TicketRefused
from policies.models import Ticket
from tests.fixtures.console import session_key
from tests.policies.conftest import TARGET

pytestmark = pytest.mark.django_db


def issue(cast: Cast) -> str:
    return access.issue_ticket(access.viewer_of(cast.dan, transport="page"), **TARGET)


def test_a_ticket_carries_its_person_and_target_once(cast: Cast) -> None:
    raw = issue(cast)
    redeemed = access.redeem_ticket(raw, ip="192.0.2.7")
    assert redeemed is not None
    viewer, tenant, extension = redeemed
    assert (viewer.user_id, viewer.username, viewer.transport) == (cast.dan.pk, "dan", "ws")
    assert (tenant, extension) == ("acme", "invoice-sync")
    assert access.redeem_ticket(raw, ip="") is None


def test_a_ticket_lasts_thirty_seconds(cast: Cast) -> None:
    raw = issue(cast)
    ticket = Ticket.objects.get()
    assert ticket.expires_at - ticket.created_at == dt.timedelta(seconds=30)
    Ticket.objects.update(expires_at=timezone.now())
    assert access.redeem_ticket(raw, ip="") is None
    assert tickets.prune() == 1


def test_the_ticket_is_kept_as_a_digest(cast: Cast) -> None:
    raw = issue(cast)
    assert raw not in [str(value) for value in Ticket.objects.values_list().get()]


def test_an_unknown_ticket_opens_nothing(cast: Cast) -> None:
    for raw in ("", "nonsense", "x" * 10_000):
        assert access.redeem_ticket(raw, ip="") is None


def test_a_ticket_gives_no_authority_of_its_own(cast: Cast) -> None:
    raw = access.issue_ticket(access.viewer_of(cast.mallory, transport="page"), **TARGET)
    redeemed = access.redeem_ticket(raw, ip="")
    assert redeemed is not None
    assert access.decide(redeemed[0], **TARGET).code == "not_found"


def test_a_logout_ends_what_the_ticket_opened(cast: Cast) -> None:
    key = session_key(cast.dan)
    raw = access.issue_ticket(
        access.viewer_of(cast.dan, transport="page", session_key=key), **TARGET
    )
    redeemed = access.redeem_ticket(raw, ip="")
    assert redeemed is not None
    assert access.live_principals([redeemed[0]]) == {0}
    Session.objects.all().delete()
    assert access.live_principals([redeemed[0]]) == set()


def test_a_tokens_ticket_keeps_the_tokens_scope(cast: Cast) -> None:
    issued = tokens.issue(cast.dan, name="ci", tenant=cast.globex)
    holder = access.viewer_from_token(issued.raw, transport="page", ip="")
    assert holder is not None
    redeemed = access.redeem_ticket(access.issue_ticket(holder, **TARGET), ip="")
    assert redeemed is not None
    assert access.decide(redeemed[0], **TARGET).code == "not_found"


def test_nobody_hoards_tickets(cast: Cast) -> None:
    for _ in range(tickets.OPEN_AT_ONCE):
        issue(cast)
    with pytest.raises(TicketRefused, match="wait 30 seconds"):
        issue(cast)
    Ticket.objects.update(expires_at=timezone.now())
    issue(cast)
    assert Ticket.objects.count() == 1
