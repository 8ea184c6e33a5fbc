from pathlib import Path
from typing import Any

import pytest

from sample_feeds.cameras import CAMERAS
from sample_feeds.district.map import read
from sample_feeds.people import GUARDIANS, RESIDENTS
from sample_feeds.seeding import Book, seed
from sample_feeds.sensors import SENSORS

STREAMS = {camera.slug: f"rtsp://127.0.0.1:1/{camera.slug}.mp4" for camera in CAMERAS}


class Centre:
    """Answers like the administration API, and stops answering after so many rows."""

    def __init__(self, rows: int = 10_000) -> None:
        self.rows = rows
        self.added: list[str] = []
        self.changed: list[tuple[str, dict[str, Any]]] = []

    async def add(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        if len(self.added) >= self.rows:
            raise ConnectionError
        self.added.append(kind)
        return {"id": f"{kind}-{len(self.added)}", "webhook_secret": "whsec_c2VjcmV0"} | body

    async def change(self, kind: str, _row: str, patch: dict[str, Any]) -> dict[str, Any]:
        self.changed.append((kind, patch))
        return {}


async def test_a_second_start_makes_nothing_anew(tmp_path: Path) -> None:
    district, centre = read(), Centre()
    await seed(centre, Book(tmp_path / "s.json"), district, "http://127.0.0.1:1", STREAMS)
    made = {kind: centre.added.count(kind) for kind in set(centre.added)}
    zones = sum(resident.life != "worker" for resident in RESIDENTS)
    assert made == {
        "agencies": 3, "guardians": len(GUARDIANS), "people": 30, "devices": 30, "safe-zones": zones,
        "sensors": len(SENSORS), "cameras": 4,
    }  # fmt: skip
    assert (tmp_path / "s.json").stat().st_mode & 0o077 == 0, "it holds secrets"
    again = Centre()
    await seed(again, Book(tmp_path / "s.json"), district, "http://127.0.0.1:1", STREAMS)
    assert (again.added, again.changed) == ([], [])


async def test_what_a_stop_in_the_middle_has_left_out_is_made_at_the_next_start(tmp_path: Path) -> None:
    district, first, second, whole = read(), Centre(rows=50), Centre(), Centre()
    with pytest.raises(ConnectionError):
        await seed(first, Book(tmp_path / "s.json"), district, "http://127.0.0.1:1", STREAMS)
    await seed(second, Book(tmp_path / "s.json"), district, "http://127.0.0.1:1", STREAMS)
    await seed(whole, Book(tmp_path / "w.json"), district, "http://127.0.0.1:1", STREAMS)
    assert first.added + second.added == whole.added


async def test_an_address_that_has_moved_is_told_to_the_centre(tmp_path: Path) -> None:
    district, centre = read(), Centre()
    await seed(centre, Book(tmp_path / "s.json"), district, "http://127.0.0.1:1", STREAMS)
    moved = {slug: url.replace(":1/", ":2/") for slug, url in STREAMS.items()}
    await seed(centre, Book(tmp_path / "s.json"), district, "http://127.0.0.1:2", moved)
    urls = [patch.get("webhook_url") or patch["url"] for _, patch in centre.changed]
    assert len(urls) == 3 + len(GUARDIANS) + 4
    assert all(":2/" in url for url in urls)


async def test_without_cameras_none_is_registered(tmp_path: Path) -> None:
    centre = Centre()
    await seed(centre, Book(tmp_path / "s.json"), read(), "http://127.0.0.1:1", None)
    assert "cameras" not in centre.added
