"""What is kept about a person and what an export of it says."""

import re

from haechi.store.export import SECTIONS
from haechi.store.postgres import Pool
from tests.haechi.store.test_erasures import ABOUT_PEOPLE

LEFT_OUT = {
    "alert_inbox": "a call on its way: the incident that holds it has all of it",
    "applied_alerts": "ids of alerts only",
    "early_cancels": "a cancel that waits for its call, for a day",
    "erasures": "the receipt has an address of its own",
    "evidence_references": "the incident names its picture",
    "guardian_bars": "whoever receives the export may be the one who is barred",
    "usual_places_learned": "on which night they were learned last",
}


async def test_a_table_about_people_is_exported_or_says_why_it_is_not(pool: Pool) -> None:
    about = {name for (name,) in await pool.fetch(ABOUT_PEOPLE)}
    exported = {name for one in SECTIONS for name in re.findall(r"(?:FROM|JOIN) (\w+)", one.sql)}
    assert about - exported == LEFT_OUT.keys() & about, "add a section to haechi/store/export.py, or the reason here"
    assert not exported & LEFT_OUT.keys()
