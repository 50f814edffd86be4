"""Which plays are played: the product of faults, watchers and producers, or a sample of it by seed.

The environment chooses; `python -m tests.faults.product --help` says how and sets it.
FAULTS_SEED: the first seed. FAULTS_SEEDS: with it, the whole product for that many seeds.
FAULTS_ONLY: `fault=del+rdb,watcher=poll,producer=quiet`. FAULTS_LONG: minutes of random plays.
"""

from __future__ import annotations

import os
import random
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import extdebug
from tests.faults.faults import FAULTS
from tests.faults.traffic import MIXES

WATCHERS: Final = (
    "live", "away-same", "away-other", "poll", "poll-other", "sse", "sse-other", "slow", "two",
    "two-other", "behind", "playing", "filter", "paused",
)  # fmt: skip
PRODUCT: Final = Path(extdebug.__file__).parent
SHARES: Final = 4
SECONDS: Final = 15.0  # of one play, starting its processes included: for FAULTS_LONG


@dataclass(frozen=True, slots=True)
class Play:
    """One fault under one mix of producers, watched by all `watchers` at once."""

    fault: str
    producers: str
    seed: int
    watchers: tuple[str, ...] = WATCHERS

    @property
    def name(self) -> str:
        return f"{self.fault}-{self.producers}-{self.seed}"

    @property
    def again(self) -> str:
        """The command that plays it again."""
        return (
            f"python -m tests.faults.product --seed {self.seed} --seeds 1"
            f" --only fault={self.fault},producer={self.producers}"
        )


def seed_of_run(environment: Mapping[str, str] = os.environ, *, code: Path = PRODUCT) -> int:
    """FAULTS_SEED; else the product's own code: each change of it is played with another seed, and
    the same code with the same one, so that a red run can be repeated and a green one counts."""
    if chosen := environment.get("FAULTS_SEED"):
        return int(chosen)
    seed = 0
    for file in sorted(code.rglob("*.py")):
        seed = zlib.crc32(file.read_bytes(), seed)
    return seed % 1_000_000


def chosen(only: str) -> dict[str, tuple[str, ...]]:
    """FAULTS_ONLY by axis. ValueError names what is unknown and what is known."""
    known = {"fault": tuple(FAULTS), "watcher": WATCHERS, "producer": tuple(MIXES)}
    picked = dict(known)
    for part in filter(None, only.split(",")):
        axis, _, names = part.partition("=")
        if axis not in known:
            raise ValueError(f"{axis!r} is no axis; there are {', '.join(known)}")
        wrong = sorted(set(names.split("+")) - set(known[axis]))
        if wrong:
            raise ValueError(f"unknown {axis} {wrong[0]!r}; known: {', '.join(known[axis])}")
        picked[axis] = tuple(names.split("+"))
    return picked


def plays(environment: Mapping[str, str] = os.environ) -> list[Play]:
    """The plays of this run, in an order that every process of it agrees upon."""
    seed = seed_of_run(environment)
    axes = chosen(environment.get("FAULTS_ONLY", ""))
    seeds = int(environment.get("FAULTS_SEEDS", "0") or 0)
    minutes = float(environment.get("FAULTS_LONG", "0") or 0)
    if seeds:
        return [
            Play(fault, producers, seed + one, axes["watcher"])
            for one in range(seeds)
            for fault in axes["fault"]
            for producers in axes["producer"]
        ]
    found: list[Play] = []
    if not minutes and not environment.get("FAULTS_ONLY"):
        # What everybody runs is a quarter of the faults: another quarter with another seed, and the
        # seed is another with each change of the product.
        return sample(seed, axes)[seed % SHARES :: SHARES]
    rounds = max(1, round(minutes * 60 / SECONDS / len(axes["fault"])))
    for one in range(rounds):
        found += sample(seed + one, axes)
    return found


def sample(seed: int, axes: Mapping[str, Sequence[str]]) -> list[Play]:
    """Every fault once with all watchers; the producers dealt out so that each has its turn."""
    chance = random.Random(seed)
    mixes: list[str] = []
    found = []
    for fault in axes["fault"]:
        if not mixes:
            mixes = chance.sample(list(axes["producer"]), len(axes["producer"]))
        found.append(Play(fault, mixes.pop(), seed, tuple(axes["watcher"])))
    return found
