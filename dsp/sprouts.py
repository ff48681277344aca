"""The first hops of tones, of many streams at once: most things that begin like a tone are none three hops later."""

from typing import Final

import numpy as np

from dsp.rows import Flags, Floats, Numbers, Rows
from dsp.settings import ToneSettings
from dsp.spectrum import FIGURES
from dsp.track import YOUNG_HOPS

_ROW: Final = np.dtype(
    [
        ("hops", np.intp),  # how many it has been in; 0 if there is none
        ("hz", np.float64),
        ("loudest_dbfs", np.float64),
        ("floor_dbfs", np.float64),  # of the stream when it began
        ("spoke_ms", np.float64),
        ("figures", np.float64, (YOUNG_HOPS - 1, FIGURES)),  # of the hops it has been in
    ]
)


class Sprouts:
    """The youngest tracks of `BeepFinder`, at most one a stream: it begins in a hop in which nothing goes on, and is
    over as soon as a hop is without it. When it is in its fourth hop it is a track like others.
    """

    def __init__(self, settings: ToneSettings) -> None:
        self._settings = settings
        self._rows = Rows(_ROW)

    def renew(self, row: int) -> None:
        """A stream of which nothing has been heard."""
        self._rows.renew(row)

    def feed(self, rows: Numbers, figures: Floats, others: Flags, floor_dbfs: Floats, spoke_ms: Floats) -> Flags:
        """Take a hop of each of these streams: its figures, of shape (7, n), whether other tracks of the stream are in
        it or leave no room, and what `BeepFinder.feed` wants to know. Says whose sprouts are in their fourth hop:
        `grown` has them."""
        settings, state = self._settings, self._rows
        _, tonality, first_hz, first_dbfs, _, second_hz, second_dbfs = figures
        hops, hz = state["hops"][rows], state["hz"][rows]
        loudest_dbfs = state["loudest_dbfs"][rows]
        least_dbfs = np.maximum(settings.weakest_dbfs, loudest_dbfs - settings.step_down_db)
        as_first = (np.abs(first_hz - hz) <= settings.step_hz) & (first_dbfs >= least_dbfs)
        as_second = (np.abs(second_hz - hz) <= settings.step_hz) & (second_dbfs >= least_dbfs)
        goes_on = (hops > 0) & (tonality >= settings.keep_tonality) & (as_first | as_second)
        grown = goes_on & (hops == YOUNG_HOPS - 1)
        goes_on &= ~grown
        begins = (
            ~(others | goes_on | grown)
            & (tonality >= settings.open_tonality)
            & (first_dbfs >= settings.weakest_dbfs)
            & (settings.lowest_hz <= first_hz)
            & (first_hz <= settings.highest_hz)
        )
        hops = np.where(goes_on, hops + 1, begins)
        state["hops"][rows] = hops
        new = np.flatnonzero(begins)
        state["floor_dbfs"][rows[new]] = floor_dbfs[new]
        state["spoke_ms"][rows[new]] = spoke_ms[new]
        heard = np.flatnonzero(hops)
        of, as_first = rows[heard], (as_first | begins)[heard]
        dbfs = np.where(as_first, first_dbfs[heard], second_dbfs[heard])
        state["hz"][of] = np.where(as_first, first_hz[heard], second_hz[heard])
        state["loudest_dbfs"][of] = np.where(begins[heard], dbfs, np.maximum(dbfs, loudest_dbfs[heard]))
        state["figures"][of, hops[heard] - 1] = figures[:, heard].T
        return np.asarray(grown)

    def grown(self, row: int) -> tuple[list[list[float]], float, float]:
        """The figures of its first three hops; noise floor and last speech when it began."""
        state = self._rows
        return state["figures"][row].tolist(), float(state["floor_dbfs"][row]), float(state["spoke_ms"][row])
