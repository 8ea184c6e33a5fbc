"""What the documentation shows is what the door reads."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from haechi.config import Settings
from ingest.devices import FORMATS, batch, tags
from ingest.devices.report import URGENT_ALARMS, Posted, Report
from ingest.gateway.batches import BODY_BYTES

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DOCS = Path(__file__).parents[3] / "docs"


def documents(name: str) -> list[Any]:
    """Every JSON document in the code blocks of a page; an answer's headers before it are skipped."""
    blocks = re.findall(r"```\w*\n(.*?)```", (DOCS / name).read_text(), re.DOTALL)
    return [json.loads(block[block.index("{") :]) for block in blocks if "\n{" in f"\n{block}"]


def test_the_examples_of_the_device_api_are_read() -> None:
    positions, _answer, readings = documents("device-api.md")
    fix, call = batch.parse(Posted(b"", json.dumps(positions).encode(), NOW))
    assert isinstance(fix, Report)
    assert isinstance(call, Report)
    assert (fix.accuracy_m, fix.battery, call.urgent) == (8, 76, "sos")
    (seen,) = tags.parse(Posted(b"", json.dumps(readings).encode(), NOW))
    assert isinstance(seen, tags.Sighted)
    assert seen.at == datetime(2026, 2, 28, 23, 31, 7, tzinfo=UTC)


def test_the_bounds_and_alarms_of_the_device_api_are_the_real_ones() -> None:
    page = (DOCS / "device-api.md").read_text()
    assert f"At most {batch.MOST_ITEMS:,} items and {BODY_BYTES >> 20} MiB with a token" in page
    assert f"{Settings().gateway.body_bytes >> 10} KiB (`gateway.body_bytes`) without" in page
    named = {
        alarm.lower()
        for row in page.splitlines()
        if row.startswith("| `alarm`")
        for alarm in re.findall(r"`(\w+)`", row)
    }
    assert named - {"alarm"} <= URGENT_ALARMS.keys()


def test_the_addresses_in_the_docs_are_served() -> None:
    pages = "".join(page.read_text() for page in DOCS.glob("*.md"))
    for form in FORMATS:
        assert form.name == "osmand" or any(path.split("{")[0].rstrip("/") in pages for path in form.paths)
