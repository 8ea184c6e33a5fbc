"""What the documentation shows is what the door reads."""

import json
import re
from datetime import UTC, datetime

from haechi.config import Settings
from ingest.devices import FORMATS, batch, tags
from ingest.devices.items import MOST_ITEMS
from ingest.devices.report import URGENT_ALARMS, Posted, Report
from ingest.gateway.batches import BODY_BYTES
from tests.docs.pages import DOCS, blocks, documents, page

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_the_examples_of_the_device_api_are_read() -> None:
    positions, _answer, readings = (documents(block)[0] for block in blocks("device-api.md", "http"))
    fix, call = batch.parse(Posted(b"", json.dumps(positions).encode(), NOW))
    assert isinstance(fix, Report)
    assert isinstance(call, Report)
    assert (fix.accuracy_m, fix.battery, call.urgent) == (8, 76, "sos")
    (seen,) = tags.parse(Posted(b"", json.dumps(readings).encode(), NOW))
    assert isinstance(seen, tags.Sighted)
    assert seen.at == datetime(2026, 2, 28, 23, 31, 7, tzinfo=UTC)


def test_the_bounds_and_alarms_of_the_device_api_are_the_real_ones() -> None:
    text = page("device-api.md")
    assert f"At most {MOST_ITEMS:,} items and {BODY_BYTES >> 20} MiB with a token" in text
    assert f"{Settings().gateway.body_bytes >> 10} KiB (`gateway.body_bytes`) without" in text
    named = {
        alarm.lower()
        for row in text.splitlines()
        if row.startswith("| `alarm`")
        for alarm in re.findall(r"`(\w+)`", row)
    }
    assert named - {"alarm"} <= URGENT_ALARMS.keys()


def test_the_addresses_in_the_docs_are_served() -> None:
    pages = "".join(page.read_text() for page in DOCS.glob("*.md"))
    for form in FORMATS:
        assert form.name == "osmand" or any(path.split("{")[0].rstrip("/") in pages for path in form.paths)
