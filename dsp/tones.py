"""From hops to beeps: follows tones, tells when one is a beep, and when it is over."""

from collections import deque
from collections.abc import Sequence
from typing import Final

from dsp.doubt import DOUBT, second_vote
from dsp.events import BeepDropped, BeepEnded, BeepStarted
from dsp.evidence import Context, Evidence
from dsp.forest import vote
from dsp.past import CLEAR_HOPS, CLEAR_PURITY, Past
from dsp.progress import Burst, ProgressMemory, follows_in_sit, sit_position
from dsp.recent import Recent
from dsp.settings import ToneSettings
from dsp.sharpness import Sharpness, sharpness
from dsp.spectrum import HOP_MS, WINDOW_CENTRE_MS, Hop
from dsp.track import Stage, Track

BeepDetection = BeepStarted | BeepEnded | BeepDropped

MOST_TRACKS: Final = 4
"""A tone that is held, its successor, and two to spare: state stays bounded."""
_CROWD: Final = 8
_TAIL_HOPS: Final = 30
_SIT_HOLD_MS: Final = 120.0
"""Long enough to know the next of the three tones for what it is."""


def may_begin(hop: Hop, settings: ToneSettings) -> bool:
    """May it be the first of a tone?"""
    return (
        hop.tonality >= settings.open_tonality
        and hop.first_dbfs >= settings.weakest_dbfs
        and settings.lowest_hz <= hop.first_hz <= settings.highest_hz
    )


class BeepFinder:
    """Hops in, beep detections out.

    Follows the strongest peak of the spectrum. A new track is opened only when no living one has its tone in
    the hop, so the two tones of a pair share a track. Delay: `BeepStarted` comes some 90 ms after the onset,
    `BeepEnded` a hold time after the end, or both together for a short tone. The forest judges every tone that is over.
    """

    def __init__(self, settings: ToneSettings, memory: ProgressMemory, past: Past, recent: Recent) -> None:
        """Memory, past and samples are its stream's. Whoever feeds this feeds the past with the same hop before."""
        self._settings = settings
        self._memory = memory
        self._past = past
        self._recent = recent
        self._tracks: list[Track] = []
        self._ended: deque[tuple[float, float]] = deque(maxlen=_CROWD + MOST_TRACKS)  # when, and when that was known

    @property
    def hears_tone(self) -> bool:
        """A steady tone goes on: what sounds now is not speech."""
        return bool(self._tracks) and any(track.stage is not Stage.CANDIDATE for track in self._tracks)

    @property
    def tracks(self) -> Sequence[Track]:
        """What is followed, at most `MOST_TRACKS`."""
        return self._tracks

    def cares(self, hop: Hop) -> bool:
        """Is `feed` wanted for this hop? Most hops have no tone, and no track waits for one."""
        return bool(self._tracks) or hop.tonality >= self._settings.open_tonality

    def take_over(self, hops: Sequence[Hop], *, floor_dbfs: float, spoke_ms: float) -> list[BeepDetection]:
        """What `follow` did not know has been in these hops, the newest of the past: `feed` would have followed it."""
        first, *others = hops
        track = self._open(first, floor_dbfs, spoke_ms)
        for hop in others:
            track.follow(hop)
        return self._go_on(track, hops[-1].end_ms)

    def feed(self, hop: Hop, *, floor_dbfs: float, spoke_ms: float) -> list[BeepDetection]:
        """Take the next hop; say how loud the noise floor is, and when speech was last heard."""
        found, taken = self.follow(hop)
        if not taken and len(self._tracks) < MOST_TRACKS and may_begin(hop, self._settings):
            self._open(hop, floor_dbfs, spoke_ms)
        return found

    def follow(self, hop: Hop) -> tuple[list[BeepDetection], bool]:
        """Take the next hop, but begin no track. Is a tone that was followed in it?"""
        found: list[BeepDetection] = []
        taken = False
        # All look, not only the first: after a gap two tracks may both know the tone, and both go on.
        for track in tuple(self._tracks):
            if track.follow(hop):
                taken = True
                found += self._go_on(track, hop.end_ms)
            elif not track.active:  # too short to be anything
                self._tracks.remove(track)
            # A single missed hop says nothing yet.
            elif track.missed_ms > HOP_MS and (track.over_ms is None or hop.end_ms >= track.over_ms):
                found += self._maybe_end(track, hop.end_ms)
        return found, taken

    def _open(self, hop: Hop, floor_dbfs: float, spoke_ms: float) -> Track:
        settings = self._settings
        began_ms = hop.end_ms - WINDOW_CENTRE_MS
        ended_ms = [ended_ms for ended_ms, known_ms in self._ended if known_ms <= hop.end_ms][-_CROWD:]
        context = Context(
            floor_dbfs=floor_dbfs,
            crowd=sum(began_ms - one_ms < settings.crowd_ms for one_ms in ended_ms),
            since_speech_ms=began_ms - spoke_ms,
        )
        track = Track(hop, settings, self._past, context)
        self._tracks.append(track)
        return track

    def _go_on(self, track: Track, now_ms: float) -> list[BeepDetection]:
        """The tone is in this hop: what is to be said about it now?"""
        if now_ms - track.first_ms > self._settings.longest_ms:
            return self._outgrow(track, now_ms)
        if track.stage is Stage.CANDIDATE and track.steady():
            return self._start(track, now_ms)
        return []

    def _start(self, track: Track, now_ms: float) -> list[BeepDetection]:
        track.start_ms = track.onset_ms()
        frequencies = track.frequencies_hz()
        if self._memory.is_progress(frequencies, track.start_ms) or self._follows_living_sit(track):
            track.stage = Stage.CALL_PROGRESS
            return []
        track.stage = Stage.BEEP
        return [
            BeepStarted(
                at_ms=now_ms,
                start_ms=track.start_ms,
                frequencies_hz=frequencies,
                level_dbfs=track.level_dbfs(),
            )
        ]

    def _outgrow(self, track: Track, now_ms: float) -> list[BeepDetection]:
        """Follow it to its end, but say no more of it."""
        dropped: list[BeepDetection] = []
        if track.stage is Stage.BEEP:
            dropped.append(BeepDropped(at_ms=now_ms, start_ms=track.start_ms))
        track.stage = Stage.TOO_LONG
        track.forget_all_but(_TAIL_HOPS)
        return dropped

    def _maybe_end(self, track: Track, now_ms: float) -> list[BeepDetection]:
        """The tone is not in this hop: is it over, and was it a beep?"""
        end_ms = track.end_ms()
        start_ms = track.onset_ms() if track.stage is Stage.CANDIDATE else track.start_ms
        # The shortest hold first: most tones are heard again before it is over.
        track.over_ms = end_ms + self._settings.holds_ms[0][1]
        if now_ms >= track.over_ms:
            track.over_ms = end_ms + self._hold_ms(track, max(0.0, end_ms - start_ms))
        if now_ms < track.over_ms:
            return []
        self._tracks.remove(track)
        found: list[BeepDetection] = []
        convinced = track.stage is not Stage.TOO_LONG and self._convinces(track, end_ms, now_ms)
        if len(track) >= self._settings.crowd_hops:
            self._ended.append((end_ms, now_ms))
        clear = len(track) >= CLEAR_HOPS and track.purity() >= CLEAR_PURITY
        self._past.tone_over(track.onset_ms(), end_ms, clear=clear)
        if track.stage is Stage.CANDIDATE:
            if not convinced:
                return []
            found += self._start(track, now_ms)
        burst = Burst(track.frequencies_hz(), track.start_ms, end_ms)
        if track.stage is Stage.BEEP:
            network = self._sit_goes_on(track) or self._memory.is_cadence(burst)
            if convinced and not network and not self._memory.is_twin(burst):
                found.append(
                    BeepEnded(
                        at_ms=now_ms,
                        start_ms=track.start_ms,
                        end_ms=end_ms,
                        frequencies_hz=burst.frequencies_hz,
                        level_dbfs=track.level_dbfs(),
                        confidence=track.confidence(),
                    )
                )
            else:
                found.append(BeepDropped(at_ms=now_ms, start_ms=track.start_ms))
        self._memory.remember(burst)
        return found

    def _convinces(self, track: Track, end_ms: float, now_ms: float) -> bool:
        """Now that it is over: was it a beep?"""
        evidence = self._evidence(track, end_ms)
        if evidence is None:
            return False
        first = vote(evidence)
        if not DOUBT[0] <= first < DOUBT[1]:
            return first > 0.0
        return second_vote(first, self._sharpness(track, end_ms, now_ms)) >= self._settings.least_vote

    def _sharpness(self, track: Track, end_ms: float, now_ms: float) -> Sharpness:
        start_ms = track.onset_ms()
        half_hz = track.slope_hz_per_s() * (end_ms - start_ms) / 2000
        hz = track.median_hz()
        return sharpness(self._recent, (start_ms, end_ms), (hz - half_hz, hz + half_hz), now_ms)

    def _evidence(self, track: Track, end_ms: float) -> Evidence | None:
        """What it says for itself; None where that is not worth asking."""
        settings = self._settings
        if len(track) < settings.fewest_hops or track.is_close_pair():
            return None
        if track.hopeless():
            return None
        track.trim()
        if len(track) < settings.fewest_hops or end_ms - track.onset_ms() < settings.shortest_ms:
            return None
        return track.evidence()

    def _hold_ms(self, track: Track, length_ms: float) -> float:
        holds_ms = self._settings.holds_ms
        hold = next(hold for least, hold in holds_ms if length_ms >= least)
        if hold > holds_ms[0][1] and len(track.frequencies_hz()) == 2:
            hold = holds_ms[0][1]  # double beeps are of one tone
        if sit_position((track.median_hz(),)) in (0, 1):
            return max(hold, _SIT_HOLD_MS)
        return hold

    def _follows_living_sit(self, track: Track) -> bool:
        """Is a tone that is still being held the one before this in a special information tone?"""
        return any(
            other is not track
            and other.first_ms < track.first_ms
            and follows_in_sit(other.frequencies_hz(), track.frequencies_hz())
            for other in self._tracks
        )

    def _sit_goes_on(self, track: Track) -> bool:
        return any(
            other.active
            and other.first_ms > track.first_ms
            and follows_in_sit(track.frequencies_hz(), other.frequencies_hz())
            for other in self._tracks
        )
