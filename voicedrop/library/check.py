"""The check of a message: a verdict per point with what was measured. Warnings never block, errors do."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from voicedrop.library.terms import Limits, Particulars

Verdict = Literal["ok", "warning", "error"]

LONGEST_PAUSE_S: Final = 2.0
"""Mailboxes take so long a silence for the caller's end and stop recording."""
LONG_PAUSE_S: Final = 1.5
"""Some are sooner, and a lost packet lengthens it."""
QUIET_LUFS: Final = -40.0
"""A recording below it is raised by more than 20 dB, and its noise with it."""
OFF_TARGET_LU: Final = 0.5
NEAR_FULL_SCALE_DBFS: Final = -0.1
CLIPPED_SAMPLES: Final = 10
"""One or two clipped waves are not heard."""
NOISY_DB: Final = 20.0
"""Between words and noise; below it a message sounds as from a busy street."""
LITTLE_SPEECH: Final = 0.4
"""42 voice prompts of Asterisk in six languages, 1.3 to 40 s long, have 0.44 to 0.91."""
MUFFLED_HZ: Final = 3000.0
"""Below it even a telephone, which ends at 3400 Hz, loses what tells s from f."""
_NUMBER: Final = re.compile(r"\+?[0-9][0-9 ()./-]*")
_DIGITS: Final = range(3, 16)
"""As many as E.164 allows; three for short codes."""
_SENTENCE_END: Final = re.compile(r"[.!?\n…。？！]")
_SHORTEST_SENTENCE: Final = 3  # words: "Hello." and "Hi there!" are no sentence that could say who is calling
_WHO: Final[dict[str, str]] = {
    "de": r"\b(hier (ist|spricht|sind)|mein name ist|ich bin|ich heiße|wir sind|ich rufe .{0,40}\b(von|für|vom|aus) )",
    "en": r"\b(this is|my name is|my name's|i am|i'm|it is|it's|we are|we're|calling (from|for|on))\b",
    "es": r"\b(soy|somos|me llamo|mi nombre es|le habla|le hablamos|habla|llamo (de|desde)|le llam\w+ (de|desde))\b",
    "fr": r"\b(c'est|ici|je m'appelle|je suis|mon nom est|nous sommes|de la part de|à l'appareil)\b",
    "it": r"\b(sono|siamo|mi chiamo|il mio nome è|qui è|chiamo (da|dal|dalla|per conto))\b",
    "nl": r"\b(met|u spreekt met|mijn naam is|ik ben|wij zijn|ik bel (van|namens))\b",
}
"""How people say who they are, by language."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One point of the check."""

    point: str
    verdict: Verdict
    measured: float | str | None
    """None: there was nothing to measure it by."""
    unit: str
    text: str
    """What it means, and what to do about it."""


def _judged(
    point: str, measured: float | str | None, unit: str, *, warn: str = "", error: str = "", ok: str = ""
) -> Check:
    verdict: Verdict = "error" if error else "warning" if warn else "ok"
    return Check(point=point, verdict=verdict, measured=measured, unit=unit, text=error or warn or ok)


def _finite(value: float, digits: int) -> float | None:
    return round(value, digits) if math.isfinite(value) else None


# -- the sound: the same for the same bytes ---------------------------------------------------------


def loudness_before(lufs: float) -> Check:
    quiet = (
        "" if lufs >= QUIET_LUFS else "Recorded very quietly: its noise was raised with it. Go nearer to the microphone"
    )
    return _judged("loudness-before", _finite(lufs, 1), "LUFS", warn=quiet, ok="The recording's own loudness")


def loudness(lufs: float, target_lufs: float) -> Check:
    off = "" if abs(lufs - target_lufs) <= OFF_TARGET_LU else (
        f"Could not be brought to {target_lufs:g} LUFS without cutting its peaks: it has knocks. Record it anew"
    )  # fmt: skip
    return _judged("loudness", _finite(lufs, 1), "LUFS", warn=off, ok=f"Brought to {target_lufs:g} LUFS")


def peak(dbtp: float, ceiling_dbtp: float) -> Check:
    return _judged(
        "peak", _finite(dbtp, 1), "dBTP", ok=f"The prepared message stays below {ceiling_dbtp:g} dB true peak"
    )


def clipping(samples: int, peak_dbfs: float) -> Check:
    clipped = samples >= CLIPPED_SAMPLES
    return _judged(
        "clipping",
        samples,
        "samples",
        warn="Overdriven: it rasps. Turn the microphone down and record it anew" if clipped else "",
        ok=f"The recording's highest sample is at {peak_dbfs:.1f} dBFS"
        + (", at the very edge" if peak_dbfs > NEAR_FULL_SCALE_DBFS else ""),
    )


def noise(distance_db: float | None) -> Check:
    if distance_db is None:
        return _judged("noise", None, "dB", ok="Has no pause in which noise could be heard")
    noisy = "There is much noise between the words. Record it in a quieter place" if distance_db < NOISY_DB else ""
    return _judged("noise", round(distance_db, 1), "dB", warn=noisy, ok="The words are well above the noise")


def speech(share: float) -> Check:
    little = (
        ""
        if share >= LITTLE_SPEECH
        else "Little of it sounds like speech. Listen to it: is it music, a tone or silence?"
    )
    return _judged("speech", round(share, 2), "share", warn=little, ok="Most of it is speech")


def pause(seconds: float, begins_s: float) -> Check:
    where = f"A pause of {seconds:.1f} s at {begins_s:.1f} s"
    return _judged(
        "pause",
        round(seconds, 2),
        "s",
        error=f"{where}: mailboxes end the recording there. Shorten it" if seconds >= LONGEST_PAUSE_S else "",
        warn=f"{where}: some mailboxes may end the recording there" if seconds >= LONG_PAUSE_S else "",
        ok="No pause in which a mailbox would end the recording",
    )  # fmt: skip


def bandwidth(edge_hz: float) -> Check:
    muffled = (
        ""
        if edge_hz >= MUFFLED_HZ
        else "Muffled: it has no high tones. Was it recorded under cloth or coded too tightly?"
    )
    return _judged("bandwidth", round(edge_hz), "Hz", warn=muffled, ok="Has all that a telephone carries")


def whole(cut_in_frame: bool) -> Check:
    cut = "The file ends in the middle of a frame: listen to its end, it may be cut off" if cut_in_frame else ""
    return _judged("whole", "cut" if cut_in_frame else "whole", "", warn=cut, ok="The file is whole")


# -- what is said about it, and the limits: judged anew each time -----------------------------------


def length(seconds: float, limits: Limits, *, force: bool) -> Check:
    over = seconds > limits.longest_s
    refused = (
        f"Longer than {limits.longest_s:g} s: many mailboxes cut there. Shorten it, or force it"
        if over and not force
        else ""
    )
    if over:
        long = f"Longer than {limits.longest_s:g} s, and forced: many mailboxes cut there"
    elif seconds > limits.long_s:
        long = f"Longer than {limits.long_s:g} s: callees stop listening. Say who, why, what to do and the number"
    else:
        long = ""
    return _judged("length", round(seconds, 2), "s", error=refused, warn=long, ok=f"Under {limits.long_s:g} s")


def of_particulars(particulars: Particulars) -> list[Check]:
    """The points of good voicemail that no sound file can show."""
    action = particulars.call_to_action.strip()
    return [
        caller(particulars.transcript, particulars.language),
        _judged(
            "call-to-action",
            action or None,
            "",
            warn="" if action else "Not said what the callee should do. Ask for one thing",
            ok="The callee knows what to do",
        ),
        _number("callback-number", particulars.callback_number, "to call back"),
        _number("optout-number", particulars.optout_number, "to be called no more, which many laws ask for"),
    ]  # fmt: skip


def _number(point: str, number: str, purpose: str) -> Check:
    number = number.strip()
    if not number:
        return _judged(point, None, "", warn=f"There is no number {purpose}")
    digits = sum(letter.isdigit() for letter in number)
    fits = _NUMBER.fullmatch(number) and digits in _DIGITS
    strange = "" if fits else "This is no telephone number: digits, and a + before a country code"
    return _judged(point, number, "", warn=strange, ok=f"There is a number {purpose}")


def caller(transcript: str, language: str) -> Check:
    """Is it said in the first sentence who is calling?"""
    first = first_sentence(transcript)
    if not first:
        return _judged("caller", None, "", ok="Not looked at: there is no transcript")
    pattern = _WHO.get(language.lower().partition("-")[0].partition("_")[0])
    if pattern is None:
        return _judged(
            "caller", first, "", ok="Not looked at: how people say their name in this language is not known here"
        )
    said = re.search(pattern, first.lower().replace("’", "'"))
    hidden = (
        ""
        if said
        else "The first sentence does not say who is calling. Begin with the name: people listen on to those they know"
    )
    return _judged("caller", first, "", warn=hidden, ok="The first sentence says who is calling")


def first_sentence(transcript: str) -> str:
    """The first that is more than a greeting, with the greeting before it."""
    taken = []
    for sentence in _SENTENCE_END.split(transcript):
        if words := sentence.split():
            taken.append(" ".join(words))
            if len(words) >= _SHORTEST_SENTENCE:
                break
    return ". ".join(taken)
