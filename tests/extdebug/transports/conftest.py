"""A developer who is signed in to the HTTP API."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from asgiref.sync import sync_to_async
from django.test import AsyncClient

from extdebug.demo.sample import Cast
from extdebug.models import DebugSession


@pytest_asyncio.fixture
async def dan(cast: Cast) -> AsyncIterator[AsyncClient]:
    """A signed-in developer, as a script without CSRF checks enforced by the client."""
    client = AsyncClient()
    await sync_to_async(client.force_login)(cast.dan)
    yield client
    assert not await DebugSession.objects.aexists(), "nothing here opens a session"
