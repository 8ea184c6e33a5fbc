"""A place as people would say it, in both languages of the map."""

import pytest
import shapely

from haechi.domain.geo import LocalPlane, Point
from haechi.domain.places import Gazetteer, NamedPlace

ORIGIN = Point(127.0, 37.5)
PLANE = LocalPlane(ORIGIN)


def at(x: float, y: float) -> Point:
    lon, lat = PLANE.to_degrees(shapely.get_x(shapely.points([x], [y])), shapely.get_y(shapely.points([x], [y])))
    return Point(float(lon[0]), float(lat[0]))


def place(kind: str, en: str, ko: str, *corners: tuple[float, float], **more: object) -> NamedPlace:
    points = [(p.lon, p.lat) for p in (at(*corner) for corner in corners)]
    shape = (
        shapely.Point(points[0])
        if len(points) == 1
        else shapely.LineString(points)
        if len(points) == 2
        else shapely.Polygon(points)
    )
    return NamedPlace(kind, en, ko, shape, **more)  # type: ignore[arg-type]  # a builder of tests


def square(x: float, y: float, side: float) -> tuple[tuple[float, float], ...]:
    return ((x, y), (x + side, y), (x + side, y + side), (x, y + side))


TOWN = Gazetteer(
    [
        place("river", "Silver Stream", "은빛천", (-500, -60), (500, -60), (500, -20), (-500, -20)),
        place("bridge", "Star Bridge", "별빛다리", (0, -65), (10, -65), (10, -15), (0, -15)),
        place("street", "Moon Road", "달래로", (-500, 100), (500, 100), width_m=10.0),
        place("park", "Firefly Park", "반딧불공원", *square(200, 0, 80)),
        place("building", "Park Kiosk", "공원매점", *square(230, 30, 5)),
        place("building", "Hill House 3", "솔밭 3동", *square(-200, 120, 20), use="apartments"),
        place("bus_stop", "Old Market", "옛장시장", (-300, 100)),
    ],
    ORIGIN,
)


@pytest.mark.parametrize(
    ("x", "y", "accuracy", "en", "ko"),
    [
        (5, -40, 5, "on Star Bridge", "별빛다리 위"),
        (50, -10, 5, "by Silver Stream, 40 m from Star Bridge", "은빛천변, 별빛다리에서 40 m"),
        (50, -40, 5, "by Silver Stream, 40 m from Star Bridge", "은빛천변, 별빛다리에서 40 m"),
        (50, -10, None, "by Silver Stream, 40 m from Star Bridge", "은빛천변, 별빛다리에서 40 m"),
        (50, -10, 80, "by Silver Stream, near Star Bridge", "은빛천변, 별빛다리 부근"),
        (12, -10, 80, "by Silver Stream, at Star Bridge", "은빛천변, 별빛다리 앞"),
        (210, 40, 5, "Firefly Park, 20 m from Park Kiosk", "반딧불공원, 공원매점에서 20 m"),
        (232, 32, 5, "Park Kiosk", "공원매점"),
        (-190, 130, 5, "Hill House 3", "솔밭 3동"),
        (-250, 103, 5, "Moon Road, 50 m from bus stop Old Market", "달래로, 옛장시장 정류장에서 50 m"),
        (-240, 117, 5, "60 m from bus stop Old Market", "옛장시장 정류장에서 60 m"),
        (480, 500, 5, "400 m from Moon Road", "달래로에서 400 m"),
    ],
)
def test_a_place_is_told_by_what_it_is_on_and_what_is_near(
    x: float, y: float, accuracy: float | None, en: str, ko: str
) -> None:
    words = TOWN.describe(at(x, y), accuracy)
    assert words is not None
    assert (words.en, words.ko) == (en, ko)
    assert (words.in_language("ko-KR"), words.in_language("de")) == (ko, en)


def test_off_the_map_nothing_is_said() -> None:
    assert TOWN.describe(at(5000, 5000)) is None
    assert Gazetteer([], ORIGIN).describe(ORIGIN) is None


def test_asked_for_more_points_than_it_remembers_it_still_answers() -> None:
    words = {TOWN.describe(at(x / 20, -10)) for x in range(5000)}
    assert None not in words
    assert TOWN.describe(at(50, -10)) in words
