"""The ids that the events of one execution carry, and those bound to the current context."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final

from extdebug.wire.events import UNKNOWN_TENANT, clean_id, clean_opaque


@dataclass(frozen=True, slots=True)
class RequestFlow:
    """The ids every event of one execution carries. `RequestFlow.of` makes it and checks them."""

    tenant: str
    extension: str
    install: str | None = None
    request: str | None = None
    version: str | None = None
    content_hash: str | None = None
    # The stream it goes to; made once, because the guest's thread looks it up for each line.
    stream: tuple[str, str] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "stream", (self.tenant, self.extension))

    @classmethod
    def of(
        cls,
        tenant: str | None,
        *,
        extension: str,
        install: str | None = None,
        request: str | None = None,
        version: str | None = None,
        content_hash: str | None = None,
    ) -> RequestFlow:
        """A checked flow; BadId names the part that no key or header may carry."""
        return cls(
            tenant=clean_id(tenant, what="tenant") if tenant else UNKNOWN_TENANT,
            extension=clean_id(extension, what="extension"),
            install=clean_id(install, what="install") if install else None,
            request=clean_opaque(request, what="request") if request else None,
            version=clean_opaque(version, what="version") if version else None,
            content_hash=clean_opaque(content_hash, what="content hash") if content_hash else None,
        )


_current: Final[ContextVar[RequestFlow | None]] = ContextVar("extdebug_flow", default=None)


def current_flow() -> RequestFlow | None:
    """The flow bound where this is called; tasks and copied contexts inherit it."""
    return _current.get()


@contextmanager
def bind(flow: RequestFlow) -> Iterator[RequestFlow]:
    """Lines logged inside belong to `flow`; nested bindings come back in order."""
    token = _current.set(flow)
    try:
        yield flow
    finally:
        _current.reset(token)
