"""The scene of an alert, from the real Redis and registry; and an SOS that waits for neither."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
import shapely
from prometheus_client import CollectorRegistry

from alerts.intake import AlertIntake
from alerts.minimap import MapSheet
from alerts.pages import View, incident_page
from alerts.scenes import LastPositions, Scenes
from alerts.words import ENGLISH
from haechi.base_map import read_base_map
from haechi.domain.alerting import KINDS, Alert, Because, raised, urgent_alert
from haechi.domain.geo import Point
from haechi.domain.incidents import Incident
from haechi.domain.people import Consent, Position, Scope
from haechi.domain.places import Gazetteer, NamedPlace
from haechi.domain.scene import Scene
from haechi.domain.time import micros_of
from haechi.domain.video import Camera, CameraView
from haechi.sealing import Sealer, create_key
from haechi.store.last_fixes import LastFixes
from haechi.store.live import LastFix, Live
from haechi.store.registry import CAMERAS, Registry
from haechi.store.slices import CameraSitesSlice
from haechi.store.trail import Trail
from tests.alerts.town import DISTRICT, Town
from tests.positions import Fix, batch_of

PATIENT_S = 60.0  # who asks what is said of a place asks not how soon
HERE, SOUTH = Point(126.978, 37.5665), Point(126.978, 37.5661)
MAP = Gazetteer([NamedPlace("gate", "School Gate", "정문", shapely.Point(HERE.lon, HERE.lat))], HERE)


@pytest.fixture
async def sites(town: Town) -> CameraSitesSlice:
    """One camera 45 m south that looks north, and one that knows no more than where it hangs."""
    sealer = Sealer(create_key())
    registry = Registry(town.pool, sealer)
    for name, view in (("Gate", CameraView(0, 60, 100)), ("Corner", None)):
        await registry.add(CAMERAS, DISTRICT, Camera("", "", name, "rtsp://secret", SOUTH, view=view))
    found = CameraSitesSlice(town.pool, sealer)
    await found.start()
    return found


@pytest.fixture
async def live(redis_url: str) -> AsyncIterator[Live]:
    it = Live(redis_url)
    yield it
    await it.close()


def scenes(town: Town, live: LastPositions, sites: CameraSitesSlice) -> Scenes:
    return Scenes(live, LastFixes(town.pool), sites, MAP, CollectorRegistry(), patience_s=PATIENT_S)


def intake(town: Town, live: LastPositions, sites: CameraSitesSlice) -> AlertIntake:
    return AlertIntake(town.incidents, town.people, scenes(town, live, sites))


async def walked(live: Live, person: str, ago_s: float) -> datetime:
    at = datetime.now(UTC) - timedelta(seconds=ago_s)
    unknown = float("nan")
    fix = LastFix("abcdefghijkl", micros_of(at), micros_of(at), HERE.lon, HERE.lat, 9.0, unknown, unknown, 31.0)
    await live.put_positions({person: fix})
    return at


async def opened(intake: AlertIntake, alert: Alert) -> Incident:
    incident = (await intake.apply(alert)).incident
    assert incident is not None
    return incident


async def test_a_button_without_a_fix_is_found_at_the_last_place_with_its_age_battery_and_cameras(
    town: Town, live: Live, sites: CameraSitesSlice
) -> None:
    seen_at = await walked(live, town.child, ago_s=240)
    await opened(intake(town, live, sites), urgent_alert(town.call(point=None), datetime.now(UTC)))
    [incident] = await town.open_incidents()
    assert (incident.point, incident.accuracy_m, incident.seen_at) == (HERE, 9.0, seen_at)
    scene = incident.scene
    assert scene is not None
    assert scene.place is not None
    assert scene.place.ko == "정문 앞"
    assert scene.battery == 31.0
    assert [(camera.name, camera.metres, camera.sees) for camera in scene.cameras] == [
        ("Gate", 45, "sees"),
        ("Corner", 45, "may see"),
    ]


@pytest.mark.parametrize("kind", ["usual-place", "consent-ends", "phone-test"])
async def test_what_has_nothing_to_do_with_where_somebody_is_tells_nobody_where_they_are(
    town: Town, live: Live, sites: CameraSitesSlice, kind: str
) -> None:
    await walked(live, town.child, ago_s=240)
    about = raised(KINDS[kind], town.child, "-", DISTRICT, datetime.now(UTC), Because("rule", "words"))
    incident = await opened(intake(town, live, sites), about)
    assert (incident.point, incident.scene) == (None, Scene())
    page = incident_page(
        View(incident, "t", "g", frozenset(), datetime.now(UTC)),
        ENGLISH,
        MapSheet(read_base_map(None)),
        ZoneInfo("UTC"),
    )
    assert "The place is not known" not in page


async def consents(town: Town, *scopes: Scope) -> None:
    given = Consent("Kim Minji", datetime.now(UTC) - timedelta(days=9), scopes)
    await town.pool.execute(
        "UPDATE people SET consent = $2 WHERE id = $1", town.child, msgspec.json.encode(given).decode()
    )


async def went(town: Town, *ago_s: float) -> list[datetime]:
    """The child's fixes, so long ago, into the trail; the instants, oldest first."""
    now = datetime.now(UTC)
    fixes = [Fix(town.child, now - timedelta(seconds=ago), lon=HERE.lon, lat=HERE.lat) for ago in ago_s]
    kept = await Trail(town.pool, 30).keep([batch_of(fixes)])
    assert kept.new == len(fixes)
    return sorted(now - timedelta(seconds=ago) for ago in ago_s)


async def test_an_sos_carries_the_last_ten_fixes_before_it_each_once(
    town: Town, live: Live, sites: CameraSitesSlice
) -> None:
    await consents(town, "position", "sos")
    ats = await went(town, *(60.0 * n for n in range(1, 15)))
    incident = await opened(intake(town, live, sites), urgent_alert(town.call(), datetime.now(UTC)))
    assert incident.scene is not None
    *before, own = incident.scene.fixes
    assert [fix.at for fix in before] == ats[-9:]
    assert own == incident.because.fixes[0]


async def test_a_late_press_carries_the_fixes_before_it_and_not_those_since(
    town: Town, live: Live, sites: CameraSitesSlice
) -> None:
    await consents(town, "position", "sos")
    ats = await went(town, *(60.0 * n for n in range(1, 30)))
    call = town.call(at=ats[9] + timedelta(seconds=1))
    incident = await opened(intake(town, live, sites), urgent_alert(call, datetime.now(UTC)))
    assert incident.scene is not None
    assert [fix.at for fix in incident.scene.fixes[:-1]] == ats[1:10]


async def test_a_press_without_a_fix_is_where_they_were_last_also_where_that_is_days_ago(
    town: Town, live: Live, sites: CameraSitesSlice
) -> None:
    await consents(town, "position", "sos")
    *_, last = await went(town, 5 * 86_400, 3 * 86_400)
    incident = await opened(intake(town, live, sites), urgent_alert(town.call(point=None), datetime.now(UTC)))
    assert (incident.point, incident.seen_at) == (HERE, last)
    assert incident.scene is not None
    assert [fix.at for fix in incident.scene.fixes] == [last]


async def test_a_late_press_without_a_fix_is_where_they_have_gone_since(
    town: Town, live: Live, sites: CameraSitesSlice
) -> None:
    await consents(town, "position", "sos")
    ats = await went(town, 7300, 30)
    call = town.call(at=ats[0] + timedelta(seconds=100), point=None)
    incident = await opened(intake(town, live, sites), urgent_alert(call, datetime.now(UTC)))
    assert (incident.point, incident.seen_at) == (HERE, ats[-1])


async def test_nobody_is_told_where_somebody_was_who_does_not_consent_any_more(
    town: Town, live: Live, sites: CameraSitesSlice
) -> None:
    await consents(town, "position")
    await went(town, 60)
    await consents(town, "sos")
    incident = await opened(intake(town, live, sites), urgent_alert(town.call(point=None), datetime.now(UTC)))
    assert (incident.point, incident.scene) == (None, Scene())


async def test_the_scene_stays_as_it_was_when_cameras_and_people_move_on(
    town: Town, live: Live, sites: CameraSitesSlice
) -> None:
    await walked(live, town.child, ago_s=10)
    call = town.call()
    before = await opened(intake(town, live, sites), urgent_alert(call, datetime.now(UTC)))
    await walked(live, town.child, ago_s=0)
    again = await opened(intake(town, live, sites), urgent_alert(call, datetime.now(UTC)))
    assert again.scene == before.scene


async def test_a_trespass_is_told_where_its_camera_hangs(town: Town, live: Live, sites: CameraSitesSlice) -> None:
    camera = sites.values()[0].id
    alert = msgspec.structs.replace(town.alert("trespass", subject=camera), point=None)
    incident = await opened(intake(town, live, sites), alert)
    assert incident.point == SOUTH
    assert incident.scene is not None
    assert incident.scene.place is not None
    assert incident.scene.place.en == "45 m from School Gate"


async def test_an_sos_opens_when_redis_is_away(town: Town, sites: CameraSitesSlice, unused_tcp_port: int) -> None:
    away = Live(f"redis://127.0.0.1:{unused_tcp_port}/0")
    incident = await opened(intake(town, away, sites), urgent_alert(town.call(), datetime.now(UTC)))
    assert incident.point == HERE
    assert incident.scene is not None
    assert incident.scene.place is not None
    await away.close()


class Hanging:
    async def positions(self, _: Iterable[str]) -> Mapping[str, Position]:
        await asyncio.Event().wait()
        return {}

    async def before(self, _: str, __: datetime) -> tuple[Position, ...]:
        await asyncio.Event().wait()
        return ()


async def test_an_sos_does_not_wait_for_a_redis_that_hangs(town: Town, sites: CameraSitesSlice) -> None:
    registry = CollectorRegistry()
    scenes = Scenes(Hanging(), Hanging(), sites, MAP, registry)
    async with asyncio.timeout(PATIENT_S):
        scene = await scenes.of(urgent_alert(town.call(), datetime.now(UTC)), person=True)
    assert scene.place is not None
    assert registry.get_sample_value("haechi_scenes_incomplete_total") == 1


class Cold(Hanging):
    """Its first answer never comes, as of a connection that is made and a statement that is planned; then it answers."""

    def __init__(self) -> None:
        self._was_asked = False

    async def before(self, person: str, until: datetime) -> tuple[Position, ...]:
        if not self._was_asked:
            self._was_asked = True
            return await super().before(person, until)
        return (Position("abcdef", person, until, until, HERE),)

    async def positions(self, _: Iterable[str]) -> Mapping[str, Position]:
        return {}


async def test_the_first_press_after_a_start_is_not_the_first_look(town: Town, sites: CameraSitesSlice) -> None:
    cold = Cold()
    scenes = Scenes(cold, cold, sites, MAP, CollectorRegistry(), patience_s=PATIENT_S)
    await scenes.warm()
    scene = await scenes.of(urgent_alert(town.call(point=None), datetime.now(UTC)), person=True)
    assert scene.point == HERE


class Broken:
    async def positions(self, _: Iterable[str]) -> Mapping[str, Position]:
        raise ValueError("a defect")


async def test_an_sos_opens_with_its_own_place_whatever_is_wrong_with_the_rest(
    town: Town, sites: CameraSitesSlice
) -> None:
    incident = await opened(intake(town, Broken(), sites), urgent_alert(town.call(), datetime.now(UTC)))
    assert (incident.point, incident.open) == (HERE, True)
