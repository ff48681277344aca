"""The check: a verdict on each side of every limit, with the measured value."""

from __future__ import annotations

import pytest

from voicedrop.library import check
from voicedrop.library.terms import Limits, Particulars

LIMITS = Limits()


@pytest.mark.parametrize(
    ("seconds", "force", "verdict"),
    [
        (30, False, "ok"),
        (30.1, False, "warning"),
        (60, False, "warning"),
        (60.1, False, "error"),
        (60.1, True, "warning"),
    ],
)
def test_length(seconds: float, force: bool, verdict: str) -> None:
    found = check.length(seconds, LIMITS, force=force)
    assert (found.verdict, found.measured, found.unit) == (verdict, seconds, "s")


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (check.loudness_before(-39), "ok"),
        (check.loudness_before(-41), "warning"),
        (check.loudness_before(float("-inf")), "warning"),
        (check.loudness(-19.4, -19), "ok"),
        (check.loudness(-20, -19), "warning"),
        (check.peak(-3.0, -3.0), "ok"),
        (check.clipping(9, -0.0), "ok"),
        (check.clipping(10, -0.0), "warning"),
        (check.noise(None), "ok"),
        (check.noise(20), "ok"),
        (check.noise(19), "warning"),
        (check.speech(0.4), "ok"),
        (check.speech(0.3), "warning"),
        (check.pause(1.49, 3), "ok"),
        (check.pause(1.5, 3), "warning"),
        (check.pause(1.99, 3), "warning"),
        (check.pause(2.0, 3), "error"),
        (check.bandwidth(3000), "ok"),
        (check.bandwidth(2900), "warning"),
        (check.whole(False), "ok"),
        (check.whole(True), "warning"),
    ],
)
def test_each_point_on_both_sides_of_its_limit(found: check.Check, verdict: str) -> None:
    assert found.verdict == verdict
    assert found.text


def test_a_pause_says_where_it_is() -> None:
    assert "2.5 s at 7.3 s" in check.pause(2.5, 7.3).text


def by_point(particulars: Particulars) -> dict[str, check.Check]:
    return {one.point: one for one in check.of_particulars(particulars)}


def test_what_is_not_said_is_warned_of_and_never_blocks() -> None:
    found = by_point(Particulars(label="x"))
    assert {point: one.verdict for point, one in found.items()} == {
        "caller": "ok",
        "call-to-action": "warning",
        "callback-number": "warning",
        "optout-number": "warning",
    }
    assert found["caller"].measured is None


def test_what_is_said_is_shown() -> None:
    found = by_point(
        Particulars(label="x", call_to_action=" Call back ", callback_number="+49 89 1234-56", optout_number="0800 111")
    )
    assert found["call-to-action"].measured == "Call back"
    assert found["callback-number"].measured == "+49 89 1234-56"
    assert {one.verdict for one in found.values()} == {"ok"}


@pytest.mark.parametrize("number", ["ask Tom", "+", "12", "1234567890123456", "+49 89 x", "tel:+4989123456"])
def test_a_number_that_is_none(number: str) -> None:
    assert by_point(Particulars(label="x", callback_number=number))["callback-number"].verdict == "warning"


@pytest.mark.parametrize(
    ("language", "transcript", "verdict"),
    [
        ("en", "Hello, this is Anna from the clinic. Please call back.", "ok"),
        ("en-GB", "Hi there! I’m Tom of Smith Ltd. We have your parcel.", "ok"),
        ("en", "Your parcel is here. This is Tom.", "warning"),
        ("de_AT", "Guten Tag! Hier ist Anna Huber. Bitte rufen Sie zurück.", "ok"),
        ("de", "Bitte rufen Sie uns zurück. Hier ist Anna.", "warning"),
        ("fr", "Bonjour, c'est Anne du cabinet. Rappelez-nous.", "ok"),
        ("es", "Hola, le habla Ana de la clínica.", "ok"),
        ("it", "Buongiorno, mi chiamo Anna.", "ok"),
        ("nl", "Goedemiddag, u spreekt met Anna.", "ok"),
        ("ja", "アンナです。", "ok"),
        ("", "Anna here.", "ok"),
        ("en", " … ", "ok"),
    ],
)
def test_who_is_calling_is_said_first(language: str, transcript: str, verdict: str) -> None:
    assert check.caller(transcript, language).verdict == verdict


def test_a_greeting_is_not_yet_the_first_sentence() -> None:
    assert check.first_sentence("Hello. Good day! This is Anna. Bye.") == "Hello. Good day. This is Anna"
