"""A picture of a message: a small SVG that needs nothing else and runs nothing."""

from __future__ import annotations

from itertools import pairwise
from typing import Final
from xml.sax.saxutils import escape

import numpy as np

from voicedrop.library.decode import Samples

BARS: Final = 200
WIDTH: Final = 800
HEIGHT: Final = 96
LEAST: Final = 1
"""A bar's half height where it is silent, so that the line is seen."""


def svg(samples: Samples, *, title: str) -> str:
    """Bars from the lowest to the highest sample of each part; the colour is that of the text around it."""
    step, middle = WIDTH / BARS, HEIGHT / 2
    edges = np.linspace(0, len(samples), BARS + 1).astype(int)
    bars = []
    for number, (first, end) in enumerate(pairwise(edges)):
        part = samples[first:end]
        up = max(LEAST, round(middle * min(1.0, float(part.max(initial=0.0)))))
        down = max(LEAST, round(middle * min(1.0, -float(part.min(initial=0.0)))))
        bars.append(f"M{step * (number + 0.5):g} {middle - up:g}v{up + down}")
    name = escape(title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(title, {chr(34): "&quot;"})}"><title>{name}</title>'
        f'<path d="{"".join(bars)}" fill="none" stroke="currentColor" stroke-width="{step / 2:g}"/></svg>\n'
    )
