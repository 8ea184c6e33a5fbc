"""A picture of the surroundings from the district's own base map."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from alerts.minimap import MapSheet
from haechi.base_map import read_base_map
from haechi.domain.geo import Point

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
    return MapSheet(read_base_map(str(file)))


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
    assert "circle" in MapSheet(read_base_map(None)).draw(HERE, None, "ko")
