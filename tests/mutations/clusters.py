"""Planted faults in how a cluster is followed, each with the tests that must notice it."""

from __future__ import annotations

from typing import Final

from tests.mutations.runner import Mutation

CLUSTERS: Final = [
    Mutation(
        "who took a node's place is believed to have got all that it held",
        "extdebug/wire/redis_cluster.py",
        "found.id != myself and still else", "found.id != myself else",
        "tests/extdebug/wire/test_redis_cluster.py -k still_owns_others",
    ),
    Mutation(
        "another node than the heir is taken for it", "extdebug/streams/server_identity.py",
        "bool(heir) and node == heir and", "bool(heir) and",
        "tests/extdebug/streams/test_server_identity.py -k without_proof",
    ),
    Mutation(
        "an heir that started again is believed to have forgotten nothing",
        "extdebug/streams/server_identity.py",
        "silent + 1 < min(uptime, HEIR_SECONDS + 1)", "silent < HEIR_SECONDS",
        "tests/extdebug/streams/test_server_identity.py -k without_proof",
    ),
    Mutation(
        "who took the place of the node to which a slot was on its way is believed",
        "extdebug/streams/connection.py",
        "if self._on_its_way_to not in (None, gone.place):", "if False:",
        "tests/extdebug/streams/test_connection.py -k place_of_the_heir",
    ),
    Mutation(
        "the word of one node counts for all that are met later",
        "extdebug/streams/server_identity.py",
        'heir, self._heir = self._heir, ""', "heir = self._heir",
        "tests/extdebug/streams/test_server_identity.py -k next_server_alone",
    ),
    Mutation(
        "a slot that moved is asked for where it was", "extdebug/streams/connection.py",
        "                if self._address.nodes:\n                            await",
        "                if False:\n                            await",
        "tests/extdebug/streams/test_connection.py -k is_followed",
    ),
    Mutation(
        "what wakes the reader stays with the node where it was", "extdebug/hub/tail.py",
        "        await self._control.follow(self._link)\n", "",
        "tests/extdebug/hub/test_hub.py -k next_stream_at_once",
    ),
    Mutation(
        "one node that was cut off moves everybody to an old owner",
        "extdebug/wire/redis_cluster.py",
        "count * 2 > len(address.nodes)", "count > 0",
        "tests/extdebug/wire/test_redis_cluster.py -k most_of_the_nodes",
    ),
    Mutation(
        "a key with somebody else's bucket is read", "extdebug/wire/keys.py",
        "bucketed=bucketed) == key", "bucketed=bucketed) != ''",
        "tests/extdebug/wire/test_keys.py -k another_bucket",
    ),
    Mutation(
        "a life goes on under the first run, although another was named meanwhile",
        "extdebug/streams/epochs.py",
        'newest = max(epochs, default="")',
        'newest = max((one for one in epochs if of_run(one, run_id)), default="")',
        "tests/extdebug/streams/test_epochs.py -k replaced_meanwhile",
    ),
    Mutation(
        "a stream that moved on before it was read has lost its end",
        "extdebug/streams/server_identity.py",
        "(self.run_id, *self.moved_from)[:MOST_MOVES] if met else ()",
        "(self.run_id,) if met else ()", "tests/extdebug/hub/test_lives_that_move.py",
    ),
    Mutation(
        "a move that nobody saw is believed for those around it",
        "extdebug/streams/server_identity.py",
        "(self.run_id, *self.moved_from)[:MOST_MOVES] if met else ()",
        "(self.run_id, *self.moved_from) if met else self.moved_from",
        "tests/extdebug/hub/test_lives_that_move.py",
    ),
    Mutation(
        "a stream that was moved whole is a loss to all", "extdebug/hub/stream_life.py",
        "moved = snapshot.exists and bool(self._moved(snapshot))", "moved = False",
        "tests/extdebug/hub/test_lives_that_move.py -k moved_whole",
    ),
    Mutation(
        "who did not see a stream move does not believe who did", "extdebug/hub/snapshots.py",
        'snapshot.run(told.get("run_id", ""))', 'told.get("run_id", "")',
        "tests/extdebug/hub/test_snapshots.py -k run_is_the_one",
    ),
    Mutation(
        "each bucket may hold what all together may", "extdebug/runner/publish/bucket_senders.py",
        "each.bound(dataclasses.replace(self._bounds, total_bytes=share))", "pass",
        "tests/extdebug/runner/publish/test_bucket_senders.py -k are_shared",
    ),
    Mutation(
        "the janitor tidies one node of a cluster", "extdebug/wire/redis_clients.py",
        "for place in masters(address)]", "for place in masters(address)[:1]]",
        "tests/extdebug/wire/test_redis_clients.py -k of_all_nodes",
    ),
    Mutation(
        "a TLS connection of the channel layer waits for the server's goodbye",
        "extdebug/wire/any_node.py", "self._writer.transport.abort()", "pass",
        "tests/extdebug/wire/test_any_node.py -k over_tls",
    ),
]  # fmt: skip
