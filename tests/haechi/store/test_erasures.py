"""Erasing a person: nothing of them is left in any table, whoever works on it, however often."""

import asyncio
import math
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from haechi import topics
from haechi.domain import wire
from haechi.domain.alerting import Because, urgent_alert
from haechi.domain.deliveries import Recipient
from haechi.domain.erasure import Erasure
from haechi.domain.geo import Circle, Point
from haechi.domain.habits import Place
from haechi.domain.incidents import Acknowledge, Close, Note
from haechi.domain.people import Consent, Device, Position, SafeZone, UrgentCall
from haechi.domain.signatures import named, signature
from haechi.domain.time import micros_of
from haechi.errors import NotFound, TransientError
from haechi.ids import new_id
from haechi.store.audit import Audit, Look
from haechi.store.bars import Bars
from haechi.store.consents import Consents, Decision
from haechi.store.erasures import LAST, PASSES, STREAMS, Erasures
from haechi.store.incidents import Incidents
from haechi.store.live import LastFix, Live
from haechi.store.postgres import Pool, migrate, open_pool, shipped
from haechi.store.registry import DEVICES, GUARDIANS, PEOPLE, SAFE_ZONES, Registry
from haechi.store.trail import Trail
from haechi.store.usual_places import UsualPlaces
from tests.haechi.store.conftest import AT, DISTRICT, guardian, person, raised
from tests.positions import Fix, batch_of

CONSENT = Consent("Kim Minji", AT - timedelta(days=300), ("position", "sos"))
PICTURE = "ab" * 32
# What stands in no table afterwards. The device's id is gone with the last pass.
SECRETS = ("Jihoon", "2010-03-01", "Kim Minji", "+82 10 0000 0000", "phone.example", "Grandma's house", "lives at 7")


@pytest.fixture
def erasures(pool: Pool, live: Live) -> Erasures:
    return Erasures(pool, live)


class Story:
    """A child with everything that the house can hold about one, and a brother with the same mother."""

    def __init__(self, pool: Pool, registry: Registry, live: Live) -> None:
        self.pool, self.registry, self.live = pool, registry, live
        self.incidents = Incidents(pool)
        self.child = self.brother = self.mother = self.device = self.incident = ""

    async def told(self, *, brother: bool = False) -> "Story":
        self.mother = mother = (await self.registry.add(GUARDIANS, DISTRICT, guardian())).value.id
        self.child = (await self.registry.add(PEOPLE, DISTRICT, person(mother, consent=CONSENT))).value.id
        if brother:
            self.brother = (await self.registry.add(PEOPLE, DISTRICT, person(mother))).value.id
        watch = Device("", "", self.child, "watch", serial="IMEI-77", encryption_key="a phrase")
        self.device = (await self.registry.add(DEVICES, DISTRICT, watch)).value.id
        home = SafeZone("", "", self.child, "Grandma's house", Circle(Point(126.9, 37.6), 100), ())
        await self.registry.add(SAFE_ZONES, DISTRICT, home)
        usual = Place(Point(126.9, 37.6), 100, 5, (7, 8), AT)
        await UsualPlaces(self.pool).learned(self.child, [usual], AT)
        consents = Consents(self.pool)
        await consents.pause(DISTRICT, self.child, Decision("Kim Minji", words="lives at 7"), by="admin")
        await consents.resume(DISTRICT, self.child, Decision("Kim Minji"), by="admin")
        fixes = [Fix(self.child, AT + timedelta(seconds=n), self.device) for n in range(5)]
        await Trail(self.pool, 30, lambda: AT).keep([batch_of(fixes)])
        at = micros_of(AT)
        fix = LastFix(self.device, at, at, 126.9, 37.6, 5.0, math.nan, math.nan, math.nan)
        await self.live.put_positions({self.child: fix})
        call = UrgentCall("call", "sos", self.device, self.child, DISTRICT, AT, AT, Point(126.9, 37.6))
        await self.pool.execute(
            "INSERT INTO alert_inbox (id, call, done_at) VALUES ('call', $1, now())", wire.URGENT.encode(call)
        )
        before = msgspec.structs.replace(call, kind="cancel", at=AT - timedelta(hours=1))
        await self.incidents.apply_alert(urgent_alert(before, AT, "sos"), lambda _: [])
        position = Position(self.device, self.child, AT, AT, Point(126.9, 37.6))
        alert = msgspec.structs.replace(
            raised(subject=self.child),
            because=Because("urgent", "Jihoon pressed SOS", (position,)),
            title="SOS of Jihoon",
            evidence=PICTURE,
        )
        mum = Recipient("guardian", mother, "Kim Minji", "webhook", "https://phone.example/kim")
        applied = await self.incidents.apply_alert(alert, lambda _: [mum], AT)
        assert applied.incident is not None
        self.incident = applied.incident.id
        await self.incidents.apply_command(self.incident, DISTRICT, Note(signature(mother), AT, "lives at 7"))
        seen = Look(self.child, DISTRICT, signature(mother), "guardian", "incident 1", "a message's link")
        await Audit(self.pool).follow(seen)
        return self

    async def closed(self) -> "Story":
        for command in (Acknowledge(signature(self.mother), AT), Close("Park Ha-neul", AT, "Jihoon is home")):
            await self.incidents.apply_command(self.incident, DISTRICT, command)
        return self

    async def written_down(self) -> str:
        """Every row of every table as text."""
        tables = await self.pool.fetch(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND "
            "relnamespace = 'public'::regnamespace AND NOT relispartition"
        )
        texts = [
            str(row[0]) for (table,) in tables for row in await self.pool.fetch(f'SELECT t::text FROM "{table}" t')
        ]
        return "\n".join(texts)


@pytest.fixture
def story(pool: Pool, registry: Registry, live: Live) -> Story:
    return Story(pool, registry, live)


async def due(pool: Pool) -> None:
    await pool.execute("UPDATE erasures SET due_at = clock_timestamp() WHERE due_at IS NOT NULL")


async def passed(pool: Pool, erasures: Erasures) -> Erasure:
    await due(pool)
    done = await erasures.work()
    assert done is not None
    return done


async def test_after_the_last_pass_nothing_of_the_person_is_in_any_table_nor_live(
    story: Story, erasures: Erasures, pool: Pool, live: Live
) -> None:
    await (await story.told()).closed()
    before = await story.written_down()
    assert all(secret in before for secret in SECRETS)
    await erasures.ask(DISTRICT, story.child, "asked in writing", by="admin")
    assert [(await passed(pool, erasures)).state for _ in range(3)] == ["erasing", "erased", "final"]
    after = await story.written_down()
    assert [secret for secret in (*SECRETS, "IMEI-77", story.device) if secret in after] == []
    assert await live.positions([story.child]) == {}
    receipt = await erasures.of(DISTRICT, story.child)
    assert receipt.counts == {
        "positions of the trail": 5,
        "guardians who are left with nobody": 1,
        "devices": 2,
        "zones": 2,
        "usual places": 2,
        "nights on which they were learned": 1,
        "entries of the consent ledger": 3,
        "names in the audit": 2,
        "cancels before their press": 1,
        "calls for help in the inbox": 1,
        "the person": 1,
        "incidents": 1,
        "lines of incidents": 4,
        "messages to guardians": 1,
        "pictures": 1,
    }
    assert await erasures.work() is None
    incident = await Incidents(pool).get(story.incident, DISTRICT)
    assert (incident.acknowledged_by, incident.closed_by, incident.point) == ("a guardian", "Park Ha-neul", None)
    assert "erasure: final" in {entry.what for entry in await Audit(pool).recent(DISTRICT)}


async def test_the_brother_and_the_mother_whom_they_share_stay(
    story: Story, erasures: Erasures, pool: Pool, registry: Registry
) -> None:
    await (await story.told(brother=True)).closed()
    await erasures.ask(DISTRICT, story.child, "asked in writing", by="admin")
    await passed(pool, erasures)
    brother = (await registry.get(PEOPLE, DISTRICT, story.brother)).value
    assert (await registry.get(GUARDIANS, DISTRICT, brother.guardian_ids[0])).value.name == "Kim Minji"
    with pytest.raises(NotFound):
        await registry.get(PEOPLE, DISTRICT, story.child)


async def test_a_guardian_who_is_left_with_nobody_is_named_nowhere_not_even_where_she_guarded_once(
    story: Story, erasures: Erasures, pool: Pool, registry: Registry
) -> None:
    await (await story.told(brother=True)).closed()
    brother = (await registry.get(PEOPLE, DISTRICT, story.brother)).value
    mum = Recipient("guardian", story.mother, "Kim Minji", "webhook", "https://phone.example/kim")
    alert = raised(subject=story.brother, at=AT + timedelta(hours=1))
    applied = await story.incidents.apply_alert(alert, lambda _: [mum], AT)
    assert applied.incident is not None
    await story.incidents.apply_command(applied.incident.id, DISTRICT, Acknowledge(signature(story.mother), AT))
    married = msgspec.structs.replace(guardian("Kim Haneul"), id=story.mother)
    await registry.change(GUARDIANS, DISTRICT, story.mother, married)
    await registry.change(PEOPLE, DISTRICT, brother.id, msgspec.structs.replace(brother, guardian_ids=()))
    await erasures.ask(DISTRICT, story.child, "asked in writing", by="admin")
    await passed(pool, erasures)
    after = await story.written_down()
    assert [secret for secret in ("Kim Minji", "Kim Haneul", "phone.example") if secret in after] == []
    incident = await story.incidents.get(applied.incident.id, DISTRICT)
    shown, _ = named(incident, [], await story.incidents.deliveries(incident.id))
    assert (incident.open, shown.acknowledged_by) == (True, "a guardian")


async def test_who_is_barred_from_the_brother_is_known_again_until_he_is_erased_too(
    story: Story, erasures: Erasures, pool: Pool, registry: Registry
) -> None:
    await (await story.told(brother=True)).closed()
    father = msgspec.structs.replace(guardian("Park Jun-ho"), phone="010-9999-1111")
    barred = (await registry.add(GUARDIANS, DISTRICT, father)).value.id
    for one in (story.child, story.brother):
        await Bars(pool).bar(DISTRICT, one, barred, "order of the court", by="clerk")
    await erasures.ask(DISTRICT, story.child, "asked in writing", by="admin")
    await passed(pool, erasures)
    assert (await registry.get(GUARDIANS, DISTRICT, barred)).value.phone == "010-9999-1111"
    await erasures.ask(DISTRICT, story.brother, "asked in writing", by="admin")
    await pool.execute("UPDATE erasures SET due_at = NULL WHERE person = $1", story.child)
    await passed(pool, erasures)
    assert "010-9999-1111" not in await story.written_down()


async def test_what_was_signed_by_name_is_signed_by_id_after_an_upgrade(empty_database: str) -> None:
    files = shipped()
    before = {name: sql for name, sql in files.items() if name < "20261128_0740"}
    await migrate(empty_database, before)
    pool = await open_pool(empty_database, size=2)
    try:
        await pool.execute("INSERT INTO districts (id, name) VALUES ('haneul', 'Haneul-dong')")
        incidents = Incidents(pool)
        child, mother = new_id(), new_id()
        recipients = [
            Recipient("guardian", mother, name, channel, "https://phone.example")
            for name, channel in (("Kim Minji", "webhook"), ("Kim Haneul", "sms"))
        ]
        because = Because("urgent", "SOS pressed; the test that Kim Minji (guardian) asked for")
        alert = msgspec.structs.replace(raised(subject=child, kind="zone-exit"), because=because)
        incident = (await incidents.apply_alert(alert, lambda _: recipients, AT)).incident
        assert incident is not None
        for command in (Acknowledge("Kim Minji (guardian)", AT), Note("Lee Sora (guardian)", AT, "me too")):
            await incidents.apply_command(incident.id, DISTRICT, command)
        await incidents.apply_command(incident.id, DISTRICT, Note("Park (desk)", AT, "seen"))
        audit = Audit(pool)
        for who in ("Kim Minji", "Kim Haneul", "Lee Sora"):
            await audit.follow(Look(child, DISTRICT, f"{who} (guardian)", "guardian", "incident 1", "a message's link"))
        await migrate(empty_database, files)
        after = await incidents.get(incident.id, DISTRICT)
        by = [event.by for event in await incidents.trail(incident.id)]
        assert (after.acknowledged_by, after.owner) == (signature(mother), signature(mother))
        assert by == ["rule", signature(mother), "a guardian", "Park (desk)"]
        assert "that a guardian asked for" in after.because.words
        who = [look.who for look in await audit.looks(child)]
        assert sorted(name.split(",")[0] for name in who) == ["a guardian", "a guardian", signature(mother)]
        left = await pool.fetch("SELECT to_json(t)::text FROM (SELECT * FROM audit) t")
        assert not [row for (row,) in left if "Minji" in row or "Sora" in row]
    finally:
        pool.terminate()


async def test_a_zone_that_is_shared_stays_with_the_others_and_goes_with_the_last(
    story: Story, erasures: Erasures, pool: Pool, registry: Registry
) -> None:
    await (await story.told(brother=True)).closed()
    both = (story.child, story.brother)
    school = SafeZone("", "", None, "School", Circle(Point(126.9, 37.6), 100), (), person_ids=both)
    zone = (await registry.add(SAFE_ZONES, DISTRICT, school)).value.id
    await erasures.ask(DISTRICT, story.child, "asked in writing", by="admin")
    await passed(pool, erasures)
    assert (await registry.get(SAFE_ZONES, DISTRICT, zone)).value.people == (story.brother,)
    await erasures.ask(DISTRICT, story.brother, "asked in writing", by="admin")
    await pool.execute("UPDATE erasures SET due_at = NULL WHERE person = $1", story.child)
    await passed(pool, erasures)
    with pytest.raises(NotFound):
        await registry.get(SAFE_ZONES, DISTRICT, zone)


async def test_somebody_who_was_removed_can_be_erased(erasures: Erasures, pool: Pool, registry: Registry) -> None:
    mother = (await registry.add(GUARDIANS, DISTRICT, guardian())).value.id
    child = (await registry.add(PEOPLE, DISTRICT, person(mother, consent=CONSENT))).value.id
    await registry.remove(PEOPLE, DISTRICT, child)
    await erasures.ask(DISTRICT, child, "asked in writing", by="admin")
    assert [(await passed(pool, erasures)).state for _ in range(3)] == ["erasing", "erased", "final"]
    for table, row in (("people", child), ("guardians", mother)):
        assert await pool.fetchval(f"SELECT name FROM {table} WHERE id = $1", row) == ""


async def test_an_open_incident_is_waited_for_and_nothing_is_touched(
    story: Story, erasures: Erasures, pool: Pool
) -> None:
    await story.told()
    await erasures.ask(DISTRICT, story.child, "asked in writing", by="admin")
    waiting = await passed(pool, erasures)
    number = (await Incidents(pool).get(story.incident, DISTRICT)).number
    assert (waiting.state, waiting.incidents) == ("waiting", (number,))
    assert all([secret in await story.written_down() for secret in SECRETS])
    await story.closed()
    assert (await passed(pool, erasures)).state == "erasing"


async def test_evidence_under_a_lock_keeps_its_incident_until_the_lock_is_lifted(
    story: Story, erasures: Erasures, pool: Pool
) -> None:
    await (await story.told()).closed()
    lock = "INSERT INTO evidence_locks (sha256, by, reason) VALUES ($1, 'Park Ha-neul', 'the prosecutor asked')"
    await pool.execute(lock, PICTURE)
    await erasures.ask(DISTRICT, story.child, "asked in writing", by="admin")
    states = [await passed(pool, erasures) for _ in range(3)]
    assert [one.state for one in states] == ["erasing", "erased", "erased"]
    number = (await Incidents(pool).get(story.incident, DISTRICT)).number
    assert states[-1].locked == (number,)
    assert (await Incidents(pool).get(story.incident, DISTRICT)).title == "SOS of Jihoon"
    await pool.execute("DELETE FROM evidence_locks")
    assert (await passed(pool, erasures)).state == "final"
    assert (await Incidents(pool).get(story.incident, DISTRICT)).title == "erased"


async def test_what_arrives_between_two_passes_goes_with_the_next(story: Story, erasures: Erasures, pool: Pool) -> None:
    await (await story.told()).closed()
    await erasures.ask(DISTRICT, story.child, "asked in writing", by="admin")
    await passed(pool, erasures)
    await pool.execute(  # a batch that was being written
        "INSERT INTO trail (person, at, device, received_at, lon, lat) VALUES ($1, $2, 1, $2, 1, 1)", story.child, AT
    )
    await passed(pool, erasures)
    assert await pool.fetchval("SELECT count(*) FROM trail WHERE person = $1", story.child) == 0


async def test_a_call_for_help_in_the_inbox_stays_until_it_is_processed(
    story: Story, erasures: Erasures, pool: Pool
) -> None:
    await (await story.told()).closed()
    await erasures.ask(DISTRICT, story.child, "asked in writing", by="admin")
    for done, left in ((False, 1), (True, 0)):
        await pool.execute("UPDATE alert_inbox SET done_at = CASE WHEN $1 THEN now() END", done)
        await passed(pool, erasures)
        assert await pool.fetchval("SELECT count(*) FROM alert_inbox") == left


async def test_two_at_once_make_one_pass(story: Story, erasures: Erasures, pool: Pool) -> None:
    await (await story.told()).closed()
    await erasures.ask(DISTRICT, story.child, "asked in writing", by="admin")
    done = await asyncio.gather(*(erasures.work() for _ in range(4)))
    assert [one.state for one in done if one is not None] == ["erasing"]
    assert (await erasures.of(DISTRICT, story.child)).counts["positions of the trail"] == 5


async def test_with_redis_away_nothing_is_begun_and_it_is_tried_again(
    story: Story, erasures: Erasures, pool: Pool, unused_tcp_port: int
) -> None:
    await (await story.told()).closed()
    await erasures.ask(DISTRICT, story.child, "asked in writing", by="admin")
    away = Live(f"redis://127.0.0.1:{unused_tcp_port}/0")
    with pytest.raises(TransientError):
        await Erasures(pool, away).work()
    await away.close()
    assert (await erasures.of(DISTRICT, story.child)).state == "waiting"
    assert all([secret in await story.written_down() for secret in SECRETS])
    assert (await passed(pool, erasures)).state == "erasing"


async def test_an_id_in_another_spelling_is_nobody_s_and_nothing_is_erased_by_halves(
    story: Story, erasures: Erasures, pool: Pool
) -> None:
    await story.told()
    before = await story.written_down()
    for spelled in (story.child.upper(), story.child.replace("-", "")):
        with pytest.raises(NotFound):
            await erasures.ask(DISTRICT, spelled, "asked in writing", by="admin")
    assert await erasures.work() is None
    assert await story.written_down() == before


async def test_asked_for_twice_there_is_one_receipt_also_when_the_person_is_gone(
    story: Story, erasures: Erasures, pool: Pool
) -> None:
    await (await story.told()).closed()
    first, second = await asyncio.gather(
        *(erasures.ask(DISTRICT, story.child, "asked in writing", by=who) for who in ("one", "two"))
    )
    assert first == second
    await passed(pool, erasures)
    assert (await erasures.ask(DISTRICT, story.child, "again", by="three")).id == first.id
    for district, who in (("other", story.child), (DISTRICT, "nobody"), (DISTRICT, story.incident)):
        with pytest.raises(NotFound):
            await erasures.ask(district, who, "asked in writing", by="admin")
        with pytest.raises(NotFound):
            await erasures.of(district, who)


# Tables that a person is named in and that lose nothing, and why.
STAYS = {
    "audit": "who looked and did what: the law asks for it; the person is an opaque id",
    "applied_alerts": "ids of alerts only",
    "incidents": "closed ones lose place, picture and words (without_person)",
    "incident_events": "lose their words (Erasures)",
    "deliveries": "lose name and address of a guardian (Erasures)",
    "evidence_references": "end (Erasures)",
    "evidence_locks": "a lock is its holder's",
    "erasures": "the receipt",
}


ABOUT_PEOPLE = (
    "SELECT DISTINCT table_name FROM information_schema.columns WHERE table_schema = 'public' AND "
    "(column_name IN ('person', 'person_id', 'subject', 'guardian', 'guardian_id', 'call') OR column_name LIKE '%_person') "
    "AND table_name !~ '^trail_[0-9]+$'"
)


async def test_a_table_about_people_is_erased_or_says_why_it_stays(pool: Pool) -> None:
    about = await pool.fetch(ABOUT_PEOPLE)
    sql = " ".join(one.sql for one in (*PASSES, *LAST))
    documented = (Path(__file__).parents[3] / "docs" / "privacy.md").read_text()
    assert [name for (name,) in about if f"`{name}`" not in documented] == [], "add a row to docs/privacy.md"
    undecided = [name for (name,) in about if name not in STAYS and f" {name} " not in sql]
    assert undecided == [], "add a line to PASSES in haechi/store/erasures.py, or to STAYS here with the reason"


NOBODYS = {
    "frames": "pictures of a camera, two minutes",
    "readings": "of sensors",
    "sightings": "of cameras: nobody is recognised in them",
    "evidence-requests": "of cameras, by the incident",
}


def test_a_topic_is_named_in_the_receipt_or_says_why_nobody_is_in_it() -> None:
    every = {topic.name for topic in topics.TOPICS} | {topics.POSITION_BLOCKS.name}
    assert {topic.name for topic in STREAMS} == every - set(NOBODYS), "add it to STREAMS, or to NOBODYS here"


def test_how_long_each_stream_keeps_what_it_carries_is_written_down() -> None:
    documented = (Path(__file__).parents[3] / "docs" / "privacy.md").read_text()
    for topic in STREAMS:
        keep = "24 h" if topic.keep == timedelta(hours=24) else f"{topic.keep.days} days"
        rows = [line for line in documented.splitlines() if line.startswith("| Kafka") and f"`{topic.name}`" in line]
        assert [keep in row for row in rows] == [True], topic.name
