"""From one end of a call to the other: filter, overdrive, noise, DC, codecs, lost packets."""

from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from tests.bench.detection import codecs, recipe
from tests.bench.detection.sources import Tree
from tests.bench.detection.waves import (
    Samples,
    Sound,
    band,
    gain,
    pink,
    times,
    to_float,
    to_int16,
    to_level,
    white,
)

FRAME: Final = 160
_BEEP_SNR_DB: Final = 10.0
_REPEAT_FADE_DB: Final = 3.0
"""A receiver that repeats the last packet makes each further one quieter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What a call goes through."""

    codec: str
    tandem: str
    """G.711 behind the codec, or nothing."""
    loss: str
    loss_share: float
    noise: str
    snr_db: float
    dc: int
    overdrive_db: float
    filtered: bool

    def facts(self) -> dict[str, Any]:
        """For the manifest."""
        facts = asdict(self)
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in facts.items()}


def pick(rng: np.random.Generator, weights: dict[str, float]) -> str:
    """One of the keys, as often as its weight says."""
    shares = np.array(list(weights.values()))
    return str(rng.choice(list(weights), p=shares / shares.sum()))


def draw(rng: np.random.Generator) -> Line:
    """A line of the recipe's kinds."""
    codec = pick(rng, recipe.CODECS)
    loss = pick(rng, recipe.LOSSES)
    if loss == "conceal" and codec not in codecs.CONCEALING:
        loss = "repeat"
    tandem = ""
    if codec not in ("ulaw", "alaw") and rng.random() < recipe.TANDEM_SHARE:
        tandem = str(rng.choice(["ulaw", "alaw"]))
    return Line(
        codec=codec,
        tandem=tandem,
        loss=loss,
        loss_share=float(rng.uniform(*recipe.LOSS_SHARE)) if loss != "none" else 0.0,
        noise=pick(rng, recipe.NOISES),
        snr_db=float(rng.uniform(*recipe.NOISE_SNR_DB)),
        dc=int(rng.integers(-1500, 1500)) if rng.random() < recipe.DC_SHARE else 0,
        overdrive_db=float(rng.uniform(6, 14)) if rng.random() < recipe.OVERDRIVE_SHARE else 0.0,
        filtered=bool(rng.random() < recipe.BAND_SHARE),
    )


def send(
    tree: Tree | None,
    rng: np.random.Generator,
    sound: Sound,
    line: Line,
    *,
    speech_dbfs: float,
    beep_dbfs: float | None = None,
    babble: Sound | None = None,
) -> Samples:
    """What arrives, as many samples as were sent.

    ``speech_dbfs`` and ``beep_dbfs`` say how loud the noise may be; ``babble`` is other people's talk, as long
    as the sound, for lines whose noise it is.
    """
    if line.filtered:
        sound = band(sound, 300, 3400)
    if line.overdrive_db:
        sound = np.clip(sound * gain(line.overdrive_db), -1, 1) * gain(-line.overdrive_db / 2)
    quietest = speech_dbfs if beep_dbfs is None else min(speech_dbfs, beep_dbfs + line.snr_db - _BEEP_SNR_DB)
    sound = sound + noise(rng, line, len(sound), quietest - line.snr_db, babble)
    samples = to_int16(sound + line.dc / 32768)
    lost = lost_frames(rng, -(-len(samples) // FRAME), line.loss_share)
    coded = codecs.through(tree, rng, line.codec, samples, lost if line.loss == "conceal" else [])
    if line.tandem:
        coded = codecs.through(tree, rng, line.tandem, coded, [])
    if line.loss in ("zero", "repeat"):
        coded = with_loss(coded, lost, repeat=line.loss == "repeat")
    return coded


def noise(rng: np.random.Generator, line: Line, n: int, dbfs: float, babble: Sound | None) -> Sound:
    """The line's own hiss and, over it, what the line's noise is."""
    hiss = to_level(white(rng, n), float(rng.uniform(-75, -55)))
    match line.noise:
        case "white":
            return hiss + to_level(white(rng, n), dbfs)
        case "pink":
            return hiss + to_level(pink(rng, n), dbfs)
        case "hum":
            mains = float(rng.choice([50.0, 60.0]))
            t = times(n * 1000 / recipe.RATE_HZ)
            hum = np.zeros(n)
            for harmonic in (1, 2, 3, 5, 7):
                hum += np.sin(2 * np.pi * mains * harmonic * t + float(rng.uniform(0, 6))) / harmonic
            return hiss + to_level(hum, dbfs) + to_level(white(rng, n), dbfs - 10)
        case "babble" if babble is not None:
            return hiss + to_level(babble[:n], dbfs)
        case _:
            return hiss


def lost_frames(rng: np.random.Generator, frames: int, share: float) -> list[bool]:
    """Which packets are lost: a share of them, one in three followed by a second one, one in nine by a third."""
    lost = [False] * frames
    k = 0
    while k < frames:
        if share > 0 and rng.random() < share / 1.45:
            lost[k] = True
            while k + 1 < frames and rng.random() < 0.31 and not (k >= 2 and lost[k - 2]):
                k += 1
                lost[k] = True
        k += 1
    return lost


def with_loss(samples: Samples, lost: list[bool], *, repeat: bool) -> Samples:
    """Lost packets as zeros, or as the last one that came, fading."""
    out = samples.copy()
    fade = gain(-_REPEAT_FADE_DB)
    for k, gone in enumerate(lost):
        here = slice(k * FRAME, min(len(out), (k + 1) * FRAME))
        if not gone:
            continue
        if repeat and k > 0:
            before = to_float(out[(k - 1) * FRAME : k * FRAME])[: here.stop - here.start]
            out[here] = to_int16(before * fade)
        else:
            out[here] = 0
    return out
