"""The section of the settings that says who may be called, and when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from voicedrop.policy import settings as policy
from voicedrop.policy.hours import read_span, read_window
from voicedrop.policy.number import Kind
from voicedrop.policy.settings import Asked, Basis, Need
from voicedrop.sections import Section


def _read_by(read: Callable[[str], object]) -> AfterValidator:
    """A text that this reader takes."""

    def check(text: str) -> str:
        read(text)
        return text

    return AfterValidator(check)


def _country(text: str) -> str:
    if text and (fault := policy.country_fault(text)):
        raise ValueError(fault)
    return text


def _called(kind: Kind) -> Kind:
    if kind is Kind.PREMIUM:
        raise ValueError("premium-rate numbers are never called")
    return kind


def _some(items: tuple[Any, ...]) -> tuple[Any, ...]:
    if not items:
        raise ValueError("at least one is needed")
    return items


WindowText = Annotated[str, _read_by(read_window)]
SpanText = Annotated[str, _read_by(read_span)]
Windows = Annotated[tuple[WindowText, ...], AfterValidator(_some)]
Cap = Annotated[int, Field(ge=1, le=100)]


class PlaceSection(Section):
    """A country, or areas of it, with hours of its own."""

    country: str
    prefixes: tuple[str, ...] = ()
    allowed_hours: Windows

    @model_validator(mode="after")
    def _is_a_place(self) -> PlaceSection:
        if fault := policy.country_fault(self.country, self.prefixes):
            raise ValueError(fault)
        return self

    def place(self) -> policy.Place:
        windows = tuple(map(read_window, self.allowed_hours))
        return policy.Place(country=self.country, prefixes=self.prefixes, windows=windows)


class CapsSection(Section):
    """Attempts on one number."""

    day: Cap = 1
    three_days: Cap = 2
    seven_days: Cap = 3

    @model_validator(mode="after")
    def _longer_holds_more(self) -> CapsSection:
        if not self.day <= self.three_days <= self.seven_days:
            raise ValueError("day, three_days and seven_days must not fall")
        return self


class TwoCall(Section):
    enabled: bool = False


class Policy(Section):
    """Who may be called, when and how often."""

    default_region: Annotated[str, AfterValidator(_country)] = ""
    kinds: Annotated[tuple[Annotated[Kind, AfterValidator(_called)], ...], AfterValidator(_some)] = policy.KINDS
    allowed_hours: Windows = policy.ALLOWED_HOURS
    places: tuple[PlaceSection, ...] = ()
    day_parts: tuple[SpanText, ...] = policy.DAY_PARTS
    caps: CapsSection = CapsSection()
    spacing_h: Annotated[float, Field(ge=0, le=720)] = policy.SPACING_H
    consent_for: tuple[Need, ...] = policy.CONSENT_FOR
    consent_bases: Annotated[tuple[Basis, ...], AfterValidator(_some)] = policy.CONSENT_BASES
    callback_number: bool = True
    caller_ids: tuple[Annotated[str, Field(pattern=r"^\+[0-9]{3,15}$")], ...] = ()
    two_call: TwoCall = TwoCall()
    attended: tuple[Asked, ...] = ()
    attended_unreadable: bool = False

    @model_validator(mode="after")
    def _parts_of_a_day(self) -> Policy:
        if fault := policy.parts_fault(tuple(map(read_span, self.day_parts))):
            raise ValueError(f"day_parts: {fault}")
        return self

    def rules(self) -> policy.Rules:
        return policy.Rules(
            default_region=self.default_region,
            kinds=frozenset(self.kinds),
            windows=tuple(map(read_window, self.allowed_hours)),
            places=tuple(place.place() for place in self.places),
            day_parts=tuple(map(read_span, self.day_parts)),
            caps=policy.Caps(**self.caps.model_dump()),
            spacing=timedelta(hours=self.spacing_h),
            consent_for=frozenset(self.consent_for),
            consent_bases=frozenset(self.consent_bases),
            callback_number=self.callback_number,
            caller_ids=frozenset(self.caller_ids),
            two_call=self.two_call.enabled,
            attended=frozenset(self.attended),
            attended_unreadable=self.attended_unreadable,
        )
