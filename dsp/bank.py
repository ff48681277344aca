"""Many ears at once."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Final, Generic, TypeVar

import numpy as np

from dsp.detector import Detector, Naming
from dsp.events import Detection, SpeechStarted
from dsp.followed import Followed
from dsp.past import Past, PastHops
from dsp.progress import ProgressMemory
from dsp.recent import BLOCK_SAMPLES, Samples
from dsp.rows import Numbers
from dsp.settings import DetectorSettings
from dsp.speakers import Speakers
from dsp.spectrum import HOP_MS, Hop, Round, Stream, feed_streams
from dsp.sprouts import Sprouts
from dsp.tones import MOST_TRACKS, BeepFinder

Key = TypeVar("Key", bound=Hashable)


FEW: Final = 24
"""Up to so many are heard each by itself: the engine lets so many come one by one, and numpy costs as much for one as
for thirty."""


class _Alone:
    """A stream that is heard by itself."""

    def __init__(self, settings: DetectorSettings) -> None:
        self.detector = Detector(settings)
        self.stream = self.detector.stream
        self.said: list[Detection] = []


class _InRow:
    """What is a stream's own, in whose row the rest is."""

    def __init__(self, row: int, settings: DetectorSettings, hops: PastHops) -> None:
        self.row = row
        self.stream = Stream()
        self.memory = ProgressMemory(settings.progress)
        self.beeps = BeepFinder(settings.tone, self.memory, Past(hops, row), self.stream.recent)
        self.naming = Naming(self.stream.recent) if settings.names else None
        self.said: list[Detection] = []


class DetectorBank(Generic[Key]):
    """A `Detector` for each of many streams, all heard in one pass: a fraction of the work of one after another.

    Streams come and go and are fed in any pieces, each as if it had a detector to itself: the same detections at the
    same stream times (frequencies and levels to 0.01, for sums are made in another order).

    Hops are measured for all streams at once, and tones looked for and speech followed too, in arrays with a row for
    each; only a tone that lasts is followed stream by stream. Streams that come while there are few have no row.
    """

    def __init__(self, settings: DetectorSettings | None = None, *, few: int = FEW) -> None:
        """A stream that comes while there are fewer than ``few`` has a detector of its own."""
        self._settings = settings or DetectorSettings()
        self._few = few
        self._ears: dict[Key, _Alone | _InRow] = {}
        self._by_row: list[_InRow | None] = []
        self._followed = Followed(self._settings.tone)
        self._sprouts = Sprouts(self._settings.tone)
        self._speakers = Speakers(self._settings.speech)
        self._past = PastHops()

    def __len__(self) -> int:
        return len(self._ears)

    def add(self, stream: Key) -> None:
        """A new stream, of which nothing has been heard.

        Raises:
            ValueError: it is there already.
        """
        if stream in self._ears:
            raise ValueError(f"stream {stream!r} is in the bank already")
        if len(self._ears) < self._few:
            self._ears[stream] = _Alone(self._settings)
            return
        row = next((row for row, ear in enumerate(self._by_row) if ear is None), len(self._by_row))
        if row == len(self._by_row):
            self._by_row.append(None)
        self._followed.renew(row)
        self._sprouts.renew(row)
        self._speakers.renew(row)
        self._ears[stream] = self._by_row[row] = _InRow(row, self._settings, self._past)

    def remove(self, stream: Key) -> None:
        """No more of this stream.

        Raises:
            KeyError: it is not there.
        """
        ear = self._ears.pop(stream)
        if isinstance(ear, _InRow):
            self._by_row[ear.row] = None

    def feed(self, samples: Mapping[Key, Samples]) -> dict[Key, list[Detection]]:
        """Take new samples, int16 of shape (n,), of some streams: what has been heard in those where anything was.

        Raises:
            KeyError: there is no such stream. Nothing has been fed then.
        """
        ears = [self._ears[stream] for stream in samples]
        pieces = list(samples.values())
        if len(ears) == 1 and isinstance(ears[0], _Alone):
            found = ears[0].detector.feed(pieces[0])
            return dict.fromkeys(samples, found) if found else {}
        streams = [ear.stream for ear in ears]
        longest = max(map(len, pieces), default=0)
        for at in range(0, longest, BLOCK_SAMPLES):
            if longest > BLOCK_SAMPLES:
                pieces = [piece[at : at + BLOCK_SAMPLES] for piece in samples.values()]
            for hops in feed_streams(streams, pieces):
                self._hear([ears[k] for k in hops.which.tolist()], hops)
        said: dict[Key, list[Detection]] = {}
        for stream, ear in zip(samples, ears, strict=True):
            if ear.said:
                said[stream], ear.said = ear.said, []
        return said

    def _hear(self, ears: Sequence[_Alone | _InRow], hops: Round) -> None:
        """The next hop of each of these."""
        alone = [(k, ear) for k, ear in enumerate(ears) if isinstance(ear, _Alone)]
        if alone:
            for (_, ear), hop in zip(alone, _hops(hops, np.array([k for k, _ in alone])), strict=True):
                ear.said += ear.detector.hear([hop])
        if len(alone) == len(ears):
            return
        if alone:
            which = np.delete(np.arange(len(ears)), [k for k, _ in alone])
            hops = Round(hops.which[which], hops.end_ms[which], hops.figures[:, which])
        self._hear_rows([ear for ear in ears if isinstance(ear, _InRow)], hops)

    def _hear_rows(self, ears: Sequence[_InRow], hops: Round) -> None:
        """The order is that of `Detector`."""
        rows = np.array([ear.row for ear in ears])
        self._past.feed(rows, hops.figures[0], hops.figures[1])
        self._find_beeps(ears, rows, hops)
        in_tone = self._followed.in_tone(rows)
        for k, said in self._speakers.feed(rows, hops.end_ms, hops.figures, in_tone):
            ears[k].said.append(said)
            if isinstance(said, SpeechStarted):
                ears[k].memory.forget()
        if self._settings.names:
            self._name(ears, rows, hops)

    def _find_beeps(self, ears: Sequence[_InRow], rows: Numbers, hops: Round) -> None:
        """What `BeepFinder.feed` does, but for tracks younger than four hops, which are sprouts here."""
        others = self._followed.full(rows)
        concerned = self._followed.concerned(rows, hops.end_ms, hops.figures)
        for k, hop in zip(concerned.tolist(), _hops(hops, concerned), strict=True):
            ear = ears[k]
            found, taken = ear.beeps.follow(hop)
            ear.said += found
            others[k] = taken or len(ear.beeps.tracks) == MOST_TRACKS
        floor_dbfs, spoke_ms = self._speakers.floor_dbfs(rows), self._speakers.spoke_ms(rows)
        grown = np.flatnonzero(self._sprouts.feed(rows, hops.figures, others, floor_dbfs, spoke_ms))
        for k, hop in zip(grown.tolist(), _hops(hops, grown), strict=True):
            self._take_over(ears[k], hop)
        changed = np.union1d(concerned, grown)
        if len(changed):
            self._followed.update(rows[changed], [ears[k].beeps for k in changed.tolist()])

    def _take_over(self, ear: _InRow, hop: Hop) -> None:
        """A sprout that is in this hop and the three before is followed from here."""
        figures, floor_dbfs, spoke_ms = self._sprouts.grown(ear.row)
        first_ms = hop.end_ms - len(figures) * HOP_MS
        before = [Hop(first_ms + k * HOP_MS, *one) for k, one in enumerate(figures)]
        ear.said += ear.beeps.take_over([*before, hop], floor_dbfs=floor_dbfs, spoke_ms=spoke_ms)

    def _name(self, ears: Sequence[_InRow], rows: Numbers, hops: Round) -> None:
        floor_dbfs = self._speakers.floor_dbfs(rows).tolist()
        spoken = np.isfinite(self._speakers.spoke_ms(rows)).tolist()
        for ear, hop, floor, has_spoken in zip(ears, _hops(hops, slice(None)), floor_dbfs, spoken, strict=True):
            assert ear.naming is not None
            ear.said += ear.naming.feed(hop, floor_dbfs=floor, spoken=has_spoken)


def _hops(hops: Round, which: Numbers | slice) -> list[Hop]:
    """Some of them, one by one."""
    figures = hops.figures[:, which].T.tolist()
    return [Hop(end_ms, *one) for end_ms, one in zip(hops.end_ms[which].tolist(), figures, strict=True)]
