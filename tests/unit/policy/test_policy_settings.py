"""The settings of the gate: the text forms, the section's rules, and every fault told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from voicedrop import config
from voicedrop.errors import ConfigError
from voicedrop.policy.hours import Span, Window, read_span, read_window
from voicedrop.policy.number import Kind
from voicedrop.policy.settings import Asked, Basis, Caps, Need, Rules
from voicedrop.section_policy import Policy

ALL_DAYS = frozenset(range(7))


def test_the_sections_defaults_are_the_rules_defaults() -> None:
    assert Policy().rules() == Rules()


def test_every_rule_has_its_key() -> None:
    section = Policy.model_validate(
        {
            "default_region": "US",
            "kinds": ["fixed"],
            "allowed_hours": ["mon-fri 09:00-17:00"],
            "places": [{"country": "US", "prefixes": ["+1305"], "allowed_hours": ["08:00-20:00"]}],
            "day_parts": ["00:00-12:00", "12:00-24:00"],
            "caps": {"day": 2, "three_days": 3, "seven_days": 4},
            "spacing_h": 1.5,
            "consent_for": ["all"],
            "consent_bases": ["customer"],
            "callback_number": False,
            "caller_ids": ["+12025550100"],
            "two_call": {"enabled": True},
            "attended": ["hours"],
            "attended_unreadable": True,
        }
    )
    rules, defaults = section.rules(), Rules()
    assert [name for name in vars(rules) if getattr(rules, name) == getattr(defaults, name)] == []
    assert rules.windows == (Window(frozenset(range(5)), Span(540, 1020)),)
    assert rules.places[0].prefixes == ("+1305",)
    assert rules.caps == Caps(day=2, three_days=3, seven_days=4)
    assert rules.spacing == timedelta(minutes=90)
    assert (rules.kinds, rules.consent_for) == ({Kind.FIXED}, {Need.ALL})
    assert (rules.consent_bases, rules.attended) == ({Basis.CUSTOMER}, {Asked.HOURS})


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("08:00-21:00", Window(ALL_DAYS, Span(480, 1260))),
        ("00:00-24:00", Window(ALL_DAYS, Span(0, 1440))),
        ("mon-sun 00:00-00:01", Window(ALL_DAYS, Span(0, 1))),
        ("mon-fri 09:30-17:45", Window(frozenset({0, 1, 2, 3, 4}), Span(570, 1065))),
        ("sat,sun 12:00-18:00", Window(frozenset({5, 6}), Span(720, 1080))),
        ("mon-wed, fri 12:00-18:00", Window(frozenset({0, 1, 2, 4}), Span(720, 1080))),
    ],
)
def test_a_window_is_read(text: str, window: Window) -> None:
    assert read_window(text) == window


@pytest.mark.parametrize(
    "text",
    [
        "", "8:00-21:00", "08:00", "08:00-21:60", "08:00-24:01", "21:00-08:00", "08:00-08:00", "always 08:00-21:00",
        "fri-mon 08:00-21:00", "Mon 08:00-21:00", "mon, 08:00-21:00", "-mon 08:00-21:00", "mon08:00-21:00",
    ],
)  # fmt: skip
def test_what_is_no_window(text: str) -> None:
    with pytest.raises(ValueError, match=r"form|days|end"):
        read_window(text)


def test_a_span_says_itself_as_it_is_written() -> None:
    assert str(read_span("08:05-24:00")) == "08:05-24:00"


@pytest.mark.parametrize(
    ("yaml", "told"),
    [
        ("default_region: us", "policy.default_region = 'us': Value error, 'us' is not the two capital letters"),
        ("kinds: []", "policy.kinds = a list: Value error, at least one is needed"),
        ("kinds: [premium]", "policy.kinds.0 = 'premium': Value error, premium-rate numbers are never called"),
        ("kinds: [cell]", "policy.kinds.0 = 'cell': allowed is 'mobile', 'fixed'"),
        ("allowed_hours: []", "policy.allowed_hours = a list:"),
        ('allowed_hours: ["21:00-08:00"]', "must end after it starts"),
        ("allowed_hours: [21:00]", "policy.allowed_hours.0 = 1260: allowed is a valid string"),
        ('places: [{country: UK, allowed_hours: ["08:00-21:00"]}]', "'UK' is not the two capital letters"),
        (
            'places: [{country: US, prefixes: ["+4930"], allowed_hours: ["08:00-21:00"]}]',
            "'+4930' is not +1 and an area code",
        ),
        (
            'places: [{country: US, prefixes: ["+1"], allowed_hours: ["08:00-21:00"]}]',
            "'+1' is not +1 and",
        ),
        ("places: [{country: US}]", "policy.places.0.allowed_hours"),
        ('day_parts: ["08:00-13:00", "12:00-17:00"]', "must follow one another"),
        ('day_parts: ["12:00-17:00", "08:00-12:00"]', "must follow one another"),
        ('day_parts: ["00:00-24:00"]', "can never be another one"),
        ("caps: {day: 0}", "policy.caps.day = 0: allowed is greater than or equal to 1"),
        ("caps: {day: 5}", "day, three_days and seven_days must not fall"),
        ("spacing_h: -1", "policy.spacing_h = -1"),
        ("consent_for: [mobil]", "policy.consent_for.0 = 'mobil': allowed is 'all'"),
        ("consent_bases: []", "policy.consent_bases = a list:"),
        ("caller_ids: [12025550100]", "policy.caller_ids.0 = 12025550100: allowed is a valid string"),
        ('caller_ids: ["202"]', "policy.caller_ids.0 = '202': must match"),
        ("attended: [two_call_disabled]", "policy.attended.0 = 'two_call_disabled': allowed is"),
        ("attended: [hours, cap]", "policy.attended.1"),
        ("two_call: {enable: true}", "policy.two_call.enable = True: there is no such key"),
    ],
)
def test_a_fault_is_told_with_its_key(tmp_path: Path, yaml: str, told: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(f"ari: {{password: x}}\npolicy:\n  {yaml}\n")
    with pytest.raises(ConfigError) as caught:
        config.load(file)
    assert told in str(caught.value)
    assert "1 fault(s)" in str(caught.value)


def test_a_section_is_frozen() -> None:
    with pytest.raises(ValidationError):
        Policy().callback_number = False
