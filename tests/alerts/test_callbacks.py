"""The guardian's page and the agencies' answers, over HTTP and the real PostgreSQL."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest
from standardwebhooks import Webhook as Signer

from alerts.links import LIFETIME
from alerts.pages import FALSE_ALARM
from haechi.clock import utc_now
from haechi.domain.alerting import cleared, urgent_alert
from haechi.domain.drills import phone_test
from haechi.domain.geo import Point
from haechi.domain.incidents import Acknowledge, Close, Incident
from haechi.domain.places import PlaceWords
from haechi.domain.scene import Scene
from haechi.domain.signatures import signature
from haechi.errors import TransientError
from haechi.store.audit import Audit, Look
from haechi.store.consents import Consents, Decision, Given
from haechi.store.drills import Drills
from haechi.store.registry import PEOPLE
from tests.alerts.town import DISTRICT, EVERYONE, LINKS, Town, public_http


@pytest.fixture
async def incident(town: Town) -> Incident:
    applied = await town.intake.apply(town.alert())
    assert applied.incident is not None
    return applied.incident


@pytest.fixture
async def http(town: Town) -> AsyncIterator[httpx.AsyncClient]:
    async with public_http(town) as client:
        yield client


def page_of(town: Town, incident: Incident, name: str = "mother", at: datetime | None = None) -> str:
    return LINKS.guardian_page(incident.district, incident.id, town.ids[name], at or utc_now())


async def test_the_page_speaks_the_guardians_language_and_shows_what_when_and_where(
    town: Town, http: httpx.AsyncClient, incident: Incident
) -> None:
    korean = await http.get(page_of(town, incident, "mother"))
    english = await http.get(page_of(town, incident, "father"))
    assert "SOS 버튼이 눌렸습니다" in korean.text
    assert "SOS pressed" in english.text
    for text in (korean.text, english.text):
        assert "37.56650, 126.97800" in text
        assert f"#{incident.number}" in text
        assert "<svg" in text


async def test_the_page_says_the_place_in_words_how_old_it_is_and_the_battery(
    town: Town, http: httpx.AsyncClient
) -> None:
    now = utc_now()
    scene = Scene(
        Point(126.978, 37.5665), 8.0, now - timedelta(minutes=10), PlaceWords("at School Gate", "정문 앞"), battery=31.0
    )
    applied = await town.incidents.apply_alert(town.alert(), lambda _: (), scene=scene)
    assert applied.incident is not None
    korean = (await http.get(page_of(town, applied.incident, "mother"))).text
    assert "정문 앞" in korean
    assert "위치는 10분 전의 것입니다" in korean
    english = (await http.get(page_of(town, applied.incident, "father"))).text
    assert "at School Gate" in english
    assert "battery 31 %" in english


async def test_of_what_is_over_the_place_is_where_it_began_and_not_where_they_are(
    town: Town, http: httpx.AsyncClient
) -> None:
    now = utc_now()
    scene = Scene(Point(126.978, 37.5665), 8.0, now - timedelta(minutes=10), PlaceWords("at School Gate", "정문 앞"))
    alert = town.alert("zone-exit", minutes=-10)
    await town.incidents.apply_alert(alert, lambda _: (), scene=scene)
    applied = await town.incidents.apply_alert(cleared(alert, now), lambda _: ())
    assert applied.incident is not None
    english = (await http.get(page_of(town, applied.incident, "father"))).text
    assert "<header class=calm><h1>is back inside (" in english
    assert "before: Left the safe zone" in english
    assert "Place when it began" in english
    for said in ("Last known place", "This place is"):
        assert said not in english


async def test_of_a_closed_incident_the_place_is_shown_only_while_a_consent_covers_it(
    town: Town, http: httpx.AsyncClient, incident: Incident
) -> None:
    consents, page = Consents(town.pool), page_of(town, incident, "father")
    await consents.give(DISTRICT, town.child, Given(("position", "sos"), "mother"), by="clerk")
    await consents.withdraw(DISTRICT, town.child, Decision("mother"), by="clerk")
    await town.people.start()
    assert "37.56650, 126.97800" in (await http.get(page)).text, "whoever must still act is told where"
    await http.post(f"{page}/on-it")
    await town.incidents.apply_command(incident.id, DISTRICT, Close("operator", utc_now(), "resolved"))
    closed = (await http.get(page)).text
    assert "37.56" not in closed
    assert "<svg" not in closed
    assert "No consent covers the place any more" in closed
    await consents.give(DISTRICT, town.child, Given(("position",), "mother"), by="clerk")
    await town.people.start()
    assert "37.56650, 126.97800" in (await http.get(page)).text


async def test_the_page_is_small_has_no_script_and_is_kept_by_nobody(
    town: Town, http: httpx.AsyncClient, incident: Incident
) -> None:
    answer = await http.get(page_of(town, incident))
    assert len(answer.content) < 100_000
    assert "<script" not in answer.text
    addresses = re.findall(r"""(?:src|href)=["']?([^"' >]+)""", answer.text)
    assert [address.split("/link")[0] for address in addresses] == ["https://map.kakao.com"]
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"


async def test_a_guardian_reads_back_to_the_first_look_also_from_the_monthly_test(
    town: Town, http: httpx.AsyncClient
) -> None:
    audit = Audit(town.pool)
    whys = [f"why {n:02}" for n in range(45)]
    await audit.look(*(Look(town.child, DISTRICT, "Park Ha-neul", "operator", "the trail", why) for why in whys))
    applied = await town.intake.apply(phone_test(town.child, DISTRICT, utc_now(), None, utc_now()))
    assert applied.incident is not None
    pages, address = [], httpx.URL(page_of(town, applied.incident, "father"))
    while True:
        text = (await http.get(address)).text
        assert "Park Ha-neul" not in text
        pages.append(re.findall(r"why \d\d", text))
        older = re.search(r'<a href="([^"]+)">Older ones</a>', text)
        if older is None:
            break
        address = address.join(older[1])
    assert pages == [whys[:24:-1], whys[24:4:-1], whys[4::-1]]
    assert (await http.get(address.copy_set_param("before", "x; DROP"))).status_code == 200
    expired = page_of(town, applied.incident, "father", utc_now() - LIFETIME)
    assert (await http.get(f"{expired}/looks")).status_code == 404


async def test_looking_changes_nothing_but_leaves_a_trace(
    town: Town, http: httpx.AsyncClient, incident: Incident
) -> None:
    for method in ("GET", "HEAD"):
        await http.request(method, page_of(town, incident))
    assert (await town.incidents.get(incident.id, DISTRICT)).version == incident.version
    assert len(await town.incidents.trail(incident.id)) == 1
    looks = await Audit(town.pool).looks(town.child)
    assert [(one.who, one.role, one.shown) for one in looks] == [
        (signature(town.ids["mother"]), "guardian", f"incident {incident.number}")
    ]


async def test_a_guardian_sees_who_looked_at_the_place_by_role_and_why_and_no_operators_name(
    town: Town, http: httpx.AsyncClient, incident: Incident
) -> None:
    audit = Audit(town.pool)
    await audit.look(Look(town.child, DISTRICT, "Park Ha-neul", "operator", "the trail of today", "<b>asked</b>"))
    await audit.follow(Look(town.child, DISTRICT, "Lee", "dispatcher", "incident 7", "an open incident"))
    await audit.look(Look(town.ids["mother"], DISTRICT, "Kim", "auditor", "the trail of another", "why"))
    await http.get(page_of(town, incident, "mother"))
    korean = (await http.get(page_of(town, incident, "mother"))).text
    english = (await http.get(page_of(town, incident, "father"))).text
    for said in (
        "위치를 확인한 사람",
        "관제요원 · &lt;b&gt;asked&lt;/b&gt;",
        "출동 담당자 · 진행 중인 상황",
        "보호자님 본인",
    ):
        assert said in korean
    for said in ("Who looked at this place", "an operator · &lt;b&gt;asked", "a dispatcher · an open incident"):
        assert said in english
    assert "a guardian · the link of a message" in english, "the mother, without her name"
    for text in (korean, english):
        assert "Park Ha-neul" not in text
        assert "감사" not in text
        assert "auditor" not in text


async def test_i_am_on_it_acknowledges_once_and_leads_back_to_the_page(
    town: Town, http: httpx.AsyncClient, incident: Incident
) -> None:
    page = page_of(town, incident)
    for _ in range(2):
        answer = await http.post(f"{page}/on-it")
        assert answer.status_code == 303
        assert str(answer.next_request.url if answer.next_request else "") == page
    now = await town.incidents.get(incident.id, DISTRICT)
    assert (now.state, now.acknowledged_by) == ("acknowledged", signature(town.ids["mother"]))
    assert [event.kind for event in await town.incidents.trail(incident.id)] == ["opened", "acknowledged"]
    assert "확인 중이십니다" in (await http.get(page)).text


async def test_a_second_guardian_joins_and_takes_nothing_over(
    town: Town, http: httpx.AsyncClient, incident: Incident
) -> None:
    await http.post(f"{page_of(town, incident, 'mother')}/on-it")
    for _ in range(2):
        await http.post(f"{page_of(town, incident, 'father')}/on-it")
    assert (await town.incidents.get(incident.id, DISTRICT)).acknowledged_by == signature(town.ids["mother"])
    assert [(event.kind, event.by) for event in await town.incidents.trail(incident.id)][2:] == [
        ("note", signature(town.ids["father"]))
    ]


async def test_a_false_alarm_is_a_statement_and_ends_nothing(
    town: Town, http: httpx.AsyncClient, incident: Incident
) -> None:
    page = page_of(town, incident)
    for _ in range(3):
        await http.post(f"{page}/statement")
    now = await town.incidents.get(incident.id, DISTRICT)
    assert now.state == "unacknowledged"
    notes = [event.words for event in await town.incidents.trail(incident.id) if event.kind == "note"]
    assert notes == [FALSE_ALARM]
    assert "오작동이라고 알려 주셨습니다" in (await http.get(page)).text


async def test_of_a_closed_incident_the_page_says_so_and_offers_nothing_but_a_test(
    town: Town, http: httpx.AsyncClient, incident: Incident
) -> None:
    page = page_of(town, incident, "father")
    await http.post(f"{page}/on-it")
    await town.incidents.apply_command(incident.id, DISTRICT, Close("operator", utc_now(), "resolved"))
    text = (await http.get(page)).text
    assert "Closed at" in text
    assert re.findall(r"/([a-z-]+)\"><button", text) == ["test"]
    assert (await http.post(f"{page}/on-it")).status_code == 303


async def test_a_link_of_nobody_altered_expired_or_of_a_former_guardian_shows_nothing(
    town: Town, http: httpx.AsyncClient, incident: Incident
) -> None:
    good = page_of(town, incident)
    old = page_of(town, incident, at=datetime.now(UTC) - LIFETIME - timedelta(seconds=1))
    stranger = LINKS.guardian_page(DISTRICT, incident.id, town.ids["police"], utc_now())
    elsewhere = LINKS.guardian_page("bada", incident.id, town.ids["mother"], utc_now())
    for link in (good[:-2], good + "x", old, stranger, elsewhere, "http://haechi/g/nonsense"):
        for answer in (await http.get(link), await http.post(f"{link}/on-it"), await http.post(f"{link}/statement")):
            assert answer.status_code == 404
            assert "37.56650" not in answer.text
            assert "112" in answer.text
    assert len(await town.incidents.trail(incident.id)) == 1
    person = (await town.registry.get(PEOPLE, DISTRICT, town.child)).value
    await town.registry.change(
        PEOPLE, DISTRICT, town.child, msgspec.structs.replace(person, guardian_ids=(town.ids["father"],))
    )
    await town.people.start()
    assert (await http.get(good)).status_code == 404


async def test_a_drill_says_that_it_is_one(town: Town, http: httpx.AsyncClient) -> None:
    alert = msgspec.structs.replace(town.alert(), status="Exercise")
    applied = await town.intake.apply(alert)
    assert applied.incident is not None
    assert "This is a drill" in (await http.get(page_of(town, applied.incident, "father"))).text


async def test_words_of_others_cannot_become_markup(town: Town, http: httpx.AsyncClient) -> None:
    alert = msgspec.structs.replace(town.alert("flood"), title="<script>alert(1)</script>")
    applied = await town.intake.apply(alert)
    assert applied.incident is not None
    text = (await http.get(page_of(town, applied.incident))).text
    assert "<script" not in text
    assert "&lt;script&gt;" in text


async def test_while_the_store_is_away_the_page_says_what_to_do(town: Town, incident: Incident) -> None:
    class Away:
        async def get(self, incident_id: str, district: str) -> Incident:
            raise TransientError("PostgreSQL is away")

    async with public_http(town, Away()) as http:  # type: ignore[arg-type]  # only what is called
        answer = await http.get(page_of(town, incident), headers={"accept-language": "en"})
    assert answer.status_code == 503
    assert "call 112" in answer.text


async def answer_of(town: Town, incident: Incident, body: bytes, *, secret: str | None = None, to: str = "police"):
    delivery = next(d for d in await town.incidents.deliveries(incident.id) if d.recipient.name == to)
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "their-1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(secret or town.secrets[to]).sign("their-1", now, body.decode()),
    }
    return LINKS.agency_reply(DISTRICT, incident.id, delivery.id, now), headers


async def test_an_agencys_answer_is_a_line_in_the_trail(
    town: Town, http: httpx.AsyncClient, incident: Incident
) -> None:
    for body in (
        b'{"status":"accepted","reference":"CFS-12"}',
        b'{"status":"accepted","reference":"CFS-12"}',
        b'{"status":"on scene","words":"car 4\\u0000\\r\\nclosed by the desk"}',
    ):
        address, headers = await answer_of(town, incident, body)
        assert (await http.post(address, content=body, headers=headers)).status_code == 204
    lines = [(event.by, event.words) for event in await town.incidents.trail(incident.id) if event.kind == "note"]
    assert lines == [("police", "accepted · CFS-12"), ("police", "on scene · car 4 closed by the desk")]


async def test_an_answer_signed_by_somebody_else_is_refused(
    town: Town, http: httpx.AsyncClient, incident: Incident
) -> None:
    body = b'{"status":"rejected"}'
    address, headers = await answer_of(town, incident, body, secret=town.secrets["fire"])
    assert (await http.post(address, content=body, headers=headers)).status_code == 401
    assert (await http.post(address, content=body)).status_code == 401
    good, signed = await answer_of(town, incident, body)
    assert (await http.post(good, content=b'{"status":"accepted"}', headers=signed)).status_code == 401
    garbage = signed | {"webhook-signature": "v1,%%% nonsense"}
    assert (await http.post(good, content=body, headers=garbage)).status_code == 401
    assert len(await town.incidents.trail(incident.id)) == 1


@pytest.mark.parametrize("body", [b"{}", b'{"status":"asleep"}', b"[]", b"nonsense", b'{"status":"accepted","x":1}'])
async def test_an_answer_that_means_nothing_is_refused_in_words(
    body: bytes, town: Town, http: httpx.AsyncClient, incident: Incident
) -> None:
    address, headers = await answer_of(town, incident, body)
    assert (await http.post(address, content=body, headers=headers)).status_code == 422


async def test_an_answer_that_is_too_long_is_not_read(town: Town, http: httpx.AsyncClient, incident: Incident) -> None:
    address, headers = await answer_of(town, incident, b"{}")
    assert (await http.post(address, content=b"x" * 30_000, headers=headers)).status_code == 413


async def test_a_guardians_link_does_not_answer_for_an_agency(
    town: Town, http: httpx.AsyncClient, incident: Incident
) -> None:
    token = page_of(town, incident).rsplit("/", 1)[1]
    assert (await http.post(f"/agency/{token}", content=b"{}")).status_code == 404


async def pressed_in_a_window(town: Town) -> Incident:
    """The incident of a press in a window that the mother asked for."""
    await Drills(town.pool).open_window(DISTRICT, town.child, by=signature(town.ids["mother"]))
    at = utc_now()
    applied = await town.intake.apply(urgent_alert(town.call(at=at, received_at=at), at))
    assert applied.incident is not None
    assert applied.incident.status == "Test"
    return applied.incident


async def test_a_test_is_marked_and_ends_when_every_guardian_who_was_told_has_answered(
    town: Town, http: httpx.AsyncClient
) -> None:
    test = await pressed_in_a_window(town)
    mother, father = page_of(town, test, "mother"), page_of(town, test, "father")
    text = (await http.get(father)).text
    assert "This is a TEST" in text
    assert "It reached me" in text
    assert "false alarm" not in text
    await http.post(f"{mother}/on-it")
    assert (await town.incidents.get(test.id, DISTRICT)).open
    await http.post(f"{father}/on-it")
    ended = await town.incidents.get(test.id, DISTRICT)
    assert (ended.open, ended.closed_by, ended.acknowledged_by) == (
        False,
        signature(town.ids["father"]),
        signature(town.ids["mother"]),
    )
    assert "The button was tested at" in (await http.get(father)).text


async def test_a_test_tells_nobody_where_the_person_is_and_its_page_is_no_look(
    town: Town, http: httpx.AsyncClient
) -> None:
    test = await pressed_in_a_window(town)
    text = (await http.get(page_of(town, test, "mother"))).text
    assert "37.56650" not in text
    assert "place" not in text.lower()
    assert await Audit(town.pool).looks(town.child) == []


async def test_a_test_that_was_real_becomes_real_once_with_the_same_place(town: Town, http: httpx.AsyncClient) -> None:
    test = await pressed_in_a_window(town)
    assert test.point is None
    page = page_of(town, test, "father")
    for _ in range(2):
        assert (await http.post(f"{page}/real")).status_code == 303
    real = next(incident for incident in await town.open_incidents() if incident.status == "Actual")
    assert (real.kind, real.severity, real.point, real.presses) == ("sos", 1, test.because.fixes[-1].point, 1)
    assert "a guardian says" in real.because.words
    assert set(await town.states()) == set(EVERYONE)
    assert "treated as real" in (await http.get(page)).text


async def test_a_test_that_was_real_is_real_also_when_another_test_was_asked_for_since(
    town: Town, http: httpx.AsyncClient
) -> None:
    """The guardian's word was taken for the press that the second window waits for, and nobody was called."""
    test = await pressed_in_a_window(town)
    page = page_of(town, test, "father")
    await http.post(f"{page}/test")
    await http.post(f"{page}/real")
    assert [incident.status for incident in await town.open_incidents()] == ["Actual", "Test"]
    assert set(await town.states()) == set(EVERYONE)


async def test_what_is_real_is_not_made_more_real_by_a_link(
    town: Town, http: httpx.AsyncClient, incident: Incident
) -> None:
    await http.post(f"{page_of(town, incident)}/real")
    [only] = await town.open_incidents()
    assert (only.id, only.presses) == (incident.id, 1)


async def test_a_guardian_tests_the_button_from_the_page_of_what_is_over_but_not_of_what_is_open(
    town: Town, http: httpx.AsyncClient, incident: Incident
) -> None:
    page = page_of(town, incident, "father")
    assert "Test the button" not in (await http.get(page)).text
    await http.post(f"{page}/test")
    assert await Drills(town.pool).newest(town.child) is None
    await http.post(f"{page}/on-it")
    await town.incidents.apply_command(incident.id, DISTRICT, Close("desk", utc_now(), "home"))
    assert "Test the button" in (await http.get(page)).text
    assert (await http.post(f"{page}/test")).status_code == 303
    text = (await http.get(page)).text
    assert "A second press is real" in text
    at = utc_now()
    applied = await town.intake.apply(urgent_alert(town.call(at=at, received_at=at), at))
    assert applied.incident is not None
    assert applied.incident.status == "Test"


async def test_the_page_says_that_a_press_is_real_when_something_real_opens_beside_the_test(
    town: Town, http: httpx.AsyncClient
) -> None:
    test = await pressed_in_a_window(town)
    page = page_of(town, test, "father")
    await http.post(f"{page}/test")
    assert "A second press is real" in (await http.get(page)).text
    await town.intake.apply(town.alert("zone-exit"))
    text = (await http.get(page)).text
    assert "A press now is real" in text
    assert "A second press is real" not in text


async def test_a_test_that_cannot_be_is_refused_in_words_because_whoever_presses_now_calls_for_help(
    town: Town, http: httpx.AsyncClient, incident: Incident
) -> None:
    await town.incidents.apply_command(incident.id, DISTRICT, Acknowledge("desk", utc_now()))
    await town.incidents.apply_command(incident.id, DISTRICT, Close("desk", utc_now(), "home"))
    await town.intake.apply(town.alert("silent"))
    answer = await http.post(f"{page_of(town, incident, 'father')}/test")
    assert answer.status_code == 409
    assert "A press now is real" in answer.text
    assert await Drills(town.pool).newest(town.child) is None


@pytest.mark.parametrize("kind", ["night-walk", "usual-place", "arrived"])
async def test_what_is_only_good_to_know_is_not_said_to_be_over_and_offers_no_test_of_the_button(
    town: Town, http: httpx.AsyncClient, kind: str
) -> None:
    applied = await town.intake.apply(town.alert(kind))
    assert applied.incident is not None
    page = page_of(town, applied.incident, "father")
    text = (await http.get(page)).text
    assert "Closed at" not in text
    assert "Test the button" not in text
    await http.post(f"{page}/test")
    assert await Drills(town.pool).newest(town.child) is None


async def test_a_link_cannot_keep_a_window_open_so_that_a_call_would_be_taken_for_a_test(
    town: Town, http: httpx.AsyncClient, incident: Incident
) -> None:
    page = page_of(town, incident, "father")
    await town.incidents.apply_command(incident.id, DISTRICT, Acknowledge("desk", utc_now()))
    await town.incidents.apply_command(incident.id, DISTRICT, Close("desk", utc_now(), "home"))
    for _ in range(5):
        await http.post(f"{page}/test")
    assert await town.pool.fetchval("SELECT count(*) FROM button_tests") == 3
    await Drills(town.pool).open_window(DISTRICT, town.child, by="the duty desk")
    assert await town.pool.fetchval("SELECT count(*) FROM button_tests") == 4
