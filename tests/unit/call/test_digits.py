"""The agent's keys: a code is taken out, everything else goes on in order."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voicedrop.call.digits import Code, FeatureCode, Relay

TIMEOUT_S = 1.5


def press_all(reader: FeatureCode, keys: str, *, start: float = 0.0, gap: float = 0.1) -> list[Relay | Code]:
    out: list[Relay | Code] = []
    for count, key in enumerate(keys):
        out += reader.press(key, start + count * gap)
    return out


def written(what: list[Relay | Code], code: str) -> str:
    """What was relayed and consumed, as the keys that it was."""
    return "".join(one.digits if isinstance(one, Relay) else f"{code}{one.slot}" for one in what)


@pytest.mark.parametrize("slot", range(1, 10))
def test_the_code_and_a_slot_are_consumed_whole(slot: int) -> None:
    assert press_all(FeatureCode("*9", TIMEOUT_S), f"*9{slot}") == [Code(slot)]


def test_slot_zero_is_no_slot_and_all_three_keys_go_on() -> None:
    assert press_all(FeatureCode("*9", TIMEOUT_S), "*90") == [Relay("*90")]


@pytest.mark.parametrize("keys", ["*81", "91", "#91", "*#91", "*0"])
def test_what_is_nearly_the_code_goes_on_unchanged(keys: str) -> None:
    reader = FeatureCode("*9", TIMEOUT_S)
    assert written(press_all(reader, keys), "*9") == keys
    assert reader.due is None


def test_a_key_outside_the_code_goes_on_at_once() -> None:
    assert FeatureCode("*9", TIMEOUT_S).press("5", 0.0) == [Relay("5")]


def test_the_keypads_letters_go_on() -> None:
    assert press_all(FeatureCode("*9", TIMEOUT_S), "AD") == [Relay("A"), Relay("D")]


def test_the_code_is_found_behind_a_false_start() -> None:
    assert press_all(FeatureCode("*9", TIMEOUT_S), "**91") == [Relay("*"), Code(1)]
    assert press_all(FeatureCode("*9", TIMEOUT_S), "*9*92") == [Relay("*9"), Code(2)]


def test_the_code_is_found_between_other_keys() -> None:
    assert press_all(FeatureCode("*9", TIMEOUT_S), "4*935") == [Relay("4"), Code(3), Relay("5")]


def test_a_code_that_overlaps_itself_is_found_at_its_latest_start() -> None:
    assert press_all(FeatureCode("**5", TIMEOUT_S), "***51") == [Relay("*"), Code(1)]


def test_a_code_of_one_digit_takes_itself_as_a_slot() -> None:
    assert press_all(FeatureCode("9", TIMEOUT_S), "99") == [Code(9)]


@pytest.mark.parametrize("half", ["*", "*9"])
def test_half_a_code_goes_on_when_the_time_out_is_reached_and_not_before(half: str) -> None:
    reader = FeatureCode("*9", TIMEOUT_S)
    assert press_all(reader, half) == []
    last = (len(half) - 1) * 0.1
    assert reader.due == pytest.approx(last + TIMEOUT_S)
    assert reader.tick(last + TIMEOUT_S - 0.001) == []
    assert reader.tick(last + TIMEOUT_S) == [Relay(half)]
    assert reader.due is None
    assert reader.tick(last + 100.0) == []


def test_each_key_gives_the_next_one_the_whole_time_out() -> None:
    reader = FeatureCode("*9", TIMEOUT_S)
    assert reader.press("*", 0.0) == []
    assert reader.press("9", 1.4) == []
    assert reader.tick(1.6) == []
    assert reader.press("3", 2.8) == [Code(3)]


def test_after_a_code_nothing_is_held() -> None:
    reader = FeatureCode("*9", TIMEOUT_S)
    press_all(reader, "*91")
    assert reader.due is None
    assert reader.tick(100.0) == []


@given(
    code=st.text("0123456789*#", min_size=1, max_size=4),
    keys=st.lists(st.tuples(st.sampled_from("*9*91234567890#ABCD"), st.floats(0.0, 3.0)), max_size=40),
)
@example(code="*9", keys=[("*", 0.1), ("9", 0.1), ("9", 0.1), ("*", 0.1), ("9", 0.1), ("1", 0.1)])
@example(code="11", keys=[("1", 0.1)] * 7)
def test_what_is_relayed_and_what_is_consumed_is_what_was_pressed(code: str, keys: list[tuple[str, float]]) -> None:
    reader = FeatureCode(code, TIMEOUT_S)
    out: list[Relay | Code] = []
    now = 0.0
    for key, gap in keys:
        now += gap
        out += reader.tick(now)
        out += reader.press(key, now)
    out += reader.tick(now + TIMEOUT_S)
    assert written(out, code) == "".join(key for key, _ in keys)
    assert all(one.digits for one in out if isinstance(one, Relay))


@given(before=st.text("0123456789#", max_size=6), slot=st.integers(1, 9), after=st.text("012345678#", max_size=6))
def test_a_code_pressed_in_one_go_is_always_found(before: str, slot: int, after: str) -> None:
    out = press_all(FeatureCode("*9", TIMEOUT_S), f"{before}*9{slot}{after}")
    assert [one for one in out if isinstance(one, Code)] == [Code(slot)]
