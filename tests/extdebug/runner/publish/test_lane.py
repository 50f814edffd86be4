from extdebug.runner.publish.lane import MOST_HINTS, Lane, LaneLoss


def loss(count: int, src: str = "a", cause: str = "queue_full") -> LaneLoss:
    return LaneLoss(causes={cause: count}, src=src, hints=[count])


def test_neighbouring_losses_of_one_numbering_are_one_with_hints_in_order():
    first = loss(1)
    assert first.join(loss(2))
    assert first.join(loss(3, cause="refused"))
    assert (first.count, first.causes) == (6, {"queue_full": 3, "refused": 3})
    assert first.hints == [1, 2, 3]


def test_losses_of_two_numberings_stay_two():
    first = loss(1)
    assert not first.join(loss(2, src="b"))
    assert first == loss(1)


def test_hints_are_bounded_and_the_newest_stay():
    first = loss(0)
    for number in range(1, MOST_HINTS + 10):
        first.join(loss(number))
    assert len(first.hints) == MOST_HINTS
    assert first.hints[-1] == MOST_HINTS + 9


def test_a_lane_states_a_loss_where_it_was():
    lane: Lane[int] = Lane(("acme", "x"), single=False)
    lane.lose(loss(1))
    lane.lose(loss(2))
    lane.items.append((10, 7))
    lane.lose(loss(3))
    lane.lose(loss(4, src="b"))
    kept = [item.count if isinstance(item, LaneLoss) else item for _, item in lane.items]
    assert kept == [3, 7, 3, 4]
