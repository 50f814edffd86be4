import asyncio

import pytest

from extdebug.runner.context import RequestFlow, bind, current_flow
from extdebug.wire.events import BadId

FLOW = RequestFlow.of("acme", extension="invoice-sync", request="r-1")
OTHER = RequestFlow.of("globex", extension="report-maker", request="r-2")


def test_binding_nests_and_ends():
    assert current_flow() is None
    with bind(FLOW):
        with bind(OTHER):
            assert current_flow() is OTHER
        assert current_flow() is FLOW
    assert current_flow() is None


async def test_tasks_keep_their_own_flow():
    async def seen(flow: RequestFlow) -> bool:
        with bind(flow):
            await asyncio.sleep(0)
            return current_flow() is flow

    assert all(await asyncio.gather(*(seen(flow) for flow in (FLOW, OTHER) * 10)))


def test_ids_are_lower_cased_and_a_missing_tenant_is_unknown():
    assert RequestFlow.of("ACME", extension="Invoice-Sync").stream == ("acme", "invoice-sync")
    assert RequestFlow.of(None, extension="x").tenant == "unknown"


@pytest.mark.parametrize(
    "parts",
    [
        {"tenant": "a:b", "extension": "x"},
        {"tenant": "acme", "extension": "*"},
        {"tenant": "acme", "extension": "x", "install": "../up"},
        {"tenant": "acme", "extension": "x", "request": "a\nb"},
        {"tenant": "acme", "extension": "x", "version": "v" * 129},
    ],
)
def test_no_flow_with_an_id_that_could_reach_a_key_or_a_header(parts):
    with pytest.raises(BadId):
        RequestFlow.of(parts.pop("tenant"), **parts)
