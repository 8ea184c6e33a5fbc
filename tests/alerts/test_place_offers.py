"""Usual places are offered to the guardians on the real PostgreSQL, and only their yes makes a zone."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from alerts.pages import hours_in_words
from alerts.place_offers import PlaceRounds
from haechi.clock import utc_now
from haechi.domain.geo import Point
from haechi.domain.habits import Place
from haechi.domain.incidents import Incident
from haechi.domain.signatures import signature
from haechi.store.audit import Audit
from haechi.store.consents import Consents, Decision, Given
from haechi.store.usual_places import UsualPlaces
from tests.alerts.town import DISTRICT, LINKS, Town, public_http

SCHOOL, GRANDMA = Point(126.93, 37.62), Point(126.95, 37.61)


@pytest.fixture
async def http(town: Town) -> AsyncIterator[httpx.AsyncClient]:
    async with public_http(town) as client:
        yield client


async def learned(town: Town, *spots: Point) -> None:
    now = datetime.now(UTC)
    found = [Place(spot, 90, 12 - i, (8, 9, 10, 15), now) for i, spot in enumerate(spots)]
    await UsualPlaces(town.pool).learned(town.child, found, now)


async def consent(town: Town) -> None:
    now = datetime.now(UTC)
    given = Given(("position", "sos"), "mother", None, now - timedelta(days=1), now + timedelta(days=300))
    await Consents(town.pool).give(DISTRICT, town.child, given, by="clerk")
    await town.people.start()


async def offers(town: Town) -> list[Incident]:
    await PlaceRounds(UsualPlaces(town.pool), town.intake.apply).once()
    return [one for one in await town.incidents.recent(DISTRICT) if one.kind == "usual-place"]


def page_of(town: Town, incident: Incident, name: str = "father") -> str:
    return LINKS.guardian_page(incident.district, incident.id, town.ids[name], utc_now())


async def zones(town: Town) -> list[tuple[str, str]]:
    rows = await town.pool.fetch("SELECT name, person_id FROM safe_zones WHERE deleted_at IS NULL")
    return [(row["name"], row["person_id"]) for row in rows]


async def test_places_are_offered_in_one_message_and_once(town: Town) -> None:
    await consent(town)
    await learned(town, SCHOOL, GRANDMA)
    (incident,) = await offers(town)
    assert (incident.state, incident.point) == ("closed", None)
    assert len(await offers(town)) == 1
    recipients = {one.recipient.name for one in await town.incidents.deliveries(incident.id)}
    assert recipients == {"mother", "father"}
    await learned(town, SCHOOL, GRANDMA, Point(126.98, 37.57))
    assert len(await offers(town)) == 2, "a place that is found later is offered then"


async def test_without_a_consent_nothing_is_offered_and_nothing_shown(town: Town, http: httpx.AsyncClient) -> None:
    await Consents(town.pool).withdraw(DISTRICT, town.child, Decision("mother"), by="clerk")
    await learned(town, SCHOOL)
    assert await offers(town) == []
    await consent(town)
    (incident,) = await offers(town)
    page = page_of(town, incident)
    assert "<section>" in (await http.get(page)).text
    await Consents(town.pool).withdraw(DISTRICT, town.child, Decision("mother"), by="clerk")
    await town.people.start()
    assert "<section>" not in (await http.get(page)).text
    answer = await http.post(f"{page}/places/1/accept", data={"name": "School"})
    assert (answer.status_code, await zones(town)) == (404, [])


async def test_a_yes_makes_a_zone_of_the_name_a_no_makes_none_and_the_audit_has_both(
    town: Town, http: httpx.AsyncClient
) -> None:
    await consent(town)
    await learned(town, SCHOOL, GRANDMA)
    (incident,) = await offers(town)
    page = page_of(town, incident)
    shown = (await http.get(page)).text
    assert "was here on 12 days · mostly at 8–10, 15 o&#x27;clock" in shown
    assert len(shown.encode()) < 100_000
    forms = re.findall(r'action="([^"]+)"', shown)
    assert [form.split("/", 1)[1] for form in forms if "places" in form] == [
        "places/1/accept",
        "places/1/decline",
        "places/2/accept",
        "places/2/decline",
    ]
    assert await zones(town) == [], "looking decides nothing"
    yes = await http.post(f"{page}/places/1/accept", data={"name": " Haneulbit <School> "})
    assert (yes.status_code, str(yes.next_request.url if yes.next_request else "")) == (303, page)
    await http.post(f"{page}/places/2/decline")
    await http.post(f"{page_of(town, incident, 'mother')}/places/2/accept", data={"name": "too late"})
    assert await zones(town) == [("Haneulbit <School>", town.child)]
    assert "Nothing is left to be decided." in (await http.get(page)).text
    by = signature(town.ids["father"])
    said = [row["what"] for row in await town.pool.fetch("SELECT what FROM audit WHERE who = $1 ORDER BY at", by)]
    assert {"accepted usual place 1", "declined usual place 2"} <= set(said)
    assert "usual places" in {one.shown for one in await Audit(town.pool).looks(town.child)}


async def test_only_a_page_about_places_can_answer_and_a_name_is_needed(town: Town, http: httpx.AsyncClient) -> None:
    await consent(town)
    await learned(town, SCHOOL)
    (incident,) = await offers(town)
    applied = await town.intake.apply(town.alert())
    assert applied.incident is not None
    other = page_of(town, applied.incident)
    assert (await http.post(f"{other}/places/1/accept", data={"name": "x"})).status_code == 404
    page = page_of(town, incident)
    assert (await http.post(f"{page}/places/1/accept", data={"name": "  "})).status_code == 303
    assert (await http.post(f"{page}/places/1/everything", data={"name": "x"})).status_code == 404
    assert await zones(town) == []


def test_hours_are_said_as_ranges() -> None:
    assert hours_in_words((8, 9, 10, 15)) == "8–10, 15"
    assert hours_in_words(()) == ""
