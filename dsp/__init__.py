"""Pure signal processing on 8 kHz telephone audio: no I/O, no clock, no engine word."""

from dsp.detector import Detector
from dsp.events import (
    BeepDropped,
    BeepEnded,
    BeepStarted,
    Detection,
    Silence,
    SpeechEnded,
    SpeechStarted,
    ToneIdentified,
    ToneName,
)
from dsp.settings import DetectorSettings, ProgressSettings, SpeechSettings, Steadiness, ToneSettings

__all__ = [
    "BeepDropped",
    "BeepEnded",
    "BeepStarted",
    "Detection",
    "Detector",
    "DetectorSettings",
    "ProgressSettings",
    "Silence",
    "SpeechEnded",
    "SpeechSettings",
    "SpeechStarted",
    "Steadiness",
    "ToneIdentified",
    "ToneName",
    "ToneSettings",
]
