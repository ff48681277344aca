"""An agent's call through the ARI-bridged door, row by row, and what holds whatever happens."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicedrop.call import commands as do
from voicedrop.call import events as ev
from voicedrop.call.commands import Command
from voicedrop.call.conversation import Conversation, ConversationSettings, S


class Call:
    """One call in virtual time; due ticks are given as the engine gives them."""

    def __init__(self, *, confirmation: bool = True) -> None:
        self.now = 0.0
        self.machine = Conversation(ConversationSettings(confirmation=confirmation))

    def give(self, event: ev.Event, at: float) -> list[Command]:
        return [*self.until(at), *self.machine.handle(event, at)]

    def press(self, keys: str, at: float) -> list[Command]:
        out: list[Command] = []
        for key in keys:
            out += self.give(ev.Digit(key), at)
        return out

    def until(self, at: float) -> list[Command]:
        assert at >= self.now
        out: list[Command] = []
        while (due := self.machine.due) is not None and due <= at:
            self.now = max(self.now, due)
            out += self.machine.handle(ev.Tick(), self.now)
            assert self.machine.due != due, "a tick that changes nothing: the engine would spin"
        self.now = at
        return out


def ringing() -> Call:
    return Call()


def early() -> Call:
    """Rings, with early media since 1.0."""
    call = Call()
    assert call.give(ev.EarlyMedia(), 1.0) == [do.Listen()]
    return call


def talking() -> Call:
    """Answered at 2.0."""
    call = Call()
    assert call.give(ev.Answered(), 2.0) == [do.Listen()]
    assert call.machine.state is S.TALKING
    return call


def asking() -> Call:
    """The code of slot 1 was pressed at 3.0; the engine has not answered."""
    call = talking()
    assert call.press("*91", 3.0) == [do.StartDrop(1)]
    assert call.machine.state is S.ASKING
    return call


def confirming() -> Call:
    """The drop was taken at 3.01; the agent hears the tone."""
    call = asking()
    assert call.give(ev.DropTaken(), 3.01) == [do.ToneOn("confirmation")]
    assert call.machine.state is S.CONFIRMING
    return call


def ended() -> Call:
    call = talking()
    call.give(ev.AgentGone(16), 4.0)
    assert call.machine.state is S.ENDED
    return call


# -- ringing and answered ---------------------------------------------------------------------------


def test_the_ear_comes_with_the_first_early_media_and_only_once() -> None:
    call = early()
    assert call.give(ev.EarlyMedia(), 1.5) == []
    assert call.give(ev.Answered(), 2.0) == []
    assert call.machine.state is S.TALKING
    assert call.machine.answered_at == 2.0


def test_without_early_media_the_ear_comes_with_the_answer() -> None:
    call = talking()
    assert call.give(ev.EarlyMedia(), 2.5) == []
    assert call.give(ev.Answered(), 2.6) == []
    assert call.machine.answered_at == 2.0


def test_before_there_is_a_path_to_the_callee_keys_go_nowhere() -> None:
    call = ringing()
    assert call.press("5*91", 0.5) == []
    assert call.machine.state is S.RINGING


def test_with_early_media_keys_and_the_code_work() -> None:
    call = early()
    assert call.press("5", 1.1) == [do.RelayDigits("5")]
    assert call.press("*92", 1.2) == [do.StartDrop(2)]
    assert call.give(ev.DropTaken(), 1.3) == [do.ToneOn("confirmation")]


# -- keys -------------------------------------------------------------------------------------------


def test_other_keys_are_relayed_in_order_and_the_code_is_not() -> None:
    call = talking()
    assert call.press("12*0", 3.0) == [do.RelayDigits("1"), do.RelayDigits("2"), do.RelayDigits("*0")]
    assert call.press("*93", 4.0) == [do.StartDrop(3)]


def test_half_a_code_is_relayed_after_a_second_and_a_half() -> None:
    call = talking()
    assert call.press("*9", 3.0) == []
    assert call.machine.due == 4.5
    assert call.until(4.49) == []
    assert call.until(4.5) == [do.RelayDigits("*9")]
    assert call.machine.due is None


def test_a_tick_that_is_not_due_changes_nothing() -> None:
    call = talking()
    call.press("*", 3.0)
    assert call.machine.handle(ev.Tick(), 3.1) == []
    assert call.machine.due == 4.5


# -- the code is taken ------------------------------------------------------------------------------


def test_the_agent_is_free_when_the_confirmation_has_sounded() -> None:
    call = confirming()
    assert call.machine.due == pytest.approx(3.13)
    assert call.until(3.12) == []
    got = call.until(3.14)
    assert got == [do.ToneOff(), do.FreeAgent(), do.Finish(None, "the agent is free")]
    assert call.machine.state is S.ENDED


def test_without_a_confirmation_the_agent_is_free_at_once() -> None:
    call = Call(confirmation=False)
    call.give(ev.Answered(), 2.0)
    call.press("*91", 3.0)
    assert call.give(ev.DropTaken(), 3.01) == [do.FreeAgent(), do.Finish(None, "the agent is free")]
    assert call.machine.state is S.ENDED


def test_a_tick_before_the_confirmation_has_sounded_frees_nobody() -> None:
    call = confirming()
    assert call.machine.handle(ev.Tick(), 3.05) == []
    assert call.machine.state is S.CONFIRMING


def test_an_agent_who_hangs_up_during_the_confirmation_leaves_the_drop_alone() -> None:
    assert confirming().give(ev.AgentGone(16), 3.05) == [do.Finish(None, "the agent hung up")]


@pytest.mark.parametrize("event", [ev.CalleeGone(16), ev.CalleeTaken(), ev.Digit("5"), ev.HandOver(), ev.Answered()])
def test_what_happens_to_the_drops_leg_does_not_concern_the_call_any_more(event: ev.Event) -> None:
    call = confirming()
    assert call.give(event, 3.05) == []
    assert call.machine.state is S.CONFIRMING


def test_a_confirmation_that_breaks_ends_the_agent_and_not_the_callee() -> None:
    assert confirming().give(ev.Broken("gone"), 3.05) == [do.EndAgent(41), do.Finish(None, "gone")]


# -- between the code and the engine's answer -------------------------------------------------------


def test_keys_behind_the_code_do_not_reach_the_mailbox_of_the_drop() -> None:
    call = asking()
    assert call.press("5*91#", 3.005) == []
    assert call.give(ev.DropTaken(), 3.01) == [do.ToneOn("confirmation")]


def test_an_agent_who_presses_the_code_and_hangs_up_does_not_take_the_leg_along() -> None:
    call = asking()
    assert call.give(ev.AgentGone(16), 3.005) == []
    assert call.give(ev.DropTaken(), 3.01) == [do.Finish(None, "the agent hung up")]
    assert call.machine.state is S.ENDED


def test_an_agent_who_hangs_up_on_a_refused_code_ends_the_call() -> None:
    call = asking()
    call.give(ev.AgentGone(16), 3.005)
    got = call.give(ev.CodeRefused("no message"), 3.01)
    assert got == [do.ToneOn("error"), do.HangUpCallee(16), do.Finish(None, "the agent hung up")]


def test_a_callee_who_hangs_up_meanwhile_is_the_drops_matter_if_it_is_taken() -> None:
    call = asking()
    assert call.give(ev.CalleeGone(16), 3.005) == []
    assert call.give(ev.DropTaken(), 3.01) == [do.ToneOn("confirmation")]


def test_a_callee_who_hangs_up_meanwhile_ends_the_call_if_the_code_is_refused() -> None:
    call = asking()
    call.give(ev.CalleeGone(17), 3.005)
    got = call.give(ev.CodeRefused("no"), 3.01)
    assert got[-2:] == [do.EndAgent(17), do.Finish(None, "the callee's leg ended")]


def test_what_breaks_meanwhile_ends_the_call() -> None:
    call = asking()
    got = call.give(ev.Broken("the call's inbox overflowed"), 3.005)
    assert got == [do.HangUpCallee(41), do.EndAgent(41), do.Finish(None, "the call's inbox overflowed")]


def test_an_answer_meanwhile_keeps_its_time() -> None:
    call = early()
    call.press("*91", 2.0)
    call.give(ev.Answered(), 2.1)
    call.give(ev.CodeRefused("no"), 2.5)
    assert call.machine.state is S.TALKING
    assert call.machine.answered_at == 2.1


# -- the code is refused ----------------------------------------------------------------------------


def test_a_refused_code_sounds_an_error_and_the_call_goes_on() -> None:
    call = asking()
    assert call.give(ev.CodeRefused("slot 1 has no message"), 3.01) == [do.ToneOn("error")]
    assert call.machine.state is S.TALKING
    assert call.until(3.50) == []
    assert call.until(3.51) == [do.ToneOff()]
    assert call.press("7*94", 5.0) == [do.RelayDigits("7"), do.StartDrop(4)]


def test_keys_behind_a_refused_code_are_relayed_after_all() -> None:
    call = asking()
    call.press("42", 3.005)
    got = call.give(ev.CodeRefused("no"), 3.01)
    assert got == [do.ToneOn("error"), do.RelayDigits("4"), do.RelayDigits("2")]


def test_a_second_code_behind_a_refused_one_is_asked_for_then() -> None:
    call = asking()
    call.press("*925", 3.005)
    assert call.give(ev.CodeRefused("no"), 3.01) == [do.ToneOn("error"), do.StartDrop(2)]
    assert call.give(ev.CodeRefused("no"), 3.02) == [do.ToneOff(), do.ToneOn("error"), do.RelayDigits("5")]


def test_a_code_that_is_refused_before_the_answer_leaves_it_ringing() -> None:
    call = early()
    call.press("*91", 2.0)
    call.give(ev.CodeRefused("no"), 2.1)
    assert call.machine.state is S.RINGING


def test_a_second_tone_stops_the_first() -> None:
    call = asking()
    call.give(ev.CodeRefused("no"), 3.01)
    call.press("*92", 3.2)
    assert call.give(ev.DropTaken(), 3.21) == [do.ToneOff(), do.ToneOn("confirmation")]


def test_half_a_code_is_relayed_while_the_error_sounds() -> None:
    call = asking()
    call.give(ev.CodeRefused("no"), 3.01)
    call.press("*", 3.1)
    assert call.until(4.6) == [do.ToneOff(), do.RelayDigits("*")]


# -- the ends ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("reach", [ringing, early, talking])
def test_when_the_agent_hangs_up_so_does_the_callee(reach: Callable[[], Call]) -> None:
    got = reach().give(ev.AgentGone(16), 3.0)
    assert got == [do.HangUpCallee(16), do.Finish(None, "the agent hung up")]


@pytest.mark.parametrize("reach", [ringing, early, talking])
def test_when_the_callee_ends_the_agent_is_told_the_cause(reach: Callable[[], Call]) -> None:
    got = reach().give(ev.CalleeGone(17, 486), 3.0)
    assert got == [do.EndAgent(17), do.Finish(None, "the callee's leg ended")]


@pytest.mark.parametrize("reach", [ringing, early, talking])
def test_a_transferred_callee_is_let_go_untouched(reach: Callable[[], Call]) -> None:
    got = reach().give(ev.CalleeTaken(), 3.0)
    assert got == [do.FreeAgent(), do.Finish(None, "the callee was taken out of the call")]


@pytest.mark.parametrize("reach", [ringing, early, talking])
def test_what_breaks_ends_both(reach: Callable[[], Call]) -> None:
    got = reach().give(ev.Broken("the bridge is gone"), 3.0)
    assert got == [do.HangUpCallee(41), do.EndAgent(41), do.Finish(None, "the bridge is gone")]


@pytest.mark.parametrize("reach", [ringing, early, talking])
def test_an_engine_that_stops_leaves_the_two_joined(reach: Callable[[], Call]) -> None:
    assert reach().give(ev.HandOver(), 3.0) == [do.Finish(None, "the engine stops; the two stay joined")]


@pytest.mark.parametrize("reach", [ringing, early, talking])
@pytest.mark.parametrize(
    "event",
    [
        ev.AgentReplaced("agent2"),
        ev.DropTaken(),
        ev.CodeRefused("nobody asked"),
        ev.TapLost("gone"),
        ev.PlaybackFinished("tone1"),
        ev.Arrived(),
    ],
)
def test_what_does_not_concern_it_changes_nothing(reach: Callable[[], Call], event: ev.Event) -> None:
    call = reach()
    before = call.machine.state
    assert call.give(event, 2.5) == []
    assert call.machine.state is before


EVENTS: list[ev.Event] = [
    ev.Answered(),
    ev.EarlyMedia(),
    ev.Arrived(),
    ev.TapLost("gone"),
    *[ev.Digit(key) for key in "**991123#"],
    ev.PlaybackStarted("tone1"),
    ev.PlaybackFinished("tone1"),
    ev.Resumed("play1", 0.0),
    ev.AgentGone(16),
    ev.CalleeGone(16),
    ev.AgentReplaced("agent2"),
    ev.CalleeTaken(),
    ev.DropTaken(),
    ev.CodeRefused("no"),
    ev.CodeRefused("no"),
    ev.Broken("broken"),
    ev.HandOver(),
    ev.Tick(),
]


@pytest.mark.parametrize("event", EVENTS, ids=repr)
def test_after_the_end_nothing_is_commanded(event: ev.Event) -> None:
    call = ended()
    assert call.machine.due is None
    assert call.give(event, 5.0) == []
    assert call.machine.state is S.ENDED


def test_a_state_is_left_only_where_the_table_allows() -> None:
    call = confirming()
    with pytest.raises(AssertionError, match="from CONFIRMING to TALKING"):
        call.machine._to(S.TALKING, ev.Tick())


@settings(max_examples=300)
@given(
    reach=st.sampled_from([ringing, early, talking, asking]),
    course=st.lists(st.tuples(st.floats(0.0, 1.0), st.sampled_from(EVENTS)), max_size=40),
)
def test_whatever_happens_a_call_ends_at_most_once(
    reach: Callable[[], Call], course: list[tuple[float, ev.Event]]
) -> None:
    call = reach()
    asked, sounding, over, audible = reach is asking, False, False, reach is not ringing
    now = call.now
    for gap, event in course:
        now += gap
        ticked = call.until(now)
        audible = audible or isinstance(event, ev.Answered | ev.EarlyMedia)
        answer = isinstance(event, ev.DropTaken | ev.CodeRefused)
        if answer and call.machine.state is S.ASKING:
            asked = False
        for command in [*ticked, *call.give(event, now)]:
            assert not over, "nothing is commanded after the end"
            match command:
                case do.StartDrop():
                    assert not asked, "one drop at a time is asked for"
                    assert audible
                    asked = True
                case do.RelayDigits(digits):
                    assert digits
                    assert audible
                    assert not asked, "a digit would reach the mailbox of the drop"
                case do.ToneOn():
                    assert not sounding, "a second tone would wait behind the first for ever"
                    sounding = True
                case do.ToneOff():
                    assert sounding
                    sounding = False
                case do.Finish(outcome):
                    assert outcome is None
                    over = True
    assert over == (call.machine.state is S.ENDED)
    assert (call.machine.due is None) or not over


@given(
    keys=st.lists(st.tuples(st.floats(0.0, 2.0), st.sampled_from("**99123450#")), max_size=30),
    patience_s=st.floats(0.0, 1.0),
)
def test_where_every_code_is_refused_each_key_was_relayed_or_part_of_a_code(
    keys: list[tuple[float, str]], patience_s: float
) -> None:
    call = talking()
    now, refuse_at = call.now, float("inf")
    out: list[Command] = []
    for gap, key in keys:
        now += gap
        while refuse_at <= now:
            out += call.give(ev.CodeRefused("no"), refuse_at)
            refuse_at = refuse_at + patience_s if call.machine.state is S.ASKING else float("inf")
        out += call.give(ev.Digit(key), now)
        if call.machine.state is S.ASKING and refuse_at == float("inf"):
            refuse_at = now + patience_s
    while call.machine.state is S.ASKING:
        now += 1.0
        out += call.give(ev.CodeRefused("no"), now)
    out += call.until(now + 5.0)
    said = ""
    for command in out:
        if isinstance(command, do.RelayDigits):
            said += command.digits
        elif isinstance(command, do.StartDrop):
            said += f"*9{command.slot}"
    assert said == "".join(key for _, key in keys)


# -- a drop that somebody else asks for -------------------------------------------------------------


def test_what_the_api_asks_for_is_done_like_a_code() -> None:
    call = talking()
    assert call.give(ev.DropWanted("r1", 0, "m1"), 3.0) == [do.StartDrop(0, "m1", "r1")]
    assert call.machine.state is S.ASKING
    assert call.give(ev.DropTaken(), 3.1) == [do.ToneOn("confirmation")]


def test_refused_to_the_api_the_agent_hears_nothing() -> None:
    call = talking()
    call.give(ev.DropWanted("r1", 2, ""), 3.0)
    assert call.give(ev.CodeRefused("no", audible=False), 3.1) == []
    assert call.machine.state is S.TALKING
    assert call.press("*92", 4.0) == [do.StartDrop(2)]


def test_while_nobody_is_on_the_line_the_api_is_refused() -> None:
    call = ringing()
    assert call.give(ev.DropWanted("r1", 1, ""), 0.5) == [do.RefuseRequest("r1")]
    assert call.machine.state is S.RINGING


def test_in_early_media_the_api_may_ask() -> None:
    assert early().give(ev.DropWanted("r1", 1, ""), 1.5) == [do.StartDrop(1, "", "r1")]


def test_of_two_that_ask_at_once_the_second_waits_for_the_firsts_answer() -> None:
    call = talking()
    call.give(ev.DropWanted("r1", 1, ""), 3.0)
    assert call.give(ev.DropWanted("r2", 2, ""), 3.1) == []
    assert call.give(ev.CodeRefused("no", audible=False), 3.2) == [do.StartDrop(2, "", "r2")]
