"""The tracks of many streams, as far as it is to be known whether a hop is of any interest to them."""

from collections.abc import Sequence

import numpy as np

from dsp.rows import Flags, Floats, Numbers, Rows
from dsp.settings import ToneSettings
from dsp.spectrum import HOP_MS
from dsp.tones import MOST_TRACKS, BeepFinder

_NO_TRACK = (np.nan, 0.0, np.inf)


class Followed:
    """A row for each stream. Most hops that a track is not in say nothing to it."""

    def __init__(self, settings: ToneSettings) -> None:
        self._settings = settings
        self._rows = Rows(
            [("tracks", np.float64, (MOST_TRACKS, 3)), ("count", np.intp), ("in_tone", np.bool_)], tracks=_NO_TRACK
        )

    def renew(self, row: int) -> None:
        """A stream in which nothing is followed."""
        self._rows.renew(row)

    def full(self, rows: Numbers) -> Flags:
        """Those in which no more can be followed."""
        return np.asarray(self._rows["count"][rows] == MOST_TRACKS)

    def in_tone(self, rows: Numbers) -> Flags:
        """Those in which a steady tone goes on."""
        return np.asarray(self._rows["in_tone"][rows])

    def concerned(self, rows: Numbers, end_ms: Floats, figures: Floats) -> Numbers:
        """Indices of those of which a hop (its figures: shape (7, n)) may be in a track, or be what ends one."""
        settings = self._settings
        some = np.flatnonzero(self._rows["count"][rows])
        last_hz, last_ms, wanted_ms = np.moveaxis(self._rows["tracks"][rows[some]], 2, 0)
        _, tonality, first_hz, _, _, second_hz, _ = figures[:, some, None]
        now_ms = end_ms[some, None]
        step_hz = settings.step_hz + settings.step_hz_per_hop * (now_ms - last_ms - HOP_MS) / HOP_MS
        near = (np.abs(first_hz - last_hz) <= step_hz) | (np.abs(second_hz - last_hz) <= step_hz)
        wanted = (near & (tonality >= settings.keep_tonality)) | (now_ms >= wanted_ms)
        return np.asarray(some[wanted.any(axis=1)])

    def update(self, rows: Numbers, finders: Sequence[BeepFinder]) -> None:
        """What is followed now in each of these."""
        state = self._rows
        state["in_tone"][rows] = [finder.hears_tone for finder in finders]
        state["count"][rows] = count = np.array([len(finder.tracks) for finder in finders])
        state["tracks"][rows] = _NO_TRACK
        tracks = [track.last for finder in finders for track in finder.tracks]
        if tracks:
            nth = np.arange(len(tracks)) - np.repeat(np.cumsum(count) - count, count)
            state["tracks"][np.repeat(rows, count), nth] = tracks
