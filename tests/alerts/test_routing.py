"""Who is told, and, as important, who is not."""

import pytest

from alerts.routing import ROUTES, recipients
from haechi.domain.alerting import KINDS, Status
from haechi.domain.deliveries import NO_CHANNEL, Agency, AgencyRole
from haechi.domain.incidents import Incident
from haechi.domain.people import Guardian
from tests.alerts.build import incident

MOTHER = Guardian("mother", "haneul", "Kim Minji", webhook_url="https://phone.example/mother")
FATHER = Guardian("father", "haneul", "Lee Jun", webhook_url="https://phone.example/father")
MUTE = Guardian("aunt", "haneul", "Lee Sora", phone="+82 10 0000 0000")
STRANGER = Guardian("stranger", "haneul", "Park Woo", webhook_url="https://phone.example/stranger")
GUARDS = {"child": (MOTHER, MUTE, FATHER), "neighbour": (STRANGER,)}
ROLES: tuple[AgencyRole, ...] = ("police", "fire", "desk")
AGENCIES = tuple(
    Agency(f"{district}-{role}", district, role.title(), role, f"https://{district}.example/{role}")
    for district in ("haneul", "bada")
    for role in ROLES
)
ALL = {"mother", "father", "haneul-police", "haneul-fire", "haneul-desk"}


class Town:
    def guardians_of(self, person: str) -> tuple[Guardian, ...]:
        return GUARDS.get(person, ())

    def agencies(self, district: str, role: AgencyRole) -> tuple[Agency, ...]:
        return tuple(agency for agency in AGENCIES if (agency.district, agency.role) == (district, role))


def told(about: Incident) -> set[str]:
    return {recipient.id for recipient in recipients(about, Town()) if recipient.channel != NO_CHANNEL}


@pytest.mark.parametrize(
    ("kind", "subject", "expected"),
    [
        ("sos", "child", ALL),
        ("man-down", "child", ALL),
        ("strap-cut", "child", ALL),
        ("tamper", "child", ALL),
        ("zone-exit", "child", {"mother", "father", "haneul-desk"}),
        ("zone-entry", "child", {"mother", "father", "haneul-desk"}),
        ("not-arrived", "child", {"mother", "father", "haneul-desk"}),
        ("arrived", "child", {"mother", "father"}),
        ("left", "child", {"mother", "father"}),
        ("trespass", "camera-1", {"haneul-police", "haneul-desk"}),
        ("gas", "sensor-1", {"haneul-fire", "haneul-desk"}),
        ("fire", "sensor-1", {"haneul-fire", "haneul-desk"}),
        ("flood", "sensor-1", {"haneul-desk"}),
        ("air", "sensor-1", {"haneul-desk"}),
        ("dead-letter", "urgent", {"haneul-desk"}),
        ("blind", "positions", {"haneul-desk"}),
        ("silent", "child", {"mother", "father", "haneul-desk"}),
        ("cell-silent", "haneul", {"haneul-desk"}),
        ("battery-low", "child", {"mother", "father"}),
        ("a-kind-of-tomorrow", "child", {"haneul-desk"}),
        ("sos", "unknown:203.0.113.7", {"haneul-desk"}),
        ("sos", "a person without guardians", ALL - {"mother", "father"}),
    ],
)
def test_exactly_these_are_told(kind: str, subject: str, expected: set[str]) -> None:
    assert told(incident(kind=kind, subject=subject)) == expected


def test_every_route_belongs_to_a_kind() -> None:
    assert set(ROUTES) <= set(KINDS)


@pytest.mark.parametrize("kind", sorted(KINDS))
@pytest.mark.parametrize("status", ["Exercise", "Test"])
def test_a_drill_reaches_neither_police_nor_fire(kind: str, status: Status) -> None:
    assert not told(incident(kind=kind, status=status)) & {"haneul-police", "haneul-fire"}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_nobody_of_another_district_and_no_other_childs_guardian_hears_of_it(kind: str) -> None:
    assert told(incident(kind=kind)) <= ALL


def test_guardians_come_first_and_in_order_of_call() -> None:
    assert [recipient.id for recipient in recipients(incident(), Town())] == [
        "mother",
        "aunt",
        "father",
        "haneul-police",
        "haneul-fire",
        "haneul-desk",
    ]


def test_a_recipient_carries_channel_and_address() -> None:
    first = recipients(incident(), Town())[0]
    assert (first.kind, first.channel, first.address) == ("guardian", "webhook", "https://phone.example/mother")


def test_who_ought_to_be_told_and_cannot_be_is_named_with_the_reason() -> None:
    aunt = next(recipient for recipient in recipients(incident(), Town()) if recipient.id == "aunt")
    assert (aunt.name, aunt.channel) == ("Lee Sora", NO_CHANNEL)
    assert "no webhook address" in aunt.address
    alone = recipients(incident(subject="a person without guardians"), Town())
    assert alone[0].address == "no guardian is registered"
    assert alone[0].name == "guardian", "whose name stands before 'not reached'"
    far = recipients(incident(district="nowhere"), Town())
    assert [r.address for r in far if r.channel == NO_CHANNEL][1:] == [
        "no police is registered",
        "no fire is registered",
    ]
