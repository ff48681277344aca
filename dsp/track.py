"""One tone followed from hop to hop, and whether it is steady enough for a machine's."""

from enum import Enum, auto
from operator import sub
from typing import Final

from dsp import edges
from dsp.evidence import Context, Evidence, Path, weigh
from dsp.past import Past
from dsp.settings import ToneSettings
from dsp.shape import Shape, fits, harmonic, median, neighbouring_harmonics, straighten, stray_beginning
from dsp.spectrum import HOP_MS, SILENCE_DBFS, WINDOW_CENTRE_MS, Hop

_RISING_HOPS: Final = 2
"""The newest hops of a pause may be the second burst's beginning already, besides the one in which it is heard."""
_BEFORE_HOPS: Final = 16
_LOOK_HOPS: Final = 4
"""A tone that goes on is looked at in each fourth hop: looking is what costs most."""
_EARLY_BEND_HZ: Final = (6.0, 24.0)
_ROUGH_HOPS: Final = 30
"""The newest hops bend more than this: no steady tone, four times the largest jitter (`settings.STEADY_ENOUGH`) allowed
to tones of fewer than so many hops, and to longer ones."""
_HOPELESS_FALL_DB: Final = -3.0
_HOPELESS_PURITY_DB: Final = -4.0
"""No tone that is over convinces when the sound since is so much louder than it, or when it is so far below everything
(median): of the tuning half's tones that the forest believes or nearly believes each limit has 99.7 % or more on its
good side, and together they have more than half of the others on their bad one."""
_SLOPE_HOPS: Final = 12
"""A shorter tone's slope is chance."""
YOUNG_HOPS: Final = 4
"""Before so many hops a track that misses one was nothing."""


class Stage(Enum):
    """A track's life, in order."""

    CANDIDATE = auto()
    BEEP = auto()
    CALL_PROGRESS = auto()
    TOO_LONG = auto()


class Track:
    """The hops of one tone. Holds at most as many as the longest beep has, then is cut short."""

    def __init__(self, hop: Hop, settings: ToneSettings, past: Past, context: Context) -> None:
        """The first hop it is in; the past has been fed with it, as it must be with each that is followed."""
        self._settings = settings
        self._past = past
        self._context = context
        self.stage = Stage.CANDIDATE
        self.start_ms = 0.0  # fixed when BeepStarted is said
        self.missed_ms = 0.0
        """How long it has not been heard."""
        self.over_ms: float | None = None
        """When it is over, if it is not heard before; known once it is missed."""
        self.first_ms = hop.end_ms - WINDOW_CENTRE_MS
        self._at_ms: list[float] = []
        self._hz: list[float] = []
        self._dbfs: list[float] = []
        self._total_dbfs: list[float] = []
        self._other_hz: list[float] = []
        self._other_dbfs: list[float] = []
        self._widths: list[float] = []
        self._partner: float | None = None
        self._partner_at = (0, 0.0)  # how much was known of the tone when its partner was looked for
        self._known_line = self._line_at = (0.0, 0.0)  # the same of its line
        self._cut: list[float] = []  # levels of the first hops, if they were not the tone
        self._add(hop, as_first=True)

    def _add(self, hop: Hop, *, as_first: bool) -> None:
        """It is in the hop, as the first or the second peak."""
        end_ms, total_dbfs, _, hz, dbfs, width, other_hz, other_dbfs = hop
        if not as_first:
            hz, dbfs, other_hz, other_dbfs = other_hz, other_dbfs, hz, dbfs
        self._at_ms.append(end_ms - WINDOW_CENTRE_MS)
        self._hz.append(hz)
        self._dbfs.append(dbfs)
        self._total_dbfs.append(total_dbfs)
        self._other_hz.append(other_hz)
        self._other_dbfs.append(other_dbfs)
        self._widths.append(width)
        self.over_ms = None

    def _lists(self) -> tuple[list[float], ...]:
        peaks = (self._hz, self._dbfs, self._other_hz, self._other_dbfs)
        return self._at_ms, self._total_dbfs, self._widths, *peaks

    def forget_all_but(self, hops: int) -> None:
        """Keep only the newest hops: of a tone that goes on for hours only the end matters."""
        for kept in self._lists():
            del kept[:-hops]

    def __len__(self) -> int:
        return len(self._at_ms)

    def follow(self, hop: Hop) -> bool:
        """Take the hop if the tone is in it, as either of its peaks."""
        at_ms = hop.end_ms - WINDOW_CENTRE_MS
        missed_ms = at_ms - self._at_ms[-1] - HOP_MS
        settings = self._settings
        if hop.tonality >= settings.keep_tonality:
            step_hz = settings.step_hz + settings.step_hz_per_hop * missed_ms / HOP_MS
            last_hz = self._hz[-1]
            if abs(hop.first_hz - last_hz) <= step_hz and self._goes_on(hop.first_dbfs, missed_ms):
                self._add(hop, as_first=True)
                return True
            if abs(hop.second_hz - last_hz) <= step_hz and self._goes_on(hop.second_dbfs, missed_ms):
                self._add(hop, as_first=False)
                return True
        self.missed_ms = missed_ms + HOP_MS
        return False

    def _goes_on(self, dbfs: float, missed_ms: float) -> bool:
        """Is a peak at its frequency, so loud and so long after it was last heard, still this tone?"""
        settings = self._settings
        return (
            dbfs >= settings.weakest_dbfs
            and dbfs >= max(self._dbfs[-3:]) - settings.step_down_db
            and (missed_ms <= settings.bridge_ms or self._pauses(missed_ms))
        )

    def _pauses(self, missed_ms: float) -> bool:
        """Silent since the tone: should it come back, it is the second burst of the same beep."""
        if not self.active or missed_ms > self._settings.pause_ms:
            return False
        silence = self._since_dbfs()[: -_RISING_HOPS - 1]
        return self.level_dbfs() - max(silence, default=SILENCE_DBFS) >= self._settings.pause_drop_db

    @property
    def last(self) -> tuple[float, float, float]:
        """Its newest frequency, when that hop ended, and when the one ends in which its end is to be thought about."""
        last_ms = self._at_ms[-1] + WINDOW_CENTRE_MS
        return self._hz[-1], last_ms, self.over_ms or last_ms + 2 * HOP_MS

    @property
    def active(self) -> bool:
        """Long enough to be a tone rather than a chance."""
        return len(self._at_ms) >= YOUNG_HOPS

    def onset_ms(self) -> float:
        """Where the tone begins: half its first full amplitude, between hops."""
        return edges.onset_ms(self._at_ms, self._dbfs)

    def end_ms(self) -> float:
        """Where the tone ends: half its last full amplitude, between hops."""
        return edges.end_ms(self._at_ms, self._dbfs)

    def median_hz(self) -> float:
        """Frequency of the tone itself."""
        return median(self._hz)

    def level_dbfs(self) -> float:
        """Median level of the tone, its partner not counted."""
        return median(self._dbfs)

    def frequencies_hz(self) -> tuple[float, ...]:
        """The tone and, if it is one of two steady ones, its partner; ascending."""
        own, other = median(self._hz), self._partner_hz()
        if other is None or harmonic(own, other):
            return (own,)
        return (min(own, other), max(own, other))

    def _partner_hz(self) -> float | None:
        """The other peak, if it stays where it is and is not far below the tone."""
        if self._partner_at != (known := (len(self._at_ms), self._at_ms[-1])):
            self._partner_at, self._partner = known, self._find_partner_hz()
        return self._partner

    def _find_partner_hz(self) -> float | None:
        settings = self._settings
        other = median(self._other_hz)
        if not settings.lowest_hz <= other <= settings.highest_hz:
            return None
        if self.level_dbfs() - median(self._other_dbfs) > settings.partner_below_db:
            return None
        _, jitter = straighten([at / 1000 for at in self._at_ms], self._other_hz)
        return other if jitter <= settings.partner_jitter_hz else None

    def purity(self) -> float:
        """Share of the power in the tone and its partner (a second tone or a harmonic): median, 0 to 1."""
        shares = [10 ** (db / 10) for db in map(sub, self._dbfs, self._total_dbfs)]
        if self._partner_hz() is not None:
            below = map(sub, self._other_dbfs, self._total_dbfs)
            shares = [share + 10 ** (db / 10) for share, db in zip(shares, below, strict=True)]
        return median(shares)

    def shape(self) -> Shape:
        """Jitter, slope and so on over the whole track, without its edges."""
        slope, jitter = self._line()
        pair = self.frequencies_hz()
        if len(pair) == 2 and neighbouring_harmonics(*pair):
            jitter *= self._settings.voice_pair_factor
        first, last = edges.filled(self._dbfs)
        at = [at_ms / 1000 for at_ms in self._at_ms[first : last + 1]]
        _, wobble = straighten(at, self._dbfs[first : last + 1])
        return Shape(len(self), jitter, slope, self.purity(), wobble)

    def _line(self) -> tuple[float, float]:
        """Slope of the frequency in Hz/s, and jitter about it in Hz."""
        if self._line_at != (known := (len(self._at_ms), self._at_ms[-1])):
            self._line_at = known
            first, last = edges.filled(self._dbfs)
            at = [at_ms / 1000 for at_ms in self._at_ms[first : last + 1]]
            self._known_line = straighten(at, self._hz[first : last + 1])
        return self._known_line

    def slope_hz_per_s(self) -> float:
        """Of a chirp; 0 of a tone too short to know it by."""
        return self._line()[0] if len(self) >= _SLOPE_HOPS else 0.0

    def steady(self) -> bool:
        """Machine-made, as far as can be told while it goes on."""
        n = len(self._hz)
        if n % _LOOK_HOPS or n < self._settings.early_hops:
            return False
        fourth, third, second, newest = self._hz[-4:]
        bend = max(abs(newest - 2 * second + third), abs(second - 2 * third + fourth))
        if bend > _EARLY_BEND_HZ[n >= _ROUGH_HOPS]:
            return False
        hz = self.median_hz()
        of_length = [rule for rule in self._settings.steadiness if rule.hops[0] <= n < rule.hops[1]]
        rules = [rule for rule in of_length if rule.hz[0] <= hz < rule.hz[1]]
        if not rules or self.is_close_pair():
            return False
        if self._line()[1] > max(rule.jitter_hz for rule in rules):
            return False
        shape = self.shape()
        return any(fits(shape, rule) for rule in rules)

    def hopeless(self) -> bool:
        """Of a tone that is over: can the forest be spared?"""
        if self.level_dbfs() - max(self._since_dbfs(), default=SILENCE_DBFS) < _HOPELESS_FALL_DB:
            return True
        return median(map(sub, self._dbfs, self._total_dbfs)) < _HOPELESS_PURITY_DB

    def trim(self) -> None:
        """Let go of a beginning that is not the tone: the last word's hops before a beep that touches it."""
        cut = stray_beginning([at_ms / 1000 for at_ms in self._at_ms], self._hz)
        # The first windows, half filled, bend; that is no reason.
        if cut <= edges.EDGE_HOPS:
            return
        self._cut = self._total_dbfs[:cut]
        for kept in self._lists():
            del kept[:cut]

    def evidence(self) -> Evidence:
        """Of a tone that is over."""
        shape = self.shape()
        before_dbfs = self._past.levels_before(self.first_ms + WINDOW_CENTRE_MS, _BEFORE_HOPS) + self._cut
        path = Path(
            at_ms=self._at_ms,
            hz=self._hz,
            dbfs=self._dbfs,
            total_dbfs=self._total_dbfs,
            partner_dbfs=self._other_dbfs if self._partner_hz() is not None else None,
            other_dbfs=self._other_dbfs,
            widths=self._widths,
            filled=edges.filled(self._dbfs),
            before_dbfs=before_dbfs[-_BEFORE_HOPS:],
            after_dbfs=self._since_dbfs(),
        )
        past = self._past.before(self.onset_ms(), self.level_dbfs(), self._context.floor_dbfs)
        return weigh(path, shape, self._context, past)

    def is_close_pair(self) -> bool:
        """Two tones that the window cannot part, such as ringback's 440 + 480 Hz."""
        settings = self._settings
        low, high = settings.close_pair_hz
        return (
            len(self) >= settings.lobe_hops
            and median(self._widths) > settings.widest_lobe
            and low <= self.median_hz() <= high
        )

    def _since_dbfs(self) -> list[float]:
        """Levels of the hops since the tone whose windows no longer reach into it."""
        return self._past.levels_since(self.end_ms() + 2 * WINDOW_CENTRE_MS + HOP_MS / 2)

    def confidence(self) -> float:
        """0 to 1: steadiness and purity, less for the shortest."""
        shape = self.shape()
        calm = 1.0 - min(1.0, shape.jitter_hz / 8.0)
        return round(max(0.0, min(1.0, calm * shape.purity * min(1.0, 0.5 + len(self) / 24))), 3)
