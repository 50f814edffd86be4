import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.redaction.pem_blocks import MASK, MAX_LINES, MAX_STRANGERS
from policies.redaction.redactor import BlockMasker, Redactor

BODY = ["MIIEowIBAAKCAQEA0Z3VS5JJcds3xfn0A7UBbvxPhLyY1D6LZxYzdGhpcyBpcyBu", "b3QgYSBrZXk=", "QQ=="]
BEGIN, END = "-----BEGIN RSA PRIVATE KEY-----", "-----END RSA PRIVATE KEY-----"
KEY = [BEGIN, "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,0123456789ABCDEF", "", *BODY, END]


def run(masker, lines, flow="f"):
    return [masker.line(flow, line)[0] for line in lines]


def test_a_key_across_lines_is_masked_from_begin_to_end():
    masker = BlockMasker()
    said = run(masker, ["before", *KEY, "after"])
    assert said == ["before", *[MASK] * len(KEY), "after"]
    assert masker.line("f", BEGIN)[1] == ("private-key",)


def test_what_stands_around_the_markers_stays():
    said = run(BlockMasker(), [f"key: {BEGIN}", *BODY, f"{END} loaded"])
    assert (said[0], said[-1]) == (f"key: {MASK}", f"{MASK} loaded")


def test_a_loggers_prefix_does_not_hide_the_key():
    lines = [f"2026-01-31 09:30 INFO {line}" for line in (BEGIN, BODY[0], END)]
    said = run(BlockMasker(), lines)
    assert BODY[0] not in "".join(said)


def test_flows_do_not_touch_each_other():
    masker = BlockMasker()
    masker.line("one", BEGIN)
    assert masker.line("two", BODY[0]) == (BODY[0], ())
    assert masker.line("one", BODY[0])[0] == MASK


def test_clean_lines_cost_nothing_and_are_the_same_object():
    masker = BlockMasker()
    for line in ("plain", "-----", "-----BEGIN CERTIFICATE-----", END, f"{BEGIN} x {END}"):
        said, names = masker.line("f", line)
        assert said is line
        assert names == ()
    assert not masker._open


def test_a_second_key_in_the_line_of_the_first_ones_end_is_seen():
    said = run(BlockMasker(), [BEGIN, BODY[0], f"{END} {BEGIN}", BODY[0], END, BODY[0]])
    assert said == [MASK, MASK, f"{MASK} {MASK}", MASK, MASK, BODY[0]]


def test_a_key_that_never_ends_does_not_swallow_the_log():
    masker = BlockMasker()
    strangers = ["and now for something, completely different!"] * MAX_STRANGERS
    assert run(masker, [BEGIN, *strangers, BODY[0]])[1:] == [*strangers, BODY[0]]
    said = run(masker, [BEGIN, *[BODY[0]] * (MAX_LINES + 5)])
    assert said[-5:] == [BODY[0]] * 5
    assert MASK in said[MAX_LINES - 1]


def test_a_line_between_the_lines_of_a_key_is_shown_and_does_not_end_it():
    said = run(BlockMasker(), [BEGIN, BODY[0], "GET /health: 200 (3 ms)", BODY[1], END])
    assert said == [MASK, MASK, "GET /health: 200 (3 ms)", MASK, MASK]


def test_the_end_of_a_flow_frees_it_and_memory_is_bounded():
    masker = BlockMasker(max_flows=3)
    masker.line("a", BEGIN)
    masker.end("a")
    masker.end("unknown")
    assert masker.line("a", BODY[0]) == (BODY[0], ())
    for flow in "abcdef":
        masker.line(flow, BEGIN)
    assert set(masker._open) == {"d", "e", "f"}


@pytest.mark.parametrize("kind", ["", "EC ", "OPENSSH ", "ENCRYPTED ", "DSA "])
def test_every_kind_of_key_is_one(kind):
    masker = BlockMasker()
    assert masker.line("f", f"-----BEGIN {kind}PRIVATE KEY-----")[0] == MASK
    assert masker.line("f", BODY[0])[0] == MASK


def test_pgp_blocks_are_keys_too():
    said = run(BlockMasker(), ["-----BEGIN PGP PRIVATE KEY BLOCK-----", "Version: 1", BODY[0]])
    assert said == [MASK] * 3


@given(
    st.lists(st.sampled_from([*KEY, "text, plain", f"{END}{BEGIN}", ""]) | st.text(), max_size=30)
)
def test_no_line_of_any_kind_raises_and_the_rules_agree_with_the_result(lines):
    masker, redactor = BlockMasker(), Redactor()
    mask = redactor.mask("a:b", "2026-01-31")
    for line in lines:
        said, names = masker.line("f", line)
        assert names in ((), ("private-key",))
        assert BEGIN not in redactor.text(said, mask)[0]
