"""Runs the watchers (watchers.c) against a server and reads what they counted."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from tests.bench.peers.peers import Peer
from tests.bench.processes import ELSE, pinned
from tests.bench.stage import EXTENSION, TENANT, Server, Stage

SOURCE: Final = Path(__file__).with_name("watchers.c")
SILENT: Final = "-"  # a watcher who says nothing and acknowledges nothing
_PATHS: Final = {
    Peer.OURS: "/ws/ext-debug/",
    Peer.SEED: "/",
    Peer.NCHAN: "/watch",
    Peer.UVICORN: "/equal",
}


class Counted(msgspec.Struct, frozen=True):
    """What the watchers of one round counted. Times in seconds, p50 and p99 in milliseconds.

    `events` and `missed` (in gap notices) are sums over the watchers who read, `least` is what the
    worst off of them has of both. `first` and `last` count from subscribing.
    """

    watchers: int
    events: int
    missed: int
    least: int
    gaps: int
    uncounted: int
    disorder: int
    holes: int
    closed: int
    frames: int
    seconds: float
    first: float
    last: float
    cpu: float
    p50: float
    p99: float


def not_whole(counted: Counted, *, published: int) -> str:
    """Why this round was not whole; empty if all got each event once, in order, or were told."""
    told = counted.events + counted.missed
    if counted.disorder:
        return f"{counted.disorder} events twice or out of order"
    if counted.uncounted:
        return f"{counted.uncounted} gap notices without a number"
    if counted.least < published or told != counted.watchers * published:
        closed = f"; {counted.closed} connections were closed" if counted.closed else ""
        of = counted.watchers * published
        return f"{told:,} of {of:,} events delivered or told as gaps{closed}"
    if counted.holes > counted.missed:
        return f"{counted.holes} events skipped, {counted.missed} told as gaps"
    return ""


def compile_watchers(folder: Path) -> Path:
    """The compiled program; AssertionError with the compiler's words if there is none."""
    program = folder / "watchers"
    command = ["gcc", "-O2", "-o", str(program), str(SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return program


def subscribe(
    *,
    start: str | dict[str, Any] = "now",
    words: str = "",
    tenant: str = TENANT,
    extension: str = EXTENSION,
) -> str:
    """The first frame of a watcher of the console."""
    frame = {
        "type": "subscribe", "from": start, "filter": {"q": words} if words else {},
        "target": {"tenant": tenant, "extension": extension},
    }  # fmt: skip
    return json.dumps(frame)


@dataclass
class Watchers:
    """The watchers of one round, in one process."""

    process: subprocess.Popen[bytes]

    def wait(self, word: str) -> str:
        """Read what they say until a line begins with `word`; AssertionError if they end first."""
        assert self.process.stderr is not None
        said = []
        for line in self.process.stderr:
            text = line.decode().strip()
            if text.startswith(word):
                return text
            said.append(text)
        raise AssertionError(f"the watchers ended before '{word}': {said[-3:]}")

    def ready(self, peer: Peer = Peer.OURS) -> float:
        """Wait until every session is live, or every connection of a peer open; after how many s.

        A peer does not say when it has begun to read: give it a moment.
        """
        return float(self.wait("live" if peer is Peer.OURS else "open").split()[1])

    def counted(self) -> Counted:
        """Wait for their end, and what they counted."""
        assert self.process.stdout is not None
        counted = msgspec.json.decode(self.process.stdout.read(), type=Counted)
        self.process.wait(20)
        return counted

    def __enter__(self) -> Watchers:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait(20)
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()


def watch(
    stage: Stage,
    server: Server,
    frames: list[str],
    *,
    events: int,
    peer: Peer = Peer.OURS,
    path: str = "",
    people: int | None = None,
    at_once: int = 10_000,
    seconds: float = 60,
) -> Watchers:
    """A watcher for each frame; they end once each has `events` events, or after `seconds`.

    The console's watchers are as many people as there are, or these first `people` of them; all
    come at the same time, or `at_once` of them.
    """
    kind = "sse" if peer is Peer.SEED else "ws"
    command = [
        str(stage.folder / "watchers"), kind, str(server.port), path or _PATHS[peer],
        str(events), str(seconds), str(at_once),
    ]  # fmt: skip
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = pinned(ELSE, command, env=dict(os.environ), **pipes)
    assert process.stdin is not None
    cookies = [""]
    if peer is Peer.OURS:
        cookies = [one.cookie for one in stage.people[:people]]
    for number, frame in enumerate(frames):
        cookie = cookies[number % len(cookies)]
        process.stdin.write(f"{cookie}\t{frame}\n".encode())
    process.stdin.close()
    return Watchers(process)
