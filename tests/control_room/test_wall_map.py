import gzip
import json
from pathlib import Path

import pytest

from control_room.wall_map import load_wall_map
from haechi.domain.geo import Point
from haechi.errors import ConfigError
from tests.control_room.stand_ins import wall_map


@pytest.mark.parametrize(
    ("point", "words"),
    [
        (Point(126.9243, 37.6168), "Banditbul Park, 15 m from Naru Footbridge"),
        (Point(126.9213, 37.6183), "Haneulbit School Yard, 45 m from Haneulbit School Gate"),
        (Point(126.9212, 37.6190), "Haetae-daero, at Haneulbit Elementary School"),
        (Point(127.5, 38.0), ""),
    ],
)
def test_a_point_is_told_as_people_would(point: Point, words: str) -> None:
    assert wall_map().where(point) == words


def test_without_a_map_the_ground_is_empty_and_places_are_unknown() -> None:
    empty = load_wall_map(None)
    assert json.loads(gzip.decompress(empty.body))["features"] == []
    assert empty.where(Point(126.9243, 37.6168)) == ""


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("[]", "FeatureCollection"),
        ('{"features": [{"properties": {}, "geometry": null}]}', "feature 0"),
        ('{"features": [{"properties": {"kind": "park"}, "geometry": {"type": "Cube"}}]}', "feature 0: its geometry"),
    ],
)
def test_a_wrong_map_is_named_with_what_is_wrong(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "map.geojson"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=said) as error:
        load_wall_map(str(file))
    assert "wall.map" in str(error.value)
    assert str(file) in str(error.value)
