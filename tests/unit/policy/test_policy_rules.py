"""Each rule by itself: where it refuses, the last value on either side, and when it would allow."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.unit.policy.asked import KNOWN, NOON, OURS, RULES, at, consent, in_zones, number, question, refused
from voicedrop.policy.facts import Consent, Facts
from voicedrop.policy.gate import judge, next_allowed
from voicedrop.policy.number import Kind, NumberFault
from voicedrop.policy.rules import RULES as TABLE
from voicedrop.policy.settings import Asked, Basis, Caps, Method, Need, Place, Rules
from voicedrop.policy.suppression import Entry

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def facts(*attempts: datetime, **known: object) -> Facts:
    return replace(KNOWN, attempts=attempts, **known)


def test_nothing_speaks_against_it() -> None:
    ruling = judge(question(), KNOWN, RULES, NOON)
    assert refused(ruling) == []
    assert ruling.next_allowed == NOON
    assert ruling.asked["rules"] == [rule.slug for rule in TABLE]


def test_now_must_have_a_zone() -> None:
    with pytest.raises(ValueError, match="time zone of now"):
        judge(question(), KNOWN, RULES, NOON.replace(tzinfo=None))


def test_each_slug_stands_once_and_an_agents_drop_can_be_asked_all_but_those_that_are_not_his() -> None:
    slugs = [rule.slug for rule in TABLE]
    assert len(set(slugs)) == len(slugs)
    assert set(slugs) - set(Asked) == {"unreachable", "suppressed", "two_call_disabled"}
    assert set(Asked) <= set(slugs)


def test_a_database_that_does_not_answer_refuses() -> None:
    ruling = judge(question(), replace(KNOWN, reachable=False), RULES, NOON)
    assert refused(ruling) == ["unreachable"]
    assert ruling.next_allowed is None


def test_a_number_that_cannot_be_read_is_refused_and_no_rule_stumbles_over_it() -> None:
    ruling = judge(question(NumberFault(reason="it holds letters")), facts(NOON - 30 * HOUR), RULES, NOON)
    caps = ["cap_day", "cap_3_days", "cap_7_days"]
    expected = ["number_invalid", "suppressed", "zone_unknown", *caps, "spacing", "hours", "same_time_of_day"]
    assert refused(ruling) == expected
    assert ruling.refusals[0].text == "not a number to call: it holds letters"
    assert ruling.next_allowed is None


@pytest.mark.parametrize("kind", Kind)
def test_only_the_kinds_that_are_listed_are_called(kind: Kind) -> None:
    ruling = judge(question(in_zones("America/New_York", kind=kind)), KNOWN, RULES, NOON)
    allowed = {Kind.MOBILE, Kind.FIXED, Kind.FIXED_OR_MOBILE, Kind.VOIP}
    assert refused(ruling) == ([] if kind in allowed else ["number_kind"])


# -- suppression and consent -------------------------------------------------------------------------


def test_who_is_suppressed_is_never_called() -> None:
    known = replace(KNOWN, suppressed=Entry(pattern="+1202*", reason="asked", source="api"))
    ruling = judge(question(), known, RULES, NOON)
    assert refused(ruling) == ["suppressed"]
    assert ruling.refusals[0].next_allowed is None
    assert ruling.next_allowed is None
    assert ruling.asked["suppressed"] == {"pattern": "+1202*", "reason": "asked", "source": "api"}


def test_an_entry_that_expires_counts_until_then() -> None:
    until = NOON + HOUR
    known = replace(KNOWN, suppressed=Entry(pattern="+12025550123", expires_at=until))
    assert judge(question(), known, RULES, NOON).next_allowed == until
    assert refused(judge(question(), known, RULES, until - MINUTE)) == ["suppressed"]
    assert refused(judge(question(), known, RULES, until)) == []


@pytest.mark.parametrize(
    ("method", "kind", "needed"),
    [
        (Method.TWO_CALL, Kind.FIXED, True),
        (Method.TWO_CALL, Kind.MOBILE, True),
        (Method.SINGLE, Kind.MOBILE, True),
        (Method.SINGLE, Kind.FIXED_OR_MOBILE, True),
        (Method.SINGLE, Kind.FIXED, False),
        (Method.SINGLE, Kind.VOIP, False),
    ],
)
def test_whose_consent_is_needed(method: Method, kind: Kind, needed: bool) -> None:
    rules = replace(RULES, two_call=True)
    asked = question(in_zones("America/New_York", kind=kind), method)
    assert refused(judge(asked, replace(KNOWN, consents=()), rules, NOON)) == (["consent"] if needed else [])
    assert refused(judge(asked, KNOWN, rules, NOON)) == []


def test_consent_can_be_asked_of_everybody_and_of_nobody() -> None:
    known = replace(KNOWN, consents=())
    fixed = question(in_zones("America/New_York"))
    assert refused(judge(fixed, known, replace(RULES, consent_for=frozenset({Need.ALL})), NOON)) == ["consent"]
    assert refused(judge(question(), known, replace(RULES, consent_for=frozenset()), NOON)) == []


@pytest.mark.parametrize(
    ("consents", "counts"),
    [
        ((consent("2026-06-10T16:00"),), True),
        ((consent("2026-06-10T16:01"),), False),
        ((consent(expires="2026-06-10T16:01"),), True),
        ((consent(expires="2026-06-10T16:00"),), False),
        ((consent(revoked="2026-06-10T16:01"),), True),
        ((consent(revoked="2026-06-10T16:00"),), False),
        ((consent(basis=Basis.EXPRESS),), True),
        ((consent(basis=Basis.CUSTOMER),), False),
        ((replace(consent(), evidence=" "),), False),
        ((replace(consent(), source=""),), False),
        ((consent(expires="2026-02-01"), consent("2026-03-01")), True),
        # To revoke one revokes what was given before it was revoked, and not what was given since.
        ((consent("2026-01-01", revoked="2026-04-01"), consent("2026-03-01")), False),
        ((consent("2026-01-01", revoked="2026-04-01"), consent("2026-04-01")), False),
        ((consent("2026-01-01", revoked="2026-04-01"), consent("2026-05-01")), True),
    ],
)
def test_which_consent_counts(consents: tuple[Consent, ...], counts: bool) -> None:
    for order in (consents, consents[::-1]):
        assert refused(judge(question(), replace(KNOWN, consents=order), RULES, NOON)) == (
            [] if counts else ["consent"]
        )


def test_consent_that_is_given_later_allows_from_then_on_and_within_the_hours() -> None:
    known = replace(KNOWN, consents=(consent("2026-06-12T05:00"),))
    ruling = judge(question(), known, RULES, NOON)
    assert ruling.refusals[0].next_allowed == at("2026-06-12T05:00")
    assert ruling.next_allowed == at("2026-06-12T12:00"), "08:00 in New York"


def test_consent_that_ends_before_the_hours_begin_never_allows() -> None:
    known = replace(KNOWN, consents=(consent("2026-06-12T05:00", expires="2026-06-12T12:00"),))
    assert next_allowed(question(), known, RULES, NOON) is None


# -- what is asked for -------------------------------------------------------------------------------


def test_the_two_call_method_must_be_turned_on() -> None:
    assert refused(judge(question(method=Method.TWO_CALL), KNOWN, RULES, NOON)) == ["two_call_disabled"]
    assert refused(judge(question(method=Method.TWO_CALL), KNOWN, replace(RULES, two_call=True), NOON)) == []


def test_a_message_must_name_a_number_to_call_back() -> None:
    asked = question(callback_number=" ")
    assert refused(judge(asked, KNOWN, RULES, NOON)) == ["callback_number"]
    assert refused(judge(asked, KNOWN, replace(RULES, callback_number=False), NOON)) == []


@pytest.mark.parametrize("shown", ["", "+12025550199", "12025550100"])
def test_only_a_listed_caller_id_is_shown(shown: str) -> None:
    assert refused(judge(question(caller_id=shown), KNOWN, RULES, NOON)) == ["caller_id"]
    assert refused(judge(question(caller_id=OURS), KNOWN, Rules(), NOON)) == ["caller_id"], "none is listed"


# -- hours -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("local", "allowed"),
    [("07:59", False), ("08:00", True), ("20:59", True), ("21:00", False), ("00:00", False)],
)
def test_the_hours_are_the_callees(local: str, allowed: bool) -> None:
    now = at(f"2026-06-10T{local}-04:00")
    assert refused(judge(question(), KNOWN, RULES, now)) == ([] if allowed else ["hours"])


def test_a_zone_that_no_one_knows_refuses() -> None:
    asked = question(in_zones())
    ruling = judge(asked, KNOWN, RULES, NOON)
    assert refused(ruling) == ["zone_unknown", "hours"]
    assert ruling.next_allowed is None


def test_a_contacts_zone_that_does_not_exist_refuses() -> None:
    ruling = judge(question(contact_zone="Mars/Olympus"), KNOWN, RULES, NOON)
    assert refused(ruling) == ["zone_unknown", "hours"]
    assert ruling.next_allowed is None


def test_a_contacts_zone_does_not_make_an_unknown_number_known() -> None:
    assert "zone_unknown" in refused(judge(question(in_zones(), contact_zone="Europe/Berlin"), KNOWN, RULES, NOON))


def test_a_contacts_own_zone_replaces_his_numbers_if_it_is_one_of_them() -> None:
    idaho, early = number("+12085550123"), at("2026-06-10T08:30-06:00")
    assert refused(judge(question(idaho), KNOWN, RULES, early)) == ["hours"], "07:30 in Los Angeles"
    assert refused(judge(question(idaho, contact_zone="America/Boise"), KNOWN, RULES, early)) == []


def test_a_contacts_own_zone_joins_his_numbers_otherwise() -> None:
    asked = question(contact_zone="America/Los_Angeles")  # the number is of Washington, D.C.
    assert refused(judge(asked, KNOWN, RULES, at("2026-06-10T08:30-04:00"))) == ["hours"]
    assert refused(judge(asked, KNOWN, RULES, at("2026-06-10T20:30-07:00"))) == ["hours"]
    assert refused(judge(asked, KNOWN, RULES, at("2026-06-10T08:30-07:00"))) == []


def place(country: str, hours: str, *prefixes: str) -> Place:
    from voicedrop.policy.hours import read_window

    return Place(country=country, prefixes=prefixes, windows=(read_window(hours),))


def test_a_country_and_an_area_can_have_their_own_hours() -> None:
    places = (place("US", "08:00-20:00"), place("US", "10:00-12:00", "+1202"), place("DE", "mon-fri 09:00-18:00"))
    rules = replace(RULES, places=places)

    def allowed(text: str, moment: str) -> bool:
        return judge(question(text), KNOWN, rules, at(moment)).allowed

    assert not allowed("+12025550123", "2026-06-10T13:00-04:00")
    assert allowed("+12025550123", "2026-06-10T11:00-04:00")
    assert allowed("+12125550123", "2026-06-10T13:00-04:00")
    assert not allowed("+12125550123", "2026-06-10T20:00-04:00")
    assert not allowed("+4915123456789", "2026-06-13T13:00+02:00"), "a Saturday"
    assert allowed("+4915123456789", "2026-06-12T13:00+02:00")
    assert allowed("+442079460123", "2026-06-13T20:59+01:00"), "no place of its own"


def test_a_number_without_an_area_may_be_in_any_area_of_its_country() -> None:
    rules = replace(RULES, places=(place("DE", "10:00-12:00", "+4930"),))
    assert not judge(question("+4915123456789"), KNOWN, rules, at("2026-06-10T13:00+02:00")).allowed
    assert judge(question("+4989123456"), KNOWN, rules, at("2026-06-10T13:00+02:00")).allowed


# -- how often ---------------------------------------------------------------------------------------


def test_a_second_attempt_waits_a_day_and_for_another_time_of_day() -> None:
    last = at("2026-06-09T10:00-04:00")
    ruling = judge(question(), facts(last), RULES, at("2026-06-10T09:59-04:00"))
    assert refused(ruling) == ["cap_day", "spacing", "same_time_of_day"]
    assert [refusal.next_allowed for refusal in ruling.refusals] == [
        last + 24 * HOUR,
        last + 24 * HOUR,
        at("2026-06-10T12:00-04:00"),
    ]
    assert ruling.next_allowed == at("2026-06-10T12:00-04:00")


@pytest.mark.parametrize(("days", "slug"), [(1, "cap_day"), (3, "cap_3_days"), (7, "cap_7_days")])
def test_a_cap_counts_the_last_hours_and_not_the_callees_dates(days: int, slug: str) -> None:
    caps = {1: Caps(day=2, three_days=9, seven_days=9), 3: Caps(day=9, three_days=2, seven_days=9)}
    rules = replace(RULES, caps=caps.get(days, Caps(day=9, three_days=9, seven_days=2)), spacing=0 * HOUR, day_parts=())
    first = NOON - days * 24 * HOUR
    known = facts(NOON - HOUR, first)
    assert refused(judge(question(), known, rules, NOON - MINUTE)) == [slug]
    assert refused(judge(question(), known, rules, NOON)) == []
    assert next_allowed(question(), known, rules, NOON - MINUTE) == NOON


def test_an_attempt_in_the_future_counts_as_just_made() -> None:
    ruling = judge(question(), facts(NOON + HOUR), replace(RULES, day_parts=()), NOON)
    assert refused(ruling) == ["cap_day", "spacing"]
    assert ruling.next_allowed == NOON + 25 * HOUR


@pytest.mark.parametrize("slug", ["cap_day", "cap_3_days", "cap_7_days", "spacing"])
def test_a_database_whose_clock_is_an_hour_ahead_lets_nothing_through(slug: str) -> None:
    rules = replace(RULES, day_parts=(), caps=Caps(day=1, three_days=1, seven_days=1))
    assert slug in refused(judge(question(), facts(NOON + HOUR), rules, NOON))


def test_hours_outside_of_the_parts_of_the_day_are_one_part_more() -> None:
    rules = replace(RULES, day_parts=RULES.day_parts[:1])  # the morning only
    evening = at("2026-06-08T20:00-04:00")
    assert refused(judge(question(), facts(evening), rules, at("2026-06-10T15:00-04:00"))) == ["same_time_of_day"]
    assert refused(judge(question(), facts(evening), rules, at("2026-06-10T11:00-04:00"))) == []


def test_another_time_of_day_than_last_time_in_every_zone() -> None:
    idaho = question(number("+12085550123"))  # Boise and Los Angeles
    last = at("2026-06-08T11:30-07:00")  # 12:30 in Boise: noon has passed there
    assert "same_time_of_day" in refused(judge(idaho, facts(last), RULES, at("2026-06-10T11:30-07:00")))
    assert "same_time_of_day" in refused(judge(idaho, facts(last), RULES, at("2026-06-10T15:30-07:00")))
    assert refused(judge(idaho, facts(last), RULES, at("2026-06-10T17:30-07:00"))) == []


# -- an agent's drop ---------------------------------------------------------------------------------


def test_an_agents_drop_is_asked_the_suppression_list_alone() -> None:
    asked = question(method=Method.ATTENDED, caller_id="", callback_number="")
    night, known = at("2026-06-10T03:00-04:00"), Facts(reachable=True, attempts=(NOON, NOON, NOON))
    ruling = judge(asked, known, RULES, night)
    assert refused(ruling) == []
    assert ruling.asked["rules"] == ["unreachable", "suppressed"]
    assert refused(judge(asked, replace(known, suppressed=Entry(pattern="+*")), RULES, night)) == ["suppressed"]


def test_an_agents_drop_is_refused_while_no_list_has_been_read() -> None:
    ruling = judge(question(method=Method.ATTENDED), Facts(reachable=False), RULES, NOON)
    assert refused(ruling) == ["unreachable"]
    assert "no suppression list" in ruling.refusals[0].text


@pytest.mark.parametrize(("need", "refusals"), [(Need.TWO_CALL, []), (Need.ATTENDED, ["consent"])])
def test_an_agents_drop_is_asked_for_consent_where_it_is_configured(need: Need, refusals: list[str]) -> None:
    asked = question(method=Method.ATTENDED)
    rules = replace(RULES, consent_for=frozenset({need}), attended=frozenset({Asked.CONSENT}))
    assert refused(judge(asked, Facts(reachable=True), rules, NOON)) == refusals
    assert refused(judge(asked, Facts(reachable=True), replace(rules, attended=frozenset()), NOON)) == []


@pytest.mark.parametrize("slug", Asked)
def test_an_agents_drop_can_be_asked_any_other_rule(slug: Asked) -> None:
    asked = question(method=Method.ATTENDED)
    assert judge(asked, KNOWN, replace(RULES, attended=frozenset({slug})), NOON).asked["rules"] == [
        rule.slug for rule in TABLE if rule.attended or rule.slug == slug
    ]


def test_an_agents_number_that_cannot_be_read_goes_on_only_where_that_is_configured() -> None:
    asked = question(NumberFault(reason="it holds letters"), Method.ATTENDED)
    assert refused(judge(asked, KNOWN, RULES, NOON)) == ["suppressed"]
    assert refused(judge(asked, KNOWN, replace(RULES, attended_unreadable=True), NOON)) == []
    unattended = question(NumberFault(reason="it holds letters"))
    assert "suppressed" in refused(judge(unattended, KNOWN, replace(RULES, attended_unreadable=True), NOON))


def test_an_agents_number_of_no_plan_is_looked_up_all_the_same() -> None:
    asked = question(NumberFault(reason="no numbering plan has it", e164="+1911"), Method.ATTENDED)
    assert refused(judge(asked, KNOWN, RULES, NOON)) == []
    assert refused(judge(asked, replace(KNOWN, suppressed=Entry(pattern="+1911")), RULES, NOON)) == ["suppressed"]


def test_the_receipt_gets_plain_values() -> None:
    import json

    known = facts(NOON - 48 * HOUR, suppressed=Entry(pattern="+1202*"))
    asked = judge(question(), known, RULES, NOON).asked
    assert json.loads(json.dumps(asked)) == asked
    assert asked["refused"] == ["suppressed", "same_time_of_day"]
    assert asked["local_times"] == {"America/New_York": "2026-06-10T12:00:00-04:00"}
    assert asked["consent"] == {"basis": "express_written", "source": "form", "evidence": "form-17.pdf"}
