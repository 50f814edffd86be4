"""What hypothesis makes filters and events of, so that they meet often."""

from __future__ import annotations

from hypothesis import strategies as st

from extdebug.filters.filter import Filter
from extdebug.wire.events import Event, Level, Output

atoms = st.sampled_from(
    ["a", "B", '"a b"', "ms=1", "/a+b/", "/^b/", "/b$/", "/^$/", "message:b", "message:/a$/",
     "level:warn", "level<=info", "stream:log", "request:r1", "request:r*", "install:*",
     "field.ms>=2", "field.ms:1", "field.u:a*", "field.u:/b/", "redacted:*"]
)  # fmt: skip


def combined(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        inner.map(lambda q: f"-({q})"),
        st.tuples(inner, inner).map(lambda both: f"({both[0]} {both[1]})"),
        st.tuples(inner, inner).map(lambda both: f"({both[0]} OR {both[1]})"),
    )


queries = st.recursive(atoms, combined, max_leaves=4)  # four: so many regexes are allowed
small_queries = st.recursive(atoms, combined, max_leaves=2)


def _filter(
    installs: list[str], request: str | None, streams: list[str], level: Level | None, q: str
) -> Filter:
    return Filter.parse(
        {"installs": installs, "request": request, "streams": streams, "level": level, "q": q}
    )


filters = st.builds(
    _filter,
    installs=st.lists(st.sampled_from(["i1", "i2", "i3"]), max_size=2),
    request=st.none() | st.sampled_from(["r1", "r2"]),
    streams=st.lists(st.sampled_from(["log", "stdout", "stderr"]), max_size=3),
    level=st.none() | st.sampled_from(list(Level)),
    q=st.just("") | queries,
)
events = st.builds(
    Event,
    ts=st.just("2026-01-01T00:00:00.000Z"),
    level=st.sampled_from(Level),
    stream=st.sampled_from(Output),
    message=st.text("abAB \n", max_size=8),
    install_id=st.none() | st.sampled_from(["i1", "i2"]),
    request_id=st.none() | st.sampled_from(["r1", "r2"]),
    fields=st.none()
    | st.fixed_dictionaries({}, optional={"ms": st.integers(0, 3), "u": st.text("ab", max_size=3)}),
    redacted=st.sampled_from([(), ("jwt",)]),
)
