"""Planted faults in the fast ways to decide and to open."""

from __future__ import annotations

import sys
from typing import Final

from tests.mutations.runner import Mutation

STATEMENT: Final = "policies/database/facts_statement.py"
STATEMENT_TESTS: Final = "tests/policies/loading/test_snapshot.py"
ROWS: Final = "extdebug/sessions/open_rows.py"
ROWS_TESTS: Final = "tests/extdebug/sessions/test_open_rows.py"
GATHERED: Final = "extdebug/sessions/gathered.py"
LINK: Final = "extdebug/streams/connection.py"
COMEBACKS: Final = "extdebug/sessions/comebacks.py"
COMEBACKS_TESTS: Final = "tests/extdebug/sessions/test_comebacks.py"

OPENINGS: Final = [
    Mutation(
        "whoever asks in the moment of an answer waits for the next who asks", GATHERED,
        "            queue.carriers = {each for each in queue.carriers"
        " if each is not asyncio.current_task()}\n",
        "            asyncio.get_running_loop().call_soon(queue.carriers.clear)\n",
        "tests/extdebug/sessions/test_gathered.py",
    ),
    Mutation(
        "an approval of somebody locked counts", STATEMENT,
        "    AND NOT EXISTS (SELECT 1 FROM policies_lock l WHERE l.user_id = j.id\n"
        "                    AND (l.expires_at IS NULL OR l.expires_at > {now}))))",
        "    ))",
        STATEMENT_TESTS,
    ),
    Mutation(
        "a withdrawal for one extension is lost on the tenant's whole stream", STATEMENT,
        "  OR r.tenant_id IN (SELECT id FROM t WHERE key {whole}))", "  )",
        STATEMENT_TESTS,
    ),
    Mutation(
        "openings of one transaction do not see each other", ROWS,
        "                counts.add(wanted)\n", "",
        ROWS_TESTS,
    ),
    Mutation(
        "a session is gone on with by somebody else", COMEBACKS,
        "    theirs = (row.user_id, row.token_id) == (viewer.user_id, viewer.token_id)\n",
        "    theirs = True\n",
        COMEBACKS_TESTS,
    ),
    Mutation(
        "an answer is shared with a later question", "extdebug/sessions/gathered.py",
        "            await self._settle([each for each in taken if not each[1].done()])",
        "            await self._settle(taken)\n"
        "            while queue.waiting and taken[0][1].done():\n"
        "                queue.waiting.popleft()[1].set_result(taken[0][1].result())",
        "tests/extdebug/sessions/test_gathered.py",
    ),
]  # fmt: skip
if sys.version_info < (3, 12):  # later on wait_for passes a cancellation on
    OPENINGS.append(
        Mutation(
            "a client that leaves while a link connects is not noticed", LINK,
            "                await connection.connect()\n",
            "                await asyncio.wait_for(connection.connect(), CONNECT_TIMEOUT * 2)\n",
            "tests/extdebug/streams/test_connection.py -k moment_it_connects",
        )
    )  # fmt: skip
