"""Every codec of the corpus by name; G.711 by the book in numpy, GSM by libsndfile, the others in `native`."""

import io

import numpy as np
import soundfile

from tests.bench.detection import native
from tests.bench.detection.recipe import RATE_HZ
from tests.bench.detection.sources import Tree
from tests.bench.detection.waves import Samples

CONCEALING = frozenset({"amr", "opus", "g729"})
"""Their decoders make something up for a lost packet."""


def ulaw(samples: Samples) -> Samples:
    """Through G.711 u-law and back: a sign, a segment and four bits."""
    biased = np.minimum(np.abs(samples.astype(np.int32)), 32635) + 132
    segment = np.floor(np.log2(biased)).astype(np.int32) - 7
    step = 8 << segment
    value = biased // step * step + step // 2 - 132
    return np.asarray(np.where(samples < 0, -value, value), np.int16)


def alaw(samples: Samples) -> Samples:
    """Through G.711 A-law and back; like it, never quite zero."""
    size = np.minimum(np.where(samples < 0, -samples.astype(np.int32) - 1, samples), 32767)
    segment = np.maximum(0, np.floor(np.log2(np.maximum(size, 256))).astype(np.int32) - 8)
    step = 16 << segment
    value = size // step * step + step // 2
    return np.asarray(np.where(samples < 0, -value, value), np.int16)


def gsm(samples: Samples) -> Samples:
    """Through GSM 06.10 full rate and back."""
    return _through_file(samples, "RAW", "GSM610")


def _through_file(samples: Samples, kind: str, subtype: str) -> Samples:
    coded = io.BytesIO()
    soundfile.write(coded, samples, RATE_HZ, format=kind, subtype=subtype)
    coded.seek(0)
    raw = {"samplerate": RATE_HZ, "channels": 1} if kind == "RAW" else {}
    decoded, _ = soundfile.read(coded, dtype="int16", format=kind, subtype=subtype, **raw)
    out = np.zeros(len(samples), np.int16)
    length = min(len(out), len(decoded))
    out[:length] = decoded[:length]
    return out


def through(tree: Tree | None, rng: np.random.Generator, name: str, samples: Samples, lost: list[bool]) -> Samples:
    """A call through the codec ``name``.

    ``lost`` matters to those that conceal and is ignored by the others; the mode or bit rate is drawn.
    ``tree`` may be None for the codecs that need no library.
    """
    match name:
        case "ulaw":
            return ulaw(samples)
        case "alaw":
            return alaw(samples)
        case "gsm":
            return gsm(samples)
    if tree is None:
        raise ValueError(f"{name} needs a library")
    coder: native.Coder
    match name:
        case "amr":
            coder = native.Amr(tree, int(rng.choice([7, 7, 7, 5, 4, 2])))
        case "opus":
            coder = native.Opus(tree, int(rng.choice([8000, 12000, 16000, 24000])))
        case "g729":
            coder = native.G729(tree)
        case _:
            raise ValueError(f"no codec {name}")
    return native.run(coder, samples, lost)
