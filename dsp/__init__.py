"""Pure signal processing on 8 kHz telephone audio: no I/O, no clock, no engine word."""

from dsp.answer import AnswerKind, AnswerListener, AnswerReason, Verdict
from dsp.answer_settings import AnswerSettings, VoiceSettings
from dsp.bank import DetectorBank
from dsp.detector import Detector
from dsp.events import (
    BeepDropped,
    BeepEnded,
    BeepStarted,
    Detection,
    Silence,
    SpeechEnded,
    SpeechLevel,
    SpeechStarted,
    ToneIdentified,
    ToneName,
)
from dsp.settings import DetectorSettings, ProgressSettings, SpeechSettings, Steadiness, ToneSettings

__all__ = [
    "AnswerKind",
    "AnswerListener",
    "AnswerReason",
    "AnswerSettings",
    "BeepDropped",
    "BeepEnded",
    "BeepStarted",
    "Detection",
    "Detector",
    "DetectorBank",
    "DetectorSettings",
    "ProgressSettings",
    "Silence",
    "SpeechEnded",
    "SpeechLevel",
    "SpeechSettings",
    "SpeechStarted",
    "Steadiness",
    "ToneIdentified",
    "ToneName",
    "ToneSettings",
    "Verdict",
    "VoiceSettings",
]
