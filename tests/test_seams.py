"""What CONTRIBUTING promises: one more of a kind is one file and one row, and the house takes it up."""

from datetime import UTC, datetime
from pathlib import Path

import msgspec
from dash import html

from alerts.channels import CHANNELS, Channel, ChannelKind, Receipt, Tools
from alerts.routing import recipients
from analytics.cameras import CameraZoneState
from analytics.rules.contract import CameraRule
from control_room.live.view import View
from control_room.pages.wall import PANELS, layout
from control_room.panels import Panel
from haechi.domain.alerting import Alert
from haechi.domain.deliveries import NO_CHANNEL, Delivery
from haechi.domain.geo import Point
from haechi.domain.people import Guardian
from haechi.domain.video import CAMERA_SCHEMES, Camera, CameraZone, Sightings
from ingest.cameras.sources import SOURCES
from ingest.devices import FORMATS, DeviceFormat
from ingest.devices.report import Posted, Report
from tests.alerts.build import incident
from tests.alerts.test_routing import MOTHER, MUTE, Town
from tests.analytics.test_partitions import CAMERA, TRESPASS, YARD, someone
from tests.haechi.store.conftest import raised
from tests.ingest.gateway.client import Client
from tests.ingest.test_intake import Room


class Texting:
    """A channel."""

    def endpoint(self, delivery: Delivery) -> str:
        return "sms"

    async def send(self, delivery: Delivery) -> Receipt:
        return Receipt(f"taken for {delivery.recipient.address}")


def make(_: Tools) -> Channel:
    return Texting()


TEXTS = ChannelKind("sms", lambda entry: entry.phone if isinstance(entry, Guardian) else None, make)


def test_a_channel_more_tells_whom_no_other_reaches() -> None:
    def how(channels: tuple[ChannelKind, ...]) -> dict[str, tuple[str, str]]:
        return {one.id: (one.channel, one.address) for one in recipients(incident(), Town(), channels)}

    assert how(CHANNELS)["aunt"][0] == NO_CHANNEL
    assert how((*CHANNELS, TEXTS))["aunt"] == ("sms", MUTE.phone)
    assert how((*CHANNELS, TEXTS))["mother"] == ("webhook", MOTHER.webhook_url)


def test_every_url_that_a_camera_may_have_is_read_by_a_source() -> None:
    assert set(CAMERA_SCHEMES) <= SOURCES.keys()


class Weather(msgspec.Struct, frozen=True):
    """A panel's model."""

    words: str


WEATHER = Panel("weather", lambda view: Weather(f"dry at {view.at:%H:%M}"), lambda model: html.P(model.words), "render")


def test_a_panel_more_that_python_draws_has_its_place_on_the_wall() -> None:
    page = layout(View(datetime(2026, 3, 1, 12, tzinfo=UTC)), (*PANELS, WEATHER))
    (section,) = [one for one in page.children if getattr(one, "id", None) == "weather"]
    assert section.children.children == "dry at 12:00"


class Count(msgspec.Struct, frozen=True):
    """What a rule remembers."""

    people: int = 0


def crowd_of(most: int) -> CameraRule[Count]:
    """A rule: too many people in a watched zone."""

    def step(before: Count, camera: Camera, zone: CameraZone, seen: Sightings) -> tuple[Count, tuple[Alert, ...]]:
        now = Count(before.people + len(seen.sightings))
        told = before.people <= most < now.people
        alert = msgspec.structs.replace(raised(), kind="trespass", subject=camera.id, place=zone.id)
        return now, (alert,) if told else ()

    return CameraRule("crowd", "watch", Count(), step, lambda before, *_: (before, ()))


def test_a_rule_more_over_cameras_has_its_zones_and_its_memory() -> None:
    watched = msgspec.structs.replace(CAMERA, zones=(YARD, msgspec.structs.replace(YARD, id="z2", kind="watch")))

    def state() -> CameraZoneState:
        return CameraZoneState([TRESPASS, crowd_of(2)], {"c1": watched}.get)

    first = state()
    before = [alert.place for second in range(2) for alert in first.apply(second, someone(second))]
    again = state()
    for shard, block in first.changed():
        again.load(shard, block)
    assert before == ["z1"], "trespass after two frames"
    assert [alert.place for alert in again.apply(2, someone(2))] == ["z2"], "the third person, counted over a restart"
    assert again.apply(2, someone(2)) == [], "nothing twice"


def spoken(posted: Posted) -> Report:
    """A device format: `/spoken?ID,LON,LAT`."""
    device, lon, lat = posted.query.decode().split(",")
    return Report(device, posted.received_at, Point(float(lon), float(lat)))


async def test_a_device_format_more_is_served_at_its_address(tmp_path: Path) -> None:
    async with Room(tmp_path).open() as room:
        client = Client(room, (*FORMATS, DeviceFormat("spoken", ("/spoken",), ("GET",), spoken, b"heard")))
        assert (await client.ask("GET", "/spoken?d1,127.1,37.5"))[::2] == (200, b"heard")
        assert len(room.sent) == 1
        assert (await client.ask("GET", "/spoken?nobody,127.1,37.5"))[0] == 403
