from collections.abc import AsyncIterator

import pytest
from httpx import ASGITransport, AsyncClient

from haechi.domain.access import Principal
from tests.control_room.district import D
from tests.control_room.live.test_world import NOW
from tests.control_room.stand_ins import Made

SHA = "e" * 64


@pytest.fixture
def wall() -> Made:
    return Made()


def looking_at(wall: Made) -> AsyncClient:
    return AsyncClient(transport=ASGITransport(wall.app), base_url="http://wall")


@pytest.fixture
async def browser(wall: Made) -> AsyncIterator[AsyncClient]:
    async with looking_at(wall) as client:
        yield client


async def test_opening_an_incident_names_the_person_and_leaves_one_audit_entry(
    wall: Made, browser: AsyncClient
) -> None:
    for _ in range(3):
        answer = await browser.get("/wall/incidents/i2")
    assert answer.json()["name"] == "Oh Mal-sun"
    assert answer.headers["cache-control"] == "no-store"
    assert wall.audit.lines == [("Kim Bo-ram", "opened", "incident:i2", D)]
    assert [(look.who, look.person, look.shown, look.why) for look in wall.audit.looks] == [
        ("Kim Bo-ram", "p2", "incident 26110472", "opened it")
    ]


async def test_opening_an_incident_that_shows_no_persons_place_is_no_look_at_one(
    wall: Made, browser: AsyncClient
) -> None:
    for incident in ("i3", "i4", "i6", "i8"):
        await browser.get(f"/wall/incidents/{incident}")
    assert wall.audit.looks == []


async def test_an_auditor_reads_the_incident_without_the_name() -> None:
    wall = Made(me=Principal("auditor", frozenset({("auditor", D)})), clock=lambda: NOW)
    async with looking_at(wall) as browser:
        answer = (await browser.get("/wall/incidents/i2")).json()
        opened = (await browser.get("/wall/incidents/i3")).json()
        picture = await browser.get(f"/evidence/{SHA}", params={"incident": "i3"})
    assert answer["name"] is None
    assert answer["who"] == "elder, 81"
    assert opened["picture"] is None
    assert picture.status_code == 403
    assert "pictures of people" in picture.json()["detail"]


async def test_an_incident_of_another_district_does_not_exist() -> None:
    wall = Made(me=Principal("far", frozenset({("operator", "elsewhere")})))
    async with looking_at(wall) as browser:
        assert (await browser.get("/wall/incidents/i2")).status_code == 404
        assert (await browser.get(f"/evidence/{SHA}", params={"incident": "i3"})).status_code == 404
    assert wall.audit.lines == []


async def test_a_picture_is_shown_only_as_evidence_of_its_incident(wall: Made, browser: AsyncClient) -> None:
    shown = await browser.get(f"/evidence/{SHA}", params={"incident": "i3"})
    assert shown.content.startswith(b"\xff\xd8")
    assert shown.headers["cache-control"] == "no-store"
    assert wall.audit.lines == [("Kim Bo-ram", "saw picture", f"evidence:{SHA}", D)]
    assert (await browser.get(f"/evidence/{'d' * 64}", params={"incident": "i3"})).status_code == 404
    assert (await browser.get(f"/evidence/{SHA}", params={"incident": "i2"})).status_code == 404
    assert (await browser.get(f"/evidence/{SHA}")).status_code == 422
    assert len(wall.audit.lines) == 1


async def test_the_timeline_carries_the_latency_of_every_step(browser: AsyncClient) -> None:
    lines = {line["words"]: line["after_s"] for line in (await browser.get("/wall/incidents/i2")).json()["timeline"]}
    assert lines["happened"] == 0
    assert lines["received"] == 0.021
    assert lines["decided: SOS pressed on device k3fd…"] == 0.064
    assert lines["first attempt to tell someone"] == 0.131
    assert lines["Kim Su-ah not reached: the address refuses connections"] > 9


async def test_the_map_comes_once_and_is_asked_for_by_its_tag(browser: AsyncClient) -> None:
    first = await browser.get("/wall/map")
    kinds = {feature["properties"]["kind"] for feature in first.json()["features"]}
    assert "street" in kinds
    assert "lamp" not in kinds
    again = await browser.get("/wall/map", headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304


async def test_every_answer_forbids_other_hosts_and_frames(browser: AsyncClient) -> None:
    for path in ("/", "/sign-in", "/wall/map", "/assets/wall.js", "/_dash-layout"):
        policy = (await browser.get(path)).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "http" not in policy
        assert "unsafe-inline" not in policy.split("style-src")[0]


async def test_scripts_come_compressed_and_a_changed_one_comes_anew(browser: AsyncClient) -> None:
    answer = await browser.get("/assets/mapbase.js")
    assert answer.headers["content-encoding"] == "gzip"
    assert int(answer.headers["content-length"]) < len(answer.content) / 2
    assert answer.headers["cache-control"] == "no-cache"
    assert (
        await browser.get("/assets/mapbase.js", headers={"if-none-match": answer.headers["etag"]})
    ).status_code == 304
    plain = await browser.get("/assets/mapbase.js", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.content == answer.content


async def test_nothing_of_a_district_is_in_what_dash_serves(browser: AsyncClient) -> None:
    served = (await browser.get("/_dash-layout")).text + (await browser.get("/")).text
    for secret in ("Oh Mal-sun", "Cam 01", "Kitchen row", "SOS pressed"):
        assert secret not in served


async def test_the_sign_in_page_says_what_went_wrong_and_escapes_where_to_go(browser: AsyncClient) -> None:
    assert "do not match" in (await browser.get("/sign-in", params={"failed": "1"})).text
    assert "Wait 42 seconds" in (await browser.get("/sign-in", params={"wait": "42"})).text
    for no_number in ("²", "٣", "-1", "9" * 5000, "<b>"):  # the page is everybody's to ask for
        asked = await browser.get("/sign-in", params={"wait": no_number})
        assert (asked.status_code, "Too many tries" in asked.text) == (200, False), no_number
    assert "<script>" not in (await browser.get("/sign-in", params={"next": '"><script>'})).text
