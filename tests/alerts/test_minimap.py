"""A picture of the surroundings from the district's own base map."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from alerts.minimap import MapSheet
from haechi.domain.geo import Point
from haechi.errors import ConfigError

HERE = Point(127.0, 37.5)


def feature(kind: str, geometry: dict[str, object], **properties: object) -> dict[str, object]:
    return {"type": "Feature", "properties": {"kind": kind, **properties}, "geometry": geometry}


@pytest.fixture
def sheet(tmp_path: Path) -> MapSheet:
    street = {"type": "LineString", "coordinates": [[126.995, 37.5002], [127.005, 37.5002]]}
    park = {"type": "Polygon", "coordinates": [[[127.01, 37.51], [127.02, 37.51], [127.02, 37.52], [127.01, 37.51]]]}
    tree = {"type": "Point", "coordinates": [127.0, 37.5]}
    features = [
        feature("street", street, name="Maple <Street>", name_ko="단풍길", width_m=12),
        feature("park", park, name="Hill Park", name_ko="언덕공원"),
        feature("tree", tree),
    ]
    file = tmp_path / "map.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return MapSheet.load(file)


def test_the_place_is_named_by_what_is_near_it_in_the_readers_language(sheet: MapSheet) -> None:
    assert sheet.near(HERE, "ko") == "단풍길"
    assert sheet.near(HERE, "en") == "Maple <Street>"
    assert sheet.near(Point(127.0, 37.51), "en") is None


def test_only_what_lies_around_is_drawn_and_it_is_well_formed(sheet: MapSheet) -> None:
    picture = ET.fromstring(sheet.draw(HERE, 20.0, "en"))
    words = "".join(picture.itertext())
    assert "Maple <Street>" in words
    assert "Hill Park" not in words


def test_the_circle_of_accuracy_is_to_the_scale_of_the_bar(sheet: MapSheet) -> None:
    picture = ET.fromstring(sheet.draw(HERE, 100.0, "en"))
    circle = next(e for e in picture.iter() if e.tag.endswith("circle"))
    bar = next(e for e in picture.iter() if e.get("stroke") == "#222")
    length = float(bar.attrib["d"].split("h")[1])
    metres = float("".join(picture.itertext()).split(" m")[0].removeprefix("Maple <Street>"))
    assert float(circle.attrib["r"]) / 100 == pytest.approx(length / metres, rel=0.05)


def test_without_a_map_there_is_still_a_pin() -> None:
    assert "circle" in MapSheet.load(None).draw(HERE, None, "ko")
    assert MapSheet.load(None).near(HERE, "ko") is None


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"features": [{"properties": {}, "geometry": {"type": "Cube"}}]}'])
def test_a_file_that_is_no_map_is_refused_in_words(text: str, tmp_path: Path) -> None:
    file = tmp_path / "map.geojson"
    file.write_text(text)
    with pytest.raises(ConfigError, match=r"wall\.map: .*map\.geojson is not a GeoJSON base map"):
        MapSheet.load(file)


def test_a_file_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"wall\.map"):
        MapSheet.load(tmp_path / "none.geojson")
