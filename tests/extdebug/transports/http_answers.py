"""Short ways to post JSON to the HTTP API and to read what it answers."""

from __future__ import annotations

import json
from typing import Any

from django.test import AsyncClient


async def said(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.content
    body: dict[str, Any] = json.loads(response.content)
    return body


async def post(client: AsyncClient, path: str, body: object) -> Any:
    return await client.post(path, json.dumps(body), content_type="application/json")
