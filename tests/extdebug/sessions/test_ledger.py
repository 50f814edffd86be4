"""The sum of what one session was told."""

from extdebug.sessions.ledger import Ledger
from extdebug.wire.events import Gap, GapReason


def test_an_uncounted_loss_reads_null_and_the_rest_still_adds_up() -> None:
    ledger = Ledger(shown=5, filtered=2)
    ledger.lose(Gap(GapReason.RETENTION, 3))
    ledger.lose(Gap(GapReason.RESET, None))
    frame = ledger.frame()
    assert frame.lost == {"reset": None, "retention": 3}
    assert (frame.entries, frame.shown, frame.filtered) == (10, 5, 2)


def test_a_reason_with_one_uncounted_loss_stays_uncounted() -> None:
    ledger = Ledger()
    ledger.lose(Gap(GapReason.RETENTION, None))
    ledger.lose(Gap(GapReason.RETENTION, 3))
    assert ledger.frame().lost == {"retention": None}
    assert ledger.entries == 3


def test_two_ledgers_add_up() -> None:
    ledger, other = (
        Ledger(shown=5, filtered=2, lost={"producer": 3}, unknown=frozenset({"reset"})),
        Ledger(),
    )
    other.add(ledger)
    other.add(ledger)
    assert (other.entries, other.unknown) == (20, {"reset"})


def test_a_session_goes_on_from_the_figures_it_had_and_leaves_those_alone() -> None:
    lost = {"producer": 3}
    ledger = Ledger.of(shown=5, filtered=2, lost=lost, unknown=["reset"])
    assert ledger.entries == 10
    ledger.lose(Gap(GapReason.PRODUCER, 2))
    ledger.lose(Gap(GapReason.RESET, None))
    assert (ledger.frame().lost, lost) == ({"producer": 5, "reset": None}, {"producer": 3})
