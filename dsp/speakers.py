"""Speech in many streams at once: what `SpeechFinder` does, row by row."""

from typing import Any

import numpy as np

from dsp.events import SpeechEnded, SpeechLevel, SpeechStarted
from dsp.loudness import BLOCK_HOPS
from dsp.rows import Flags, Floats, Numbers, Rows
from dsp.settings import SpeechSettings
from dsp.spectrum import HOP_MS, SILENCE_DBFS, WINDOW_CENTRE_MS

SpeechDetection = SpeechStarted | SpeechLevel | SpeechEnded


class Speakers:
    """A `SpeechFinder` for each row. The words are its; rings are filled from 0 on and then over again."""

    def __init__(self, settings: SpeechSettings) -> None:
        self._settings = settings
        self._state = Rows(_row(settings), **_fresh(settings))

    def renew(self, row: int) -> None:
        """A stream of which nothing has been heard."""
        self._state.renew(row)
        self._set_thresholds(np.array([row]))

    def floor_dbfs(self, rows: Numbers) -> Floats:
        """Their noise floors."""
        return self._state["floor_dbfs"][rows]

    def spoke_ms(self, rows: Numbers) -> Floats:
        """When speech was last heard in them; minus infinity if never."""
        return self._state["spoke_ms"][rows]

    def feed(self, rows: Numbers, end_ms: Floats, figures: Floats, in_tone: Flags) -> list[tuple[int, SpeechDetection]]:
        """Take a hop of each of these streams: its end, its figures, of shape (7, n), and whether a beep or the like
        goes on. Says what has been heard, and in which of them (an index of ``rows``)."""
        settings, state = self._settings, self._state
        dbfs, tonality, hz = figures[:3]
        self._feed_floor(rows, dbfs)
        speaking = state["speaking"][rows]
        is_tone = (tonality >= settings.tonality) & (np.abs(hz - state["last_hz"][rows]) <= settings.tone_step_hz)
        least_dbfs = np.where(speaking, state["keep_dbfs"][rows], state["start_dbfs"][rows])
        speech = (dbfs >= least_dbfs) & ~in_tone & ~is_tone
        state["last_hz"][rows] = hz
        waiting = ~speaking & (speech | (state["heard"][rows] > 0))
        return [
            *self._go_on(np.flatnonzero(speaking), rows, end_ms, dbfs, speech),
            *self._wait(np.flatnonzero(waiting), rows, end_ms, dbfs, speech),
        ]

    def _feed_floor(self, rows: Numbers, dbfs: Floats) -> None:
        settings, state = self._settings, self._state
        filled = state["filled"][rows]
        state["block"][rows, filled] = dbfs
        state["filled"][rows] = filled = (filled + 1) % settings.block_hops
        full = rows[filled == 0]
        if not len(full):
            return
        block = np.sort(state["block"][full], axis=1)
        nth = state["nth_block"][full]
        state["blocks"][full, nth] = block[:, int(settings.block_quantile * settings.block_hops)]
        state["nth_block"][full] = (nth + 1) % settings.blocks
        state["floor_dbfs"][full] = np.maximum(settings.lowest_floor_dbfs, state["blocks"][full].min(axis=1))
        self._set_thresholds(full)

    def _set_thresholds(self, rows: Numbers) -> None:
        settings, state = self._settings, self._state
        floor_dbfs = state["floor_dbfs"][rows]
        state["start_dbfs"][rows] = np.maximum(settings.weakest_dbfs, floor_dbfs + settings.start_margin_db)
        state["keep_dbfs"][rows] = np.maximum(settings.weakest_dbfs, floor_dbfs + settings.keep_margin_db)

    def _go_on(
        self, which: Numbers, all_rows: Numbers, end_ms: Floats, dbfs: Floats, speech: Flags
    ) -> list[tuple[int, SpeechDetection]]:
        """Those in which somebody speaks."""
        state, rows, speech, ends_ms = self._state, all_rows[which], speech[which], end_ms[which]
        centre_ms = ends_ms - WINDOW_CENTRE_MS
        spoke_ms = np.where(speech, centre_ms, state["spoke_ms"][rows])
        state["spoke_ms"][rows] = spoke_ms
        over = centre_ms - spoke_ms >= self._settings.hangover_ms
        state["speaking"][rows] = ~over
        power = state["power"][rows] + np.where(speech, 10 ** (dbfs[which] / 10), 0.0)
        hops = state["hops"][rows] + 1
        full = hops == BLOCK_HOPS
        state["power"][rows] = np.where(full, 0.0, power)
        state["hops"][rows] = np.where(full, 0, hops)
        said: list[tuple[int, SpeechDetection]] = []
        for k in np.flatnonzero(over | (full & (power > 0.0))).tolist():
            at_ms = float(ends_ms[k])
            if over[k]:
                said.append((int(which[k]), SpeechEnded(at_ms=at_ms, end_ms=float(spoke_ms[k]))))
            else:
                level_dbfs = 10 * float(np.log10(power[k] / BLOCK_HOPS))
                said.append((int(which[k]), SpeechLevel(at_ms=at_ms, level_dbfs=level_dbfs)))
        return said

    def _wait(
        self, which: Numbers, all_rows: Numbers, end_ms: Floats, dbfs: Floats, speech: Flags
    ) -> list[tuple[int, SpeechDetection]]:
        """Those in which somebody may begin to."""
        settings, state, rows, speech = self._settings, self._state, all_rows[which], speech[which]
        at = state["at"][rows]
        heard = state["heard"][rows] - (state["recent"][rows, at] > SILENCE_DBFS) + speech
        state["recent"][rows, at] = np.where(speech, dbfs[which], SILENCE_DBFS)
        state["heard"][rows] = heard
        state["at"][rows] = (at + 1) % settings.window_hops
        begun = np.flatnonzero(speech & (heard >= settings.start_hops)).tolist()
        return [(int(which[k]), self._start(int(rows[k]), float(end_ms[which[k]]))) for k in begun]

    def _start(self, row: int, end_ms: float) -> SpeechStarted:
        state = self._state
        recent = np.roll(state["recent"][row], -int(state["at"][row])).tolist()
        heard = [level for level in recent if level > SILENCE_DBFS]
        first = next(k for k, level in enumerate(recent) if level > SILENCE_DBFS)
        centre_ms = end_ms - WINDOW_CENTRE_MS
        start_ms = max(0.0, centre_ms - (len(recent) - 1 - first) * HOP_MS)
        state["speaking"][row] = True
        state["spoke_ms"][row] = centre_ms
        state["recent"][row] = SILENCE_DBFS
        state["heard"][row] = state["hops"][row] = state["power"][row] = 0
        return SpeechStarted(at_ms=end_ms, start_ms=start_ms, level_dbfs=sum(heard) / len(heard))


def _row(settings: SpeechSettings) -> Any:
    return np.dtype(
        [
            ("floor_dbfs", np.float64),
            ("start_dbfs", np.float64),
            ("keep_dbfs", np.float64),
            ("last_hz", np.float64),
            ("speaking", np.bool_),
            ("spoke_ms", np.float64),
            ("heard", np.intp),  # how many of `recent` were speech
            ("at", np.intp),  # where in `recent` the next hop goes
            ("power", np.float64),  # of `Loudness`
            ("hops", np.intp),
            ("filled", np.intp),  # so much of `block` is
            ("nth_block", np.intp),  # where in `blocks` the next one goes
            ("block", np.float64, (settings.block_hops,)),
            ("blocks", np.float64, (settings.blocks,)),
            ("recent", np.float64, (settings.window_hops,)),
        ]
    )


def _fresh(settings: SpeechSettings) -> dict[str, Any]:
    blocks = np.full(settings.blocks, np.inf)
    blocks[0] = settings.first_floor_dbfs
    return {
        "floor_dbfs": settings.first_floor_dbfs,
        "spoke_ms": -np.inf,
        "nth_block": 1 % settings.blocks,
        "blocks": blocks,
        "recent": np.full(settings.window_hops, SILENCE_DBFS),
    }
