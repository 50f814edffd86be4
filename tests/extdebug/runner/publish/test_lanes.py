import threading

from hypothesis import given
from hypothesis import strategies as st

from extdebug.runner.publish.lane import Bounds, LaneLoss
from extdebug.runner.publish.lanes import MOST_HEADS, Lanes

A, B = ("acme", "x"), ("globex", "x")


def put(lanes: Lanes[int], stream: tuple[str, str], item: int, size: int = 10) -> None:
    with lanes.lock:
        lanes.put(lanes.lane(stream), item, size)
    lanes.ring()


def drain(lanes: Lanes[int]) -> dict[tuple[str, str], list[int | str]]:
    seen: dict[tuple[str, str], list[int | str]] = {}
    while taken := lanes.take(events=1000, size=10**9):
        for stream, items in taken:
            seen.setdefault(stream, []).extend(
                f"lost {item.count}" if isinstance(item, LaneLoss) else item for _, item in items
            )
    return seen


def test_a_full_lane_gives_up_its_oldest_and_says_so_in_their_place():
    lanes: Lanes[int] = Lanes(Bounds(events=3))
    for number in range(5):
        put(lanes, A, number)
    assert drain(lanes) == {A: ["lost 2", 2, 3, 4]}
    assert lanes.dropped == {"queue_full": 2}


def test_the_fattest_lane_pays_for_all():
    lanes: Lanes[int] = Lanes(Bounds(total_bytes=1000))
    put(lanes, B, 1, 50)
    for number in range(100):
        put(lanes, A, number, 100)
    put(lanes, B, 2, 50)
    seen = drain(lanes)
    assert seen[B] == [1, 2]
    assert seen[A][-1] == 99
    assert lanes.total_bytes == 0


def test_losses_merge_only_with_their_neighbours():
    lanes: Lanes[int] = Lanes(Bounds())
    put(lanes, A, 1)
    for cause in ("rate_limited", "rate_limited", "other"):
        with lanes.lock:
            lanes.lose(lanes.lane(A), LaneLoss(causes={cause: 1}))
    put(lanes, A, 2)
    with lanes.lock:
        lanes.lose(lanes.lane(A), LaneLoss(causes={"rate_limited": 1}))
    assert drain(lanes) == {A: [1, "lost 3", 2, "lost 1"]}


def test_restored_items_come_first_and_in_order():
    lanes: Lanes[int] = Lanes(Bounds())
    for number in range(4):
        put(lanes, A, number)
    ((stream, items),) = lanes.take(events=2, size=10**9)
    put(lanes, A, 4)
    lanes.restore(stream, items)
    assert drain(lanes) == {A: [0, 1, 2, 3, 4]}


def test_lanes_take_turns():
    lanes: Lanes[int] = Lanes(Bounds())
    for number in range(1000):
        put(lanes, A, number)
    put(lanes, B, 7)
    taken = lanes.take(events=200, size=10**9)
    assert [stream for stream, _ in taken][:2] == [A, B]


def test_idle_lanes_are_forgotten_beyond_the_bound():
    lanes: Lanes[int] = Lanes(Bounds(lanes=4))
    for number in range(50):
        put(lanes, (f"t{number}", "x"), number)
        drain(lanes)
    assert len(lanes._lanes) <= 5


def test_a_sleeping_reader_hears_one_writer():
    lanes: Lanes[int] = Lanes(Bounds())
    heard = threading.Event()

    def read() -> None:
        while not lanes.wait(5):
            pass
        heard.set()

    reader = threading.Thread(target=read)
    reader.start()
    put(lanes, A, 1)
    assert heard.wait(5)
    reader.join(5)


def test_waiting_ends_after_the_timeout_and_at_close():
    lanes: Lanes[int] = Lanes(Bounds())
    assert not lanes.wait(0.01)
    lanes.close()
    assert lanes.wait(5)


@given(
    st.lists(
        st.tuples(st.sampled_from([A, B]), st.integers(1, 40), st.booleans(), st.booleans()),
        max_size=80,
    )
)
def test_every_item_is_taken_or_counted_and_order_holds(steps):
    lanes: Lanes[int] = Lanes(Bounds(events=5, bytes=120, total_bytes=150))
    given_items: dict[tuple[str, str], int] = {A: 0, B: 0}
    seen: dict[tuple[str, str], list[int]] = {A: [], B: []}
    lost: dict[tuple[str, str], int] = {A: 0, B: 0}

    def book(taken: list) -> None:
        for stream, items in taken:
            for _, item in items:
                if isinstance(item, LaneLoss):
                    lost[stream] += item.count
                else:
                    seen[stream].append(item)

    for stream, size, take, restore in steps:
        put(lanes, stream, given_items[stream], size)
        given_items[stream] += 1
        if take:
            taken = lanes.take(events=2, size=10**9)
            if restore:
                for from_stream, items in reversed(taken):
                    lanes.restore(from_stream, items)
            else:
                book(taken)
    book(lanes.take(events=10**6, size=10**9))
    for stream in (A, B):
        assert len(seen[stream]) + lost[stream] == given_items[stream]
        assert seen[stream] == sorted(seen[stream])
    assert lanes.total_events == 0
    assert lanes.total_bytes == 0


def test_a_held_lane_is_not_taken_until_released_and_then_one_item_alone():
    lanes: Lanes[int] = Lanes(Bounds())
    for number in range(5):
        put(lanes, A, number)
    ((stream, items),) = lanes.take(events=2, size=10**9)
    lanes.restore(stream, items, hold=True)
    put(lanes, A, 5)
    put(lanes, B, 7)
    assert lanes.take(events=9, size=10**9) == [(B, [(10, 7)])]
    lanes.release(A)
    assert lanes.take(events=9, size=10**9) == [(A, [(10, 0)])]
    assert lanes.take(events=9, size=10**9) == []
    lanes.release(A, accepted=True)
    assert drain(lanes) == {A: [1, 2, 3, 4, 5]}


def test_a_stream_stands_once_in_what_is_taken_whole_and_in_order():
    lanes: Lanes[int] = Lanes(Bounds())
    for number in range(300):
        put(lanes, A, number)
    put(lanes, B, 7)
    taken = dict(lanes.take(events=1000, size=10**9))
    assert [item for _, item in taken[A]] == list(range(300))
    assert [item for _, item in taken[B]] == [7]


def test_it_is_idle_only_when_what_was_taken_is_settled():
    lanes: Lanes[int] = Lanes(Bounds())
    put(lanes, A, 1)
    assert not lanes.idle()
    lanes.take(events=9, size=10**9)
    assert not lanes.idle()
    lanes.settled()
    assert lanes.idle()


def test_losses_of_two_numberings_are_never_one():
    lanes: Lanes[int] = Lanes(Bounds(events=1))
    lanes.lost = (  # type: ignore[method-assign]
        lambda item, *, cause: LaneLoss(causes={cause: 1}, src="old" if item < 3 else "new")
    )
    for number in range(6):
        put(lanes, A, number)
    with lanes.lock:
        lanes.lose(lanes.lane(A), LaneLoss(causes={"other": 2}, src="new"))
    ((_, items),) = lanes.take(events=9, size=10**9)
    kept = [(i.src, i.count) if isinstance(i, LaneLoss) else i for _, i in items]
    assert kept == [("old", 3), ("new", 2), 5, ("new", 2)]


def test_losses_of_many_ended_numberings_take_bounded_room():
    lanes: Lanes[int] = Lanes(Bounds(events=1))
    lanes.lost = (  # type: ignore[method-assign]
        lambda item, *, cause: LaneLoss(causes={cause: 1}, src=str(item))
    )
    for number in range(100):
        put(lanes, A, number)
    ((_, items),) = lanes.take(events=200, size=10**9)
    losses = [item for _, item in items if isinstance(item, LaneLoss)]
    assert len(losses) <= MOST_HEADS + 1
    assert sum(lost.count for lost in losses) == 99
    assert [lost.src for lost in losses][:2] == [None, "92"]


def test_what_is_put_back_before_a_loss_keeps_the_hints_in_order():
    lanes: Lanes[int] = Lanes(Bounds())
    with lanes.lock:
        lanes.lose(lanes.lane(A), LaneLoss(causes={"x": 1}, hints=["older"]))
    ((stream, items),) = lanes.take(events=9, size=10**9)
    with lanes.lock:
        lanes.lose(lanes.lane(A), LaneLoss(causes={"x": 1}, hints=["newer"]))
    lanes.restore(stream, items)
    ((_, [(_, lost)]),) = lanes.take(events=9, size=10**9)
    assert isinstance(lost, LaneLoss)
    assert (lost.count, lost.hints) == (2, ["older", "newer"])
