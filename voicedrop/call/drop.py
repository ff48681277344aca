"""One drop, from the code to the receipt, as a state machine: events in, commands out.

Pure: no socket, no clock. `now` is the engine's monotonic time in seconds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from voicedrop.call import commands as do
from voicedrop.call import events as ev
from voicedrop.call.commands import Command
from voicedrop.call.cue import CuePolicy, EchoEar, GiveUp, Ruling, TakeBack
from voicedrop.call.endings import leg_gone, never_placed
from voicedrop.call.facts import DropFacts, DropSettings
from voicedrop.call.hearing import Hearing
from voicedrop.call.states import ALLOWED, S
from voicedrop.call.verdict import ENDS_IN, Answer, Verdict
from voicedrop.model import Cue, HungUpBy, Outcome

log = logging.getLogger(__name__)

ARRIVE_TIMEOUT_S = 3.0  # a move takes 2-6 ms; a leg that has not arrived by then never will
START_TIMEOUT_S = 13.0  # a playback starts within 20 ms, behind a journal that may take ten seconds
FINISH_SLACK_S = 5.0  # PlaybackFinished comes 10-25 ms behind the last frame
HANG_UP_TIMEOUT_S = 5.0
HEARD_S = 0.1  # less than this of a message is nothing
WHOLE_SLACK_S = 0.25  # a playback that ended this much early was still whole


class Drop:
    """The life of one drop. Give each event to `handle`; call it with Tick when `due` has come."""

    def __init__(
        self,
        *,
        settings: DropSettings,
        message_s: float,
        hearing: Hearing,
        tapped: bool,
        playback_id: Callable[[int], str],
        accepted_at: float,
        answered_at: float | None,
        echo: EchoEar | None = None,
        placed: bool = True,
    ) -> None:
        self.state = S.ARRIVING if placed else S.ORDERED
        self.facts = DropFacts(accepted_at=accepted_at, answered_at=answered_at)
        self.hearing = hearing
        self._settings = settings
        self._message_s = message_s
        self._cue = CuePolicy(settings.cue, hearing, echo)
        self._tapped = tapped
        self._playback_id = playback_id
        self._plays = 0
        self._playback = ""
        self._blind_since: float | None = None  # from here on nobody saw what became of the leg
        self._handed_over = False  # the engine stops: a message that plays goes on, another does not begin
        self._next = (Outcome.FAILED, "")  # what HANGING_UP ends in
        self._deadline: float | None = accepted_at + ARRIVE_TIMEOUT_S if placed else None
        self._cue.by_beep = self._cue.by_silence = settings.vouched

    def begin(self, now: float) -> None:
        """The leg is on its way: the time in which it must arrive counts from here."""
        if self.state is S.ARRIVING:
            self._deadline = now + ARRIVE_TIMEOUT_S

    @property
    def due(self) -> float | None:
        """When a Tick is wanted."""
        times = [self._deadline, self._cue.due if self.state in (S.WAITING, S.STARTING, S.PLAYING) else None]
        return min((t for t in times if t is not None), default=None)

    def handle(self, event: ev.Event, now: float) -> list[Command]:
        """Take in one event; what is to be done, in order."""
        if self.state is S.ENDED:
            return []
        if isinstance(event, ev.EventsLost | ev.EventsBack):
            self._blind_since = now if isinstance(event, ev.EventsLost) else None
            return []
        if isinstance(event, ev.Heard):
            self.hearing.note(event.detection, now)
        if isinstance(event, ev.Answered) and self.facts.answered_at is None:
            self.facts.answered_at = now
            self.hearing.answered()
            self._step("answered", now)

        match self.state, event:
            case S.ORDERED, _:
                return self._ordered(event, now)
            case _, ev.CalleeGone():
                return self._callee_gone(event, now)
            case _, ev.CalleeTaken():
                return self._end(self._outcome_so_far(now), "the leg was taken out of the drop", event, now)
            case _, ev.Broken(reason):
                return self._hang_up(self._outcome_so_far(now), reason, event, now)

            case ((S.ARRIVING | S.RINGING | S.WAITING | S.STARTING | S.PLAYING), ev.Cancelled(by)):
                self._step("cancelled", now)
                unanswered = not self._settings.vouched and self.facts.answered_at is None
                outcome = Outcome.NOT_CONNECTED if unanswered else self._outcome_so_far(now)
                return self._hang_up(outcome, f"cancelled by {by}", event, now)

            case S.ARRIVING, ev.Arrived():
                listen: list[Command] = [*([] if self._tapped else [do.Listen()]), do.Identify()]
                if self.facts.answered_at is None:  # Asterisk sends nothing on a leg before its answer
                    self._to(S.RINGING, event)
                    return listen
                return [do.SendSilence(), *listen, *self._wait(event, now)]
            case ((S.RINGING | S.WAITING), ev.Resumed(playback, began_at)):
                if self.state is S.RINGING:  # it was answered after it was accepted, before that run ended
                    self.facts.answered_at = began_at
                    self._to(S.WAITING, event)
                self._playback, self._plays = playback, int(playback.rpartition("play")[2] or 0)
                self.facts.play_started_at = began_at
                self._cue.resumed(began_at, restarts=self._plays - 1)
                self._to(S.STARTING, event)
                return self._to(S.PLAYING, event, deadline=began_at + self._message_s + FINISH_SLACK_S)
            case ((S.ARRIVING | S.RINGING), ev.TakenBack(reason)):
                return self._hang_up(Outcome.NOT_CONNECTED, reason, event, now)
            case S.ARRIVING, ev.Tick() if self._overdue(now):
                return self._hang_up(Outcome.FAILED, "the leg did not arrive in the drop app", event, now)
            case S.RINGING, ev.Answered():
                return [do.SendSilence(), *self._wait(event, now)]
            case S.RINGING, ev.HandOver():
                return self._hang_up(Outcome.FAILED, "the engine stopped before the answer", event, now)

            case ((S.ARRIVING | S.RINGING | S.WAITING), ev.TapLost(reason)):
                return self._hang_up(Outcome.FAILED, f"the live audio was lost: {reason}", event, now)
            case ((S.ARRIVING | S.WAITING), ev.HandOver()):
                return self._give_to_dialplan(event, now)
            case S.WAITING, ev.Judged(verdict) if not self._settings.vouched:
                return self._judge(verdict, event, now)
            case ((S.WAITING | S.STARTING | S.PLAYING), ev.Heard(detection)):
                return self._rule(self._cue.hear(detection, now), event, now)

            # From here on an event that names another playback than ours changes nothing.
            case S.STARTING, ev.PlaybackStarted(playback) if playback == self._playback:
                self.facts.play_started_at = now
                self._step("message_start", now)
                return self._to(S.PLAYING, event, deadline=now + self._message_s + FINISH_SLACK_S)
            case S.STARTING, ev.Tick() if self._overdue(now):
                return self._hang_up(Outcome.FAILED, "the message did not start to play", event, now)
            case ((S.STARTING | S.PLAYING), ev.TapLost(reason)):
                self.facts.deaf = reason  # the message goes on; nobody listens for an early start
                return []
            case ((S.STARTING | S.PLAYING), ev.PlaybackFinished(playback)) if playback == self._playback:
                return self._played(event, now)
            case ((S.STARTING | S.PLAYING), ev.HandOver()):
                self._handed_over = True
                return []
            case S.PLAYING, ev.Tick() if self._overdue(now):
                return self._hang_up(self._outcome_so_far(now), "the message's end was not reported", event, now)
            case ((S.WAITING | S.STARTING | S.PLAYING), ev.Tick()):
                return self._rule(self._cue.tick(now), event, now)

            case S.TAIL, ev.Tick() if self._overdue(now):
                return self._hang_up(*self._next, event, now)
            case S.HANGING_UP, ev.Tick() if self._overdue(now):
                self.facts.hung_up_by = HungUpBy.ENGINE if self._blind_since is None else HungUpBy.UNKNOWN
                return self._end(*self._next, event, now)
        return []

    # -- the steps of a life, in order --------------------------------------------------------------

    def _ordered(self, event: ev.Event, now: float) -> list[Command]:
        """Unattended, and no leg is placed yet."""
        if isinstance(event, ev.Placed):
            return self._to(S.ARRIVING, event, deadline=now + ARRIVE_TIMEOUT_S)
        if isinstance(event, ev.MayCall):
            return [do.PlaceCall()]
        return self._end(*ending, event, now) if (ending := never_placed(event)) else []

    def _wait(self, event: ev.Event, now: float) -> list[Command]:
        self._to(S.WAITING, event)
        return self._rule(self._cue.begin(now), event, now)

    def _rule(self, ruling: Ruling, event: ev.Event, now: float) -> list[Command]:
        match ruling:
            case Cue():
                self.facts.cue = ruling
                self.facts.quiet_since = ruling.beep.ended_at if ruling.beep else self.hearing.voice_ended_at
                self._step(f"cue_{ruling.reason}", now)
                return self._play(event, now)
            case TakeBack(reason):
                stop = do.StopPlayback(self._playback)
                self._step(f"taken_back_{reason}", now)
                self.facts.restarts = self._cue.restarts
                self.facts.cue = self.facts.play_started_at = None
                self._to(S.WAITING, event)
                self._cue.by_beep = self._cue.by_silence = self._settings.vouched  # else it may be a person's voice
                if self._handed_over:
                    return [stop, *self._give_to_dialplan(event, now)]
                return [stop, do.SendSilence(), *self._rule(self._cue.again(now), event, now)]
            case GiveUp(reason):
                return self._hang_up(Outcome.NO_CUE, reason, event, now)
            case None:
                return []

    def _judge(self, verdict: Verdict, event: ev.Event, now: float) -> list[Command]:
        """Nobody vouches for a mailbox: until the ear says that it is one, nothing starts the message."""
        self.facts.verdict = verdict
        self._step(f"verdict_{verdict.answer}", now)
        if verdict.answer is not Answer.MAILBOX:
            return self._hang_up(ENDS_IN[verdict.answer], str(verdict), event, now)
        sure = verdict.confidence >= self._settings.sure
        return self._rule(self._cue.judged(now, guessed=verdict.guessed, sure=sure), event, now)

    def _play(self, event: ev.Event, now: float) -> list[Command]:
        self._plays += 1
        self._playback = self._playback_id(self._plays)
        self._to(S.STARTING, event, deadline=now + START_TIMEOUT_S)
        # Silence is queued behind the message, so that the leg never stops sending RTP.
        return [do.Play(self._playback), do.SendSilence()]

    def _played(self, event: ev.PlaybackFinished, now: float) -> list[Command]:
        outcome = self._played_outcome(now, event.lasted_s)
        if outcome is Outcome.DELIVERED:
            self._next = (outcome, "the whole message was played")
            self._step("message_end", now)
        else:
            # A callee who hangs up ends the playback first and the leg right after: TAIL waits for that.
            reason = "Asterisk could not play the message" if event.failed else "the playback ended early"
            self._next = (outcome, reason)
        return self._to(S.TAIL, event, deadline=now + self._settings.tail_s)

    def _played_outcome(self, now: float, lasted_s: float | None = None) -> Outcome:
        """How much was played until `now`, or by Asterisk's own clock, as an outcome."""
        started = self.facts.play_started_at
        if self.state in (S.STARTING, S.PLAYING):
            until = now if self._blind_since is None else min(now, self._blind_since)
            self.facts.play_ended_at = until
            if lasted_s is None:  # events come late where the machine is busy
                lasted_s = until - started if started is not None else 0.0
            self.facts.played_s = max(0.0, min(lasted_s, self._message_s))
        if self.facts.played_s >= self._message_s - WHOLE_SLACK_S:
            self.facts.played_s = self._message_s
            return Outcome.DELIVERED
        # Asterisk reports a start even of a file that it then cannot play.
        return Outcome.PARTLY_DELIVERED if self.facts.played_s >= HEARD_S else Outcome.FAILED

    def _outcome_so_far(self, now: float) -> Outcome:
        """What has been achieved when something breaks now."""
        if self.state in (S.TAIL, S.HANGING_UP):
            return self._next[0]
        return self._played_outcome(now)

    def _hang_up(self, outcome: Outcome, reason: str, event: ev.Event, now: float) -> list[Command]:
        if self.state is S.HANGING_UP:
            return []
        self._next = (outcome, reason)
        self._to(S.HANGING_UP, event, deadline=now + HANG_UP_TIMEOUT_S)
        return [do.HangUpCallee()]

    def _callee_gone(self, event: ev.CalleeGone, now: float) -> list[Command]:
        self.facts.hangup_cause, self.facts.sip_status = event.cause, event.sip
        self.facts.hung_up_by = HungUpBy.CALLEE if event.by_callee else HungUpBy.LIMIT
        if not event.seen:
            self.facts.hung_up_by = HungUpBy.UNKNOWN
        elif self.state is S.HANGING_UP:
            self.facts.hung_up_by = HungUpBy.ENGINE
        answered = self.facts.answered_at is not None
        ending = leg_gone(event, self.state, answered, self._next, lambda: self._played_outcome(now))
        return self._end(*ending, event, now)

    def _give_to_dialplan(self, event: ev.Event, now: float) -> list[Command]:
        if not self._settings.vouched:  # the dialplan would play to whoever is silent
            return self._hang_up(Outcome.FAILED, "the engine stopped before the message", event, now)
        return [
            do.GiveToDialplan(),
            *self._end(Outcome.FAILED, "the engine stopped and gave the leg to the dialplan", event, now),
        ]

    def write_off(self, reason: str, now: float) -> do.Finish:
        """End it without anybody having seen the end."""
        self._end(self._outcome_so_far(now), reason, ev.Broken(reason), now)
        assert self.facts.outcome is not None
        return do.Finish(self.facts.outcome, reason)

    def _end(self, outcome: Outcome, reason: str, event: ev.Event, now: float) -> list[Command]:
        self.facts.outcome, self.facts.reason, self.facts.hung_up_at = outcome, reason, now
        self.facts.first_voice_at = self.hearing.first_voice_at
        self._step("ended", now)
        self._to(S.ENDED, event)
        return [do.Finish(outcome, reason)]

    def _to(self, state: S, event: ev.Event, *, deadline: float | None = None) -> list[Command]:
        if state not in ALLOWED[self.state]:
            raise AssertionError(f"a drop cannot go from {self.state.name} to {state.name}")
        log.debug("%s -> %s (%s)", self.state.name, state.name, type(event).__name__)
        self.state, self._deadline = state, deadline
        return []

    def _overdue(self, now: float) -> bool:
        return self._deadline is not None and now >= self._deadline

    def _step(self, name: str, now: float) -> None:
        self.facts.steps.append((name, now))
