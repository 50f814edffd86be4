"""One stream of a Redis in memory, as its documentation describes it: for the model test alone.

It answers the commands that the hub's readers send, without I/O, and remembers what was written in
each life of the stream, which no real server does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from redis.exceptions import ResponseError

from extdebug.streams import epochs
from extdebug.wire.keys import EPOCH_PREFIX
from extdebug.wire.positions import ZERO_ID, EntryId

Command = tuple[str | bytes | int, ...]


@dataclass(slots=True)
class Entry:
    """One thing that was written. `number` counts over all lives; `dropped` events of its producer
    were numbered before it and never sent, without a marker that says so."""

    number: int
    id: EntryId
    fields: list[bytes]
    kind: str  # event, marker, unreadable
    even: bool = False
    dropped: int = 0
    late: int = 0  # what a marker states that a number had shown before
    vanished: bool = False  # a restart brought an older copy without it
    held: bool = True  # until it was trimmed, deleted or vanished
    gone: int = 0  # when that was, by the server's count of such moments
    run: int = 1  # of the server that took it


@dataclass(slots=True)
class Life:
    """A stream from its creation to its end."""

    entries: list[Entry] = field(default_factory=list)
    added: int = 0
    top: EntryId = ZERO_ID
    deleted: EntryId = ZERO_ID
    groups: dict[bytes, EntryId] = field(default_factory=dict)
    ended: bool = False
    returned: bool = False  # it was away for a while, as after two SWAPDBs

    @property
    def held(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.held]


class Server:
    """What a key holds now, and all that it ever held."""

    def __init__(self) -> None:
        self.life: Life | None = None
        self.lives: list[Life] = []
        self.life_of: dict[str, Life] = {}  # by epoch
        self.run = 1
        self.now = 1_700_000_000_250  # milliseconds since 1970
        self.began = self.now  # this run
        self.replica_ms = 0  # so long it was a replica before
        self.aside: Life | None = None  # what another database holds
        self.written = 0
        self.dropped = 0  # by all producers
        self.disruptions = 0
        self.moment = 0
        self.soon: tuple[int, Callable[[], None]] | None = None  # before so many answers

    @property
    def run_id(self) -> str:
        return f"{self.run:08x}" * 5

    @property
    def info(self) -> bytes:
        """INFO server. Redis counts its uptime in whole seconds of the clock."""
        uptime = self.now // 1000 - (self.began - self.replica_ms) // 1000
        return (
            f"run_id:{self.run_id}\nuptime_in_seconds:{uptime}\nserver_time_usec:{self.now}000\n"
            f"master_replid2:{'5fe1' if self.replica_ms else '0000'}\n"
        ).encode()

    def run_of(self, epoch: str) -> int:
        """The run under which this name of a life was made."""
        runs = range(1, self.run + 1)
        return next(run for run in runs if epochs.of_run(epoch, f"{run:08x}" * 5))

    # --- what happens to the stream -----------------------------------------------------------

    def add(
        self, fields: dict[str, str], *, kind: str, even: bool, dropped: int, late: int = 0
    ) -> None:
        life = self._made()
        id = EntryId(self.now, 0)
        if id <= life.top:
            id = EntryId(life.top.ms, life.top.seq + 1)
        self.written += 1
        flat = [part.encode() for pair in fields.items() for part in pair]
        life.entries.append(Entry(self.written, id, flat, kind, even, dropped, late, run=self.run))
        life.added += 1
        life.top = id

    def _made(self) -> Life:
        if self.life is None:
            self.life = Life()
            self.lives.append(self.life)
        return self.life

    def trim(self, count: int) -> None:
        for entry in self.life.held[:count] if self.life else ():
            self._take(entry)

    def _take(self, entry: Entry) -> None:
        self.moment += 1
        entry.held, entry.gone = False, self.moment

    def delete(self, place: int) -> None:
        held = self.life.held if self.life else []
        if self.life and held:
            gone = held[place % len(held)]
            self._take(gone)
            self.life.deleted = max(self.life.deleted, gone.id)

    def replace(self) -> None:
        """DEL, FLUSHALL, SWAPDB, RENAME: the next write makes another stream."""
        if self.life is not None:
            self.life.ended = True
            self.life = None
            self.disruptions += 1

    def swap(self) -> None:
        """SWAPDB with a database that holds what was put there before, or nothing."""
        if self.life is None and self.aside is None:
            return
        if self.life is not None:
            self.life.ended = True
        self.life, self.aside = self.aside, self.life
        if self.life is not None:
            self.life.ended, self.life.returned = False, True
        self.disruptions += 1

    def restart(self, forgotten: int, *, nameless: bool, replica: bool = False) -> None:
        """The same stream under another run, without the last `forgotten` entries; `nameless`: and
        without the groups, which were made after the copy that it loads. `replica`: on a server
        that was there all the while and takes the place of the first."""
        self.replica_ms = 60_000 if replica else 0
        self.run += 1
        self.now += 20
        self.began = self.now
        self.aside = None
        self.disruptions += 1
        life = self.life
        if life is None:
            return
        left = [entry for entry in life.entries if not entry.vanished]
        for entry in left[len(left) - forgotten :] if forgotten else ():
            self._take(entry)
            entry.vanished = True
            life.added -= 1
        if nameless:
            life.groups.clear()
        left = [entry for entry in life.entries if not entry.vanished]
        life.top = left[-1].id if left else ZERO_ID
        # The copy holds the groups' places of its moment, never ahead of its entries.
        life.groups = {name: min(place, life.top) for name, place in life.groups.items()}

    def move(self) -> None:
        """The stream, whole, to another server of a cluster, which was up all the while."""
        self.run += 1
        self.now += 20
        self.began = self.now - 60_000

    # --- what readers ask ---------------------------------------------------------------------

    def asked(self) -> None:
        """Something may happen between two answers to one reader."""
        if self.soon is not None:
            left, happens = self.soon
            self.soon = (left - 1, happens) if left > 1 else None
            if left <= 1:
                happens()

    def answer(self, command: Command) -> Any:
        try:
            return self._answer(command)
        except ResponseError as error:
            return error

    def _answer(self, command: Command) -> Any:
        words = [word if isinstance(word, bytes) else str(word).encode() for word in command]
        match words:
            case [b"INFO", b"server"]:
                return self.info
            case [b"XINFO", b"STREAM", _]:
                return self._info()
            case [b"XINFO", b"GROUPS", _]:
                groups = self._life().groups.items()
                return [
                    [b"name", name, b"last-delivered-id", str(place).encode()]
                    for name, place in groups
                ]
            case [b"XGROUP", verb, _, name, *rest]:
                return self._group(verb, name, rest)
            case [b"XREAD", b"COUNT", count, b"STREAMS", key, after]:
                if self.life is None:
                    return None
                return self._reply(key, self._after(EntryId.parse(after), int(count)))
            case [b"XREADGROUP", b"GROUP", name, _, b"COUNT", count, b"NOACK", _, key, b">"]:
                if self.life is None or name not in self.life.groups:
                    raise ResponseError("NOGROUP No such key or consumer group")
                rows = self._after(self.life.groups[name], int(count))
                if rows:
                    self.life.groups[name] = rows[-1].id
                return self._reply(key, rows)
            case [b"XRANGE", _, first, last, *rest]:
                return [_row(entry) for entry in self._range(first, last)][: _count(rest)]
            case [b"XREVRANGE", _, last, first, *rest]:
                return [_row(entry) for entry in self._range(first, last)[::-1]][: _count(rest)]
        raise AssertionError(f"the model does not know {words}")

    def _life(self) -> Life:
        if self.life is None:
            raise ResponseError("no such key")
        return self.life

    def _info(self) -> list[Any]:
        life = self._life()
        held = life.held
        return [
            b"length", len(held), b"last-generated-id", str(life.top).encode(),
            b"max-deleted-entry-id", str(life.deleted).encode(), b"entries-added", life.added,
            b"first-entry", _row(held[0]) if held else None,
            b"last-entry", _row(held[-1]) if held else None,
        ]  # fmt: skip

    def _group(self, verb: bytes, name: bytes, rest: list[bytes]) -> Any:
        if verb == b"CREATE" and b"MKSTREAM" in rest:
            self._made()
        if self.life is None:
            raise ResponseError("The XGROUP subcommand requires the key to exist")
        groups = self.life.groups
        if verb == b"DESTROY":
            return int(groups.pop(name, None) is not None)
        if verb == b"CREATE" and name in groups:
            raise ResponseError("BUSYGROUP Consumer Group name already exists")
        if verb == b"SETID" and name not in groups:
            raise ResponseError("NOGROUP No such consumer group")
        place = rest[0]
        groups[name] = (
            self.life.top if place == b"$" else ZERO_ID if place == b"0" else EntryId.parse(place)
        )
        if name.startswith(EPOCH_PREFIX.encode()):
            self.life_of[name.decode()[len(EPOCH_PREFIX) :]] = self.life
        return b"OK"

    def _after(self, place: EntryId, count: int) -> list[Entry]:
        return [entry for entry in self._life().held if entry.id > place][:count]

    def _range(self, first: bytes, last: bytes) -> list[Entry]:
        found = self.life.held if self.life else []
        if first != b"-":
            low = EntryId.parse(first.lstrip(b"("))
            found = [e for e in found if e.id > low or (e.id == low and first[:1] != b"(")]
        if last != b"+":
            high = EntryId.parse(last.lstrip(b"("))
            found = [e for e in found if e.id < high or (e.id == high and last[:1] != b"(")]
        return found

    def _reply(self, key: bytes, rows: list[Entry]) -> Any:
        return [[key, [_row(entry) for entry in rows]]] if rows else None


def _row(entry: Entry) -> list[Any]:
    return [str(entry.id).encode(), entry.fields]


def _count(rest: list[bytes]) -> int:
    return int(rest[1]) if rest else 1 << 30


class Wire:
    """In the place of a Link."""

    def __init__(self, server: Server) -> None:
        self.server = server

    async def call(self, *command: str | bytes | int) -> Any:
        self.server.asked()
        reply = self.server.answer(command)
        if isinstance(reply, Exception):
            raise reply
        return reply

    async def together(self, *commands: Command) -> list[Any]:
        self.server.asked()
        return [self.server.answer(command) for command in commands]

    async def batch(self, commands: list[Command]) -> list[Any]:
        return await self.together(*commands)
