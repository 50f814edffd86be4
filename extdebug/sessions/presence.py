"""What one session is told of the others on its stream, and what it shares with them.

Whom a session may know of is decided when the frame is made, under the decision in force at that
moment: nothing that was found under a wider one waits anywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

import msgspec

from extdebug.filters.filter import Filter, FilterError, FilterParts
from extdebug.protocol.client_frames import ErrorCode, ProtocolError, ViewSpec
from extdebug.protocol.server_frame_parts import SharedView, Watching
from extdebug.protocol.server_frames import Presence as PresenceFrame
from extdebug.sessions.session_frames import ControlFrame
from extdebug.sessions.used_filters import shown_filter
from extdebug.sessions.watcher_rows import Shared, Watcher
from extdebug.wire.events import iso
from extdebug.wire.keys import Target
from policies.access import Decision, Viewer
from policies.decisions.audience import Standing, may_follow, may_know, standing_of
from policies.redaction.redactor import Redactor

MOST_TOLD: Final = 50  # others named in one frame
TOLD: Final = "ws"  # the transport whose sessions are told; the others are told of, alone
NOBODY: Final = PresenceFrame(others=(), more=False).encode()


class HasRedactor(Protocol):
    """The hub, as far as it says which rules mask a shared filter."""

    @property
    def redactor(self) -> Redactor: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """What the row of a session is to say to others."""

    standing: Standing
    shared: Shared | None


class Presence:
    """Owned by a feed; `wake` is called when there may be something to tell."""

    def __init__(
        self,
        viewer: Viewer,
        target: Target,
        decision: Decision,
        *,
        hub: HasRedactor,
        wake: Callable[[], None],
    ) -> None:
        self.told_of_others = viewer.transport == TOLD
        self._viewer = viewer
        self._target = target
        self._hub = hub
        self._wake = wake
        self._watchers: Sequence[Watcher] = ()
        self._looked: tuple[Sequence[Watcher], Decision] | None = None
        self._told = _digest(NOBODY)  # a frame names up to MOST_TOLD others: 8 KB each session
        self._view: tuple[Filter, ViewSpec] | None = None
        self._written = Entry(standing_of(decision), None)  # by the session's opening
        self._nothing_new: Decision | None = None  # under it the row says all there is to say

    # --- what others are told -----------------------------------------------------------------

    def share(self, view: ViewSpec | None) -> None:
        """Let others see this view, or none; FilterError or ProtocolError when it cannot be."""
        self._nothing_new = None
        if view is None:
            self._view = None
            return
        wanted = Filter.parse(view.filter.parts())
        try:
            Filter.parse(cast(FilterParts, shown_filter(wanted, self._hub.redactor, self._target)))
        except FilterError:
            raise ProtocolError(
                ErrorCode.BAD_FILTER,
                "this filter holds what looks like a secret, so it is not shared",
            ) from None
        self._view = wanted, view

    def unwritten(self, decision: Decision) -> Entry | None:
        """What the row is to say now, when that differs from what it was last `wrote`."""
        if decision is self._nothing_new:
            return None
        entry = Entry(standing_of(decision), self._shared())
        if entry != self._written:
            return entry
        if self._view is None:  # what is shown of one changes with the rules of redaction
            self._nothing_new = decision
        return None

    def wrote(self, entry: Entry) -> None:
        self._written = entry

    @property
    def shares(self) -> bool:
        """Whether the row says that a view is shared."""
        return self._written.shared is not None

    def _shared(self) -> Shared | None:
        if self._view is None:
            return None
        wanted, view = self._view
        shown = shown_filter(wanted, self._hub.redactor, self._target)
        return {"filter": shown, "line": view.line, "live": view.live}

    # --- what this session is told ------------------------------------------------------------

    def tell(self, watchers: Sequence[Watcher]) -> None:
        """Those who watch the stream now, this session among them."""
        if watchers != self._watchers:
            self._watchers = watchers
            self._wake()

    def settled(self, decision: Decision) -> bool:
        """Whether nothing has changed since a frame was last looked for."""
        looked = self._looked
        known = looked is not None and looked[0] is self._watchers and looked[1] is decision
        return known or not self.told_of_others

    def frame(self, decision: Decision) -> ControlFrame | None:
        """The `presence` frame that is due under this decision; None when nothing changed."""
        if self.settled(decision):
            return None
        self._looked = self._watchers, decision
        data = self._others(standing_of(decision)).encode()
        digest = _digest(data)
        if digest == self._told:
            return None
        self._told = digest
        return ControlFrame("presence", data)

    def _others(self, mine: Standing) -> PresenceFrame:
        known = [
            one
            for one in self._watchers
            if one.user_id != self._viewer.user_id and may_know(mine, one.standing)
        ]
        named = tuple(_shown(one, mine) for one in known[:MOST_TOLD])
        return PresenceFrame(others=named, more=len(known) > MOST_TOLD)


def _digest(frame: bytes) -> bytes:
    return hashlib.blake2b(frame, digest_size=16).digest()


def _shown(one: Watcher, mine: Standing) -> Watching:
    view: Any = one.shared if may_follow(mine, one.standing) else None
    return Watching(
        # Not the session's own id, which is another person's to resume.
        id=hashlib.sha256(one.session.encode()).hexdigest()[:16],
        name=one.name,
        transport=one.transport,
        since=iso(int(one.since.timestamp() * 1000)),
        view=None if view is None else msgspec.convert(view, SharedView),
    )
