"""`haechi people import` into the real PostgreSQL."""

import asyncio
import csv
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

import msgspec
import pytest
from typer.testing import CliRunner, Result

from control_room.importing import write
from control_room.importing.cli import app
from control_room.importing.rows import parse
from control_room.importing.sheet import read
from control_room.importing.write import Importer, alone
from haechi.clock import utc_now
from haechi.errors import ConfigError, Conflict
from haechi.sealing import Sealer, create_key
from haechi.store.bars import Bars
from haechi.store.consents import Consents, Decision
from haechi.store.postgres import Pool
from haechi.store.registry import Registry, Row, Table
from tests.haechi.store.conftest import DISTRICT, pool  # noqa: F401 - a fixture

T = TypeVar("T", bound=msgspec.Struct)
HEAD = (
    "ref,name,born,kind,guardian1_name,guardian1_phone,guardian2_name,guardian2_phone,consent_by,consent_from,devices"
)
CHILD = "A-1,박지훈,2018-03-01,child,김민지,010-1234-5678,박준호,010-9999-1111,김민지,2026-01-01,watch;phone"
SISTER = "A-2,박서연,2016-05-05,child,김민지,+82 10 1234 5678,,,김민지,2026-01-01,watch"
ELDER = "B-1,오말순,1945-01-09,elder,,,,,오말순,2026-01-01,button"


@pytest.fixture
def office(postgres_database: str, pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Office":  # noqa: F811 - a fixture
    monkeypatch.setenv("HAECHI_POSTGRES__URL", postgres_database)
    monkeypatch.setenv("HAECHI_DATA_KEY", create_key())
    monkeypatch.setenv("HAECHI_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "250")
    return Office(pool, tmp_path)


class Office:
    """A table, and what becomes of it."""

    def __init__(self, pool: Pool, folder: Path) -> None:  # noqa: F811 - no fixture here
        self.pool = pool
        self.file = folder / "people.csv"

    def imports(self, *lines: str, head: str = HEAD, args: tuple[str, ...] = ()) -> Result:
        self.file.write_text("\n".join([head, *lines, ""]), encoding="cp949")
        with ThreadPoolExecutor(1) as apart:  # it has an event loop of its own
            arguments = ["import", str(self.file), "--district", DISTRICT, *args]
            return apart.submit(CliRunner().invoke, app, arguments).result()

    def beside(self, what: str) -> list[dict[str, str]]:
        path = self.file.with_name(f"people.{what}.csv")
        if not path.exists():
            return []
        with path.open(encoding="utf-8-sig", newline="") as lines:
            return list(csv.DictReader(lines))

    async def count(self, table: str) -> int:
        found: int = await self.pool.fetchval(f"SELECT count(*) FROM {table}")
        return found

    async def person(self, ref: str) -> str:
        found: str = await self.pool.fetchval("SELECT person_id FROM people_refs WHERE ref = $1", ref)
        return found


class Withdrawing(Registry):
    """The mother withdraws while an import has read its rows and not changed them yet."""

    withdrawal: asyncio.Task[None] | None = None

    async def some(self, table: Table[T], district: str, ids: Sequence[str], *, within: object) -> tuple[Row[T], ...]:
        rows = await super().some(table, district, ids, within=within)
        withdraw = Consents(self._pool).withdraw(district, ids[0], Decision("김민지"), by="clerk")
        self.withdrawal = asyncio.create_task(withdraw)
        await asyncio.wait([self.withdrawal], timeout=1)  # where nothing holds it up it is done
        return rows


async def test_people_come_with_guardians_in_order_of_call_devices_and_consent(office: Office) -> None:
    done = office.imports(CHILD, SISTER, ELDER)
    assert done.exit_code == 0, done.output
    assert "3 added, 0 changed, 0 as they were, 0 refused." in done.output
    rows = await office.pool.fetch(
        "SELECT p.name, p.consent IS NOT NULL AS consent, ARRAY(SELECT g.name FROM unnest(p.guardian_ids) "
        "WITH ORDINALITY AS u(id, n) JOIN guardians g ON g.id = u.id ORDER BY n) AS guardians, "
        "ARRAY(SELECT kind FROM devices d WHERE d.person_id = p.id ORDER BY kind) AS devices FROM people p ORDER BY born"
    )
    assert [tuple(row) for row in rows] == [
        ("오말순", True, [], ["button"]),
        ("박서연", True, ["김민지"], ["watch"]),
        ("박지훈", True, ["김민지", "박준호"], ["phone", "watch"]),
    ]
    assert await office.count("guardians") == 2, "the same telephone is the same guardian, however it is written"
    made = office.beside("made")
    devices = {row["id"] for row in await office.pool.fetch("SELECT id FROM devices")}
    assert {row["id"] for row in made if not row["secret"]} == devices
    assert {row["what"] for row in made if row["secret"]} == {"guardian 김민지", "guardian 박준호"}
    assert office.file.with_name("people.made.csv").stat().st_mode & 0o077 == 0, "it holds credentials"
    assert (
        await office.pool.fetchval("SELECT count(*) FROM audit WHERE who LIKE 'command line, import of people.csv'") > 3
    )


async def test_the_same_file_again_changes_nothing_and_a_changed_row_is_changed(office: Office) -> None:
    office.imports(CHILD, SISTER, ELDER)
    before = [await office.count(table) for table in ("people", "guardians", "devices", "consents", "audit")]
    again = office.imports(CHILD, SISTER, ELDER)
    assert "0 added, 0 changed, 3 as they were, 0 refused." in again.output
    assert before == [await office.count(table) for table in ("people", "guardians", "devices", "consents", "audit")]
    changed = office.imports(CHILD.replace("watch;phone", "watch;phone;tag"), SISTER.replace("박서연", "박서윤"), ELDER)
    assert "0 added, 2 changed, 1 as they were, 0 refused." in changed.output
    assert await office.count("devices") == before[2] + 1


async def test_what_was_withdrawn_is_not_brought_back_by_the_same_file(office: Office) -> None:
    office.imports(CHILD)
    child = await office.person("A-1")
    await Consents(office.pool).withdraw(DISTRICT, child, Decision("김민지"), by="clerk")
    assert "1 as they were" in office.imports(CHILD).output
    assert await office.pool.fetchval("SELECT consent FROM people WHERE id = $1", child) is None
    later = f"{utc_now() + timedelta(days=2):%Y-%m-%d}"
    assert "1 changed" in office.imports(CHILD.replace("2026-01-01", later)).output, "a new one is a new one"


async def test_what_was_withdrawn_is_not_brought_back_by_a_longer_consent_of_an_earlier_day(office: Office) -> None:
    """An office that makes all its consents a year longer writes a row that it had never sent before."""
    office.imports(CHILD)
    child = await office.person("A-1")
    await Consents(office.pool).withdraw(DISTRICT, child, Decision("김민지"), by="clerk")
    longer = CHILD.replace("박지훈", "박지호").replace("2026-01-01", "2026-02-01")
    assert "1 of 1 rows would be refused" in office.imports(longer, args=("--dry-run",)).output
    assert "0 added, 0 changed, 0 as they were, 1 refused." in office.imports(longer).output
    (refused,) = office.beside("refused")
    assert (refused["column"], "withdrawn" in refused["what is wrong"]) == ("consent_from", True)
    assert await office.pool.fetchval("SELECT consent FROM people WHERE id = $1", child) is None


async def test_a_withdrawal_in_the_middle_of_an_import_stays_withdrawn(office: Office) -> None:
    office.imports(CHILD)
    child = await office.person("A-1")
    registry = Withdrawing(office.pool, Sealer(create_key()))
    importer = Importer(office.pool, registry, DISTRICT, "test", utc_now)
    await importer.open()
    content = f"{HEAD}\n{CHILD.replace('박지훈', '박지호')}".encode()
    entries, _ = parse(read(content, "people.csv"), "people.csv", ZoneInfo("Asia/Seoul"))
    assert [outcome.changed async for outcome in importer.write(entries)] == [1]
    assert registry.withdrawal is not None
    await registry.withdrawal
    ledger = await Consents(office.pool).ledger(child)
    assert [entry.kind for entry in ledger] == ["given", "withdrawn"]


async def test_two_imports_into_one_district_are_one_after_the_other(office: Office) -> None:
    async with alone(office.pool, DISTRICT):
        busy = office.imports(CHILD)
        assert busy.exit_code != 0
        assert isinstance(busy.exception, Conflict)
        assert office.imports(CHILD, args=("--dry-run",)).exit_code == 0
        async with alone(office.pool, "other"):
            pass
    assert "1 added" in office.imports(CHILD).output


async def test_nobody_is_registered_whose_credentials_cannot_be_written_down(office: Office) -> None:
    """They are told once: of an import that ended just after a commit nobody would know the secrets of its guardians."""
    made = office.file.with_name("people.made.csv")
    made.mkdir()
    done = office.imports(CHILD)
    assert isinstance(done.exception, ConfigError)
    assert "people.made.csv" in str(done.exception)
    assert await office.count("people") == await office.count("guardians") == 0
    made.rmdir()
    assert "1 added" in office.imports(CHILD).output
    assert len(office.beside("made")) == 4


async def test_somebody_who_was_removed_does_not_come_back_by_an_old_file(office: Office) -> None:
    office.imports(CHILD)
    child = await office.person("A-1")
    await office.pool.execute("UPDATE people SET deleted_at = clock_timestamp() WHERE id = $1", child)
    for args in (("--dry-run",), ()):
        assert office.imports(CHILD, ELDER, args=args).exit_code == 1
        (refused,) = office.beside("refused")
        assert (refused["line"], refused["column"]) == ("2", "ref")
        assert "was removed" in refused["what is wrong"]
        assert "new ref" in refused["what to do"]


async def test_a_dry_run_finds_what_two_rows_of_one_file_say_differently(office: Office) -> None:
    office.imports(CHILD, SISTER.replace("김민지", "김민정"), args=("--dry-run",))
    assert [(row["ref"], row["column"]) for row in office.beside("refused")] == [("A-2", "guardian1_phone")]


async def test_another_address_of_a_known_guardian_is_not_passed_over_in_silence(office: Office) -> None:
    office.imports(CHILD)
    done = office.imports(CHILD + ",https://phone.example/", head=HEAD + ",guardian1_webhook")
    assert "1 refused" in done.output
    (refused,) = office.beside("refused")
    assert refused["column"] == "guardian1_webhook"


async def test_each_refused_row_is_told_and_leaves_nothing_half_done(office: Office) -> None:
    lines = (
        CHILD,
        SISTER.replace("김민지,2026", "박서연,2026"),  # a child under 14 that consents itself
        "C-1,최하늘,2015-01-01,child,다른이름,010-1234-5678,,,,,watch",  # somebody else's telephone
        "C-2,정별,2015-13-01,child,,,,,,,watch",
        ELDER,
    )
    done = office.imports(*lines)
    assert done.exit_code == 1
    assert "2 added, 0 changed, 0 as they were, 3 refused." in done.output
    refused = office.beside("refused")
    assert [(row["line"], row["ref"], row["column"]) for row in refused] == [
        ("3", "A-2", "consent_by"),
        ("4", "C-1", "guardian1_phone"),
        ("5", "C-2", "born"),
    ]
    assert all(row["what is wrong"] and row["what to do"] for row in refused)
    assert "under 14" in refused[0]["what is wrong"]
    assert await office.count("people") == 2
    assert office.imports(CHILD, ELDER).exit_code == 0
    assert office.beside("refused") == [], "an old report is no report"


async def test_a_transaction_takes_fewer_rows_where_one_has_lasted_too_long(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = f"{HEAD}\n{CHILD}\n{SISTER}\n{ELDER}".encode()
    entries, _ = parse(read(content, "people.csv"), "people.csv", ZoneInfo("Asia/Seoul"))
    importer = Importer(office.pool, Registry(office.pool, Sealer(create_key())), DISTRICT, "test", utc_now)
    await importer.open()
    monkeypatch.setattr(write, "TOGETHER", 2)
    monkeypatch.setattr(write, "TOGETHER_S", 0.0)
    assert [outcome.added async for outcome in importer.write(entries)] == [2, 1]
    assert [outcome.same async for outcome in importer.write([*entries, entries[0]])] == [2, 1, 1]
    monkeypatch.setattr(write, "TOGETHER_S", 60.0)
    assert [outcome.same async for outcome in importer.write(entries)] == [2, 1]


async def test_one_that_the_registry_refuses_keeps_none_of_its_neighbours_out(office: Office) -> None:
    office.imports(CHILD)
    child = await office.person("A-1")
    father = await office.pool.fetchval("SELECT id FROM guardians WHERE name = '박준호'")
    await Bars(office.pool).bar(DISTRICT, child, father, "order of the court", by="clerk")
    lines = [f"N-{n},이름 {n},1990-01-01,other,이웃 {n},010-7000-{n:04d},,,,,watch" for n in range(30)]
    lines[13] = CHILD.replace("박지훈", "박지호")
    done = office.imports(*lines)
    assert "29 added, 0 changed, 0 as they were, 1 refused." in done.output
    assert await office.count("guardians") == 2 + 29, "each once, however often its rows were tried"
    assert await office.count("devices") == 2 + 29
    assert {row["id"] for row in office.beside("made") if row["what"] == "watch"} == {
        row["id"] for row in await office.pool.fetch("SELECT id FROM devices WHERE kind = 'watch'")
    }


async def test_cells_that_look_like_markup_or_a_formula_are_words(office: Office) -> None:
    done = office.imports(
        "[/x],[/y],2015-13-01,child,,,,,,,watch", '"=HYPERLINK(""x"")",최하늘,2015-13-01,child,,,,,,,'
    )
    assert "2 refused." in done.output
    assert "[/x]" in done.output
    assert [row["ref"] for row in office.beside("refused")] == ["[/x]", '\'=HYPERLINK("x")']
    office.imports("=1+1,최하늘,2015-01-01,child,,,,,,,watch")
    assert office.beside("made")[0]["ref"] == "'=1+1"


async def test_a_barred_guardian_is_refused_and_the_row_takes_nothing_with_it(office: Office) -> None:
    office.imports(CHILD)
    child = await office.person("A-1")
    father = await office.pool.fetchval("SELECT id FROM guardians WHERE name = '박준호'")
    await Bars(office.pool).bar(DISTRICT, child, father, "order of the court", by="clerk")
    done = office.imports(CHILD.replace("watch;phone", "watch;phone;tag"), ELDER)
    assert "1 added, 0 changed, 0 as they were, 1 refused." in done.output
    assert "barred" in office.beside("refused")[0]["what is wrong"]
    assert await office.pool.fetchval("SELECT count(*) FROM devices WHERE person_id = $1", child) == 2


async def test_a_dry_run_says_what_would_be_refused_and_writes_nothing(office: Office) -> None:
    done = office.imports(CHILD, SISTER.replace("김민지,2026", "박서연,2026"), args=("--dry-run",))
    assert done.exit_code == 1
    assert "1 of 2 rows would be refused; nothing was written." in done.output
    assert [row["column"] for row in office.beside("refused")] == ["consent_by"]
    assert await office.count("people") == await office.count("guardians") == await office.count("audit") == 0


async def test_more_rows_than_one_transaction_holds_are_all_there(office: Office) -> None:
    lines = [f"N-{n},이름 {n},1990-01-01,other,,,,,,," for n in range(120)]
    lines[60] = lines[60].replace("1990-01-01", "never")
    assert "119 added" in office.imports(*lines).output
    assert await office.count("people_refs") == 119
