"""What the corpus is made of: the split, the class weights, the ranges. Change one and the corpus is another.

Split, weights and ranges were fixed before any detector was scored; `VERSION` is raised with every change of the
corpus, and every row of the report must then be made again.

Version 2, before any threshold was tuned on it: where a recorded beep's tone ends is measured (a click behind one
of them had been taken for its end), and a recording of call progress or fax is of one call, not of many.
"""

from dataclasses import dataclass
from typing import Final, Literal

VERSION: Final = 2
SEED: Final = 20240
RATE_HZ: Final = 8000

Split = Literal["tuning", "heldout"]
SPLITS: Final[tuple[Split, ...]] = ("tuning", "heldout")
MAILBOXES: Final = 460
"""In each split."""

LAYOUTS: Final[dict[str, int]] = {
    "plain": 225,  # greeting, a short gap, beep
    "touching": 45,  # the beep cuts into the last word or follows it without a gap
    "late": 45,  # 5 to 9 s of silence before the beep
    "two_beeps": 30,  # one before, between or after the words, then the one that starts the recording
    "music": 55,  # music under the greeting
    "ringback": 30,  # the tap hears the ringing too
    "no_beep": 30,
}
"""Mailboxes of each layout; they add up to `MAILBOXES`."""

BEEPS: Final[dict[str, float]] = {
    "single": 0.28,
    "dual": 0.11,
    "chirp": 0.08,
    "decaying": 0.10,
    "doubled": 0.06,
    "short": 0.09,  # 40 to 100 ms
    "clipped": 0.05,  # driven into a square wave: strong odd harmonics
    "documented": 0.18,  # see beeps.DOCUMENTED
    "pack": 0.05,  # the beep.wav that comes with a voice
}
CODECS: Final[dict[str, float]] = {"ulaw": 0.32, "alaw": 0.20, "gsm": 0.12, "amr": 0.14, "opus": 0.11, "g729": 0.11}
TANDEM_SHARE: Final = 0.4
"""Of the calls through a codec other than G.711, so many pass G.711 as well."""
LOSSES: Final[dict[str, float]] = {"none": 0.60, "zero": 0.14, "repeat": 0.16, "conceal": 0.10}
"""What the receiver puts in place of a lost packet; conceal: what the codec's own decoder makes."""
LOSS_SHARE: Final = (0.005, 0.05)
NOISES: Final[dict[str, float]] = {"line": 0.50, "white": 0.13, "pink": 0.13, "hum": 0.12, "babble": 0.12}
"""line: -75 to -55 dBFS only; the others stand `NOISE_SNR_DB` below speech and never less than 10 below the beep."""
NOISE_SNR_DB: Final = (10.0, 30.0)
DC_SHARE: Final = 0.08
OVERDRIVE_SHARE: Final = 0.08
BAND_SHARE: Final = 0.5
"""So many calls pass a 300 to 3400 Hz filter."""
SPEECH_DBFS: Final = (-30.0, -14.0)
BEEP_DBFS: Final = (-38.0, -6.0)
DRIFT: Final = 0.03

NEGATIVE_S: Final = 60.0
NEGATIVES: Final[dict[str, int]] = {
    "speech": 66,
    "high_voice": 22,  # children and high women's voices
    "sung_vowel": 10,
    "whistle": 8,
    "music": 26,
    "call_progress": 18,  # ringback, busy, reorder, dial; US, UK, EU
    "sit": 4,
    "dtmf": 6,
    "fax": 5,  # CNG and CED
    "modem": 5,
    "echo": 8,  # our own message, coming back
}
"""Beep-free recordings of each class in each split, a minute each: 178 minutes."""
SPEECH_CLASSES: Final = frozenset({"speech", "high_voice", "echo"})
"""False triggers on speech are counted in these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceSource:
    """A speaker (or a troupe) recorded by somebody, and where."""

    name: str
    split: Split
    folder: str
    """Below ``/usr/share`` of the packages, may hold ``*``."""
    kind: Literal["prompts", "actors"]


def _source(name: str, split: Split, folder: str, kind: Literal["prompts", "actors"] = "prompts") -> VoiceSource:
    return VoiceSource(name=name, split=split, folder=folder, kind=kind)


VOICES: Final = (
    # Allison speaks English and Spanish; the first detector was made with her English prompts.
    _source("en_allison", "tuning", "asterisk/sounds/en_US_f_Allison"),
    _source("es_allison", "tuning", "asterisk/sounds/es_MX_f_Allison"),
    _source("it_menardi", "tuning", "asterisk/sounds/it_IT_f_Menardi"),
    _source("de_prompts", "tuning", "asterisk/sounds/de"),
    _source("nl_actors", "tuning", "games/fillets-ng/sound/*/nl", "actors"),
    _source("fr_june", "heldout", "asterisk/sounds/fr_CA_f_June"),
    _source("it_carlo", "heldout", "asterisk/sounds/it_IT_m_Carlo"),
    _source("ru_ivrvoice", "heldout", "asterisk/sounds/ru_RU_f_IvrvoiceRU"),
    _source("es_colombia", "heldout", "asterisk/sounds/es"),
    _source("fr_armelle", "heldout", "asterisk/sounds/fr"),
    _source("cs_actors", "heldout", "games/fillets-ng/sound/*/cs", "actors"),
)
NOT_SPEECH: Final = ("beep", "confbridge-join.", "confbridge-leave.", "silence/", "2tone")
"""Files whose path contains one of these hold machine tones, or nothing."""

ESPEAK: Final[dict[Split, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "tuning": (("en-us", "es", "fr-fr", "de"), ("m1", "m3", "m5", "m7", "f1", "f3", "f5", "Annie", "klatt2")),
    "heldout": (("en-gb", "it", "pt-br", "ru", "pl"), ("m2", "m4", "m6", "m8", "f2", "f4", "Andrea", "klatt4", "Alex")),
}
"""Languages and voice variants of espeak-ng: neither is shared between the splits."""

MUSIC: Final[dict[Split, tuple[str, ...]]] = {
    "tuning": (
        "asterisk/moh/macroform-cold_day.wav",
        "asterisk/moh/macroform-robot_dity.wav",
        "asterisk/moh/manolo_camp-morning_coffee.wav",
        "games/frozen-bubble/snd/frozen-mainzik-2p.ogg",
        "games/frozen-bubble/snd/introzik.ogg",
        "games/etr/music/race1-jt.ogg",
        "games/etr/music/start1-jt.ogg",
        "games/etr/music/credits1-cp.ogg",
        "games/lincity-ng/music/default/02 - Robert van Herk - City Blues.ogg",
    ),
    "heldout": (
        "asterisk/moh/macroform-the_simplicity.wav",
        "asterisk/moh/reno_project-system.wav",
        "games/frozen-bubble/snd/frozen-mainzik-1p.ogg",
        "games/etr/music/spunkyrace-ks.ogg",
        "games/etr/music/calmrace-ks.ogg",
        "games/etr/music/freezingpoint.ogg",
        "games/lincity-ng/music/default/01 - pronobozo - lincity.ogg",
        "games/lincity-ng/music/default/03 - Robert van Herk - Architectural Contemplations.ogg",
    ),
}
