import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extdebug.runner.output.line_splitter import MAX_LINE_BYTES, PAUSE, PROGRESS, Splitter
from extdebug.wire.events import Output


def split(*chunks: bytes) -> list[tuple[bytes, bool]]:
    lines: list[tuple[bytes, bool]] = []
    splitter = Splitter(Output.STDOUT, lambda _, line, cut: lines.append((line, cut)))
    for chunk in chunks:
        splitter.feed(chunk)
    splitter.flush()
    return lines


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ((b"a\nb\n",), [b"a", b"b"]),
        ((b"a\r\nb\r\nc\n",), [b"a", b"b", b"c"]),
        ((b"a\r", b"\nb\n"), [b"a", b"b"]),
        ((b"\n\n",), [b"", b""]),
        ((b"\r\n\r\n",), [b"", b""]),
        ((b"\r", b"\r", b"\n"), [b""]),
        ((b"hello", b" ", b"world", b"\n"), [b"hello world"]),
        ((b"gr\xc3", b"\xbc\xc3\x9fe\n"), ["grüße".encode()]),
        ((b"no end",), [b"no end"]),
        ((b"nul \x00 bad \xff\n",), [b"nul \x00 bad \xff"]),
        ((b"",), []),
    ],
)
def test_lines_end_at_lf_and_crlf_however_they_are_chunked(chunks, lines):
    assert split(*chunks) == [(line, False) for line in lines]


@given(st.lists(st.sampled_from([b"a", b"\n", b"\r", b"\xc3\xbc", b"bc", b"\x00"])), st.data())
def test_chunking_never_changes_the_lines(parts, data):
    whole = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=6)))
    places = [0, *cuts, len(whole)]
    chunks = [whole[a:b] for a, b in itertools.pairwise(places)]
    assert split(*chunks) == split(whole)
    expected = [last_seen(line) for line in whole.replace(b"\r\n", b"\n").split(b"\n")]
    if whole.endswith(b"\n") or not whole:
        expected.pop()
    assert [line for line, _ in split(whole)] == expected


def last_seen(line: bytes) -> bytes:
    states = line.split(b"\r")
    return next((state for state in reversed(states) if state.strip()), states[-1])


@pytest.mark.parametrize("step", [1024 * 1024, 4096, 1000])
def test_a_mebibyte_line_is_one_cut_line_and_the_next_is_whole(step):
    data = b"x" * (1024 * 1024) + b"\nafter\n"
    chunks = [data[i : i + step] for i in range(0, len(data), step)]
    assert split(*chunks) == [(b"x" * MAX_LINE_BYTES, True), (b"after", False)]


def test_byte_by_byte_writing_keeps_one_line():
    assert split(*(bytes([b]) for b in b"y" * 5000 + b"\n")) == [(b"y" * 5000, False)]


@pytest.mark.parametrize(
    ("chunks", "lines"),
    [
        ((b"10%\r50%\r100%\n",), [b"100%"]),
        ((b"10%\r", b"50%\r", b"100%\n", b"done\n"), [b"100%", b"done"]),
        ((b"\r10%", b"\r50%", b"\r100%", b"\n"), [b"100%"]),
        ((b"10%\r", b"50%\r", b"100%\r\n"), [b"100%"]),
        ((b"10%\r", b"50%\r", b"\r\n"), [b"50%"]),
        ((b"50%\r     \r", b"Done\n"), [b"Done"]),
        ((b"50%\r\x1b[2K\rDone\n",), [b"Done"]),
        ((b"50%\r\x1b[K\n",), [b"50%"]),
        ((b"10%\r50%",), [b"50%"]),
        ((b"50%\r", b"   \r"), [b"50%"]),
        ((b"a\n10%\r20%\nb\n30%\r", b"40%\n"), [b"a", b"20%", b"b", b"40%"]),
    ],
)
def test_progress_is_one_line_with_its_last_state(chunks, lines):
    assert split(*chunks) == [(line, False) for line in lines]


def progress(*chunks: bytes) -> tuple[Splitter, list[bytes]]:
    lines: list[bytes] = []
    splitter = Splitter(Output.STDOUT, lambda _, line, cut: lines.append(line))
    for chunk in chunks:
        splitter.feed(chunk)
    return splitter, lines


def test_a_state_waits_for_a_later_one_and_is_shown_when_none_comes():
    splitter, lines = progress(b"10%\r", b"20%\r")
    assert splitter.due(splitter.fed_at + PROGRESS / 2)
    assert lines == []
    assert not splitter.due(splitter.fed_at + PROGRESS)
    assert lines == [b"20%"]
    splitter.feed(b"\nnext\n")  # the end of the line whose state was shown
    assert lines == [b"20%", b"next"]


def test_progress_that_goes_on_is_shown_each_second_in_whole_states():
    splitter, lines = progress(b"10%\r", b"20%\rDownl")
    splitter.fed_at += PROGRESS  # bytes came a moment ago
    assert splitter.due(splitter.fed_at + PAUSE / 2)
    assert lines == [b"20%"]
    splitter.feed(b"oading\r30%\n")
    assert lines == [b"20%", b"30%"]


def test_a_state_without_a_return_behind_it_is_shown_too():
    splitter, lines = progress(b"\r10%", b"\r20%")
    assert not splitter.due(splitter.fed_at + PROGRESS)
    assert lines == [b"20%"]


def test_a_state_that_may_become_a_secret_is_held_back():
    splitter, lines = progress(b"\rapi_key=")
    splitter.due(splitter.fed_at + PROGRESS)
    assert lines == []
    splitter.feed(b"9f8e7d6c5b4a39281706aabb\n")
    assert lines == [b"api_key=9f8e7d6c5b4a39281706aabb"]


def test_nothing_is_shown_of_blanks_alone():
    splitter, lines = progress(b"\r   \r")
    assert not splitter.due(splitter.fed_at + PROGRESS)
    assert lines == []


def test_no_line_of_a_key_is_passed_over():
    key = b"-----BEGIN PRIVATE KEY-----\rMIIa\r-----END PRIVATE KEY-----\r"
    assert split(key)[0] == (b"-----BEGIN PRIVATE KEY-----", False)
    assert (b"-----END PRIVATE KEY-----", False) in split(key, b"x\r", b"done\n")
    assert split(b"x\r", b"y\r-----BEGIN PRIVATE KEY-----\rz\n")[-2][0].startswith(b"-----BEGIN")


def test_states_of_any_length_are_kept_within_the_bound():
    long = b"x" * (MAX_LINE_BYTES * 3)
    assert split(b"1\r" + long + b"\n") == [(long[:MAX_LINE_BYTES], True)]
    assert split(b"1\r", *[long[:10_000]] * 20, b"\r", b"2\n") == [(b"2", False)]


def test_long_progress_holds_one_state():
    splitter, lines = progress(*(b"%d%%\r" % n for n in range(100_000)))
    assert sum(map(len, splitter._parts)) < 100
    splitter.flush()
    assert lines == [b"99999%"]
