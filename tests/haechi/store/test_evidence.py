from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from haechi.clock import utc_now
from haechi.errors import ConfigError, NotFound, PermanentError
from haechi.store.evidence import Evidence, EvidenceRows
from haechi.store.postgres import Pool

PICTURE = b"\xff\xd8 a picture"
NAME = sha256(PICTURE).hexdigest()


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    return Evidence(f"file://{tmp_path}/evidence")


async def test_what_was_put_is_found_under_its_hash_also_when_put_twice(evidence: Evidence) -> None:
    assert await evidence.put(PICTURE) == NAME
    assert await evidence.put(PICTURE) == NAME
    assert await evidence.get(NAME) == PICTURE


def test_a_folder_that_is_made_for_it_is_its_owners_alone_and_one_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    Evidence(f"file://{tmp_path}/made%20for/evidence")
    assert (tmp_path / "made for" / "evidence").stat().st_mode & 0o777 == 0o700
    there = tmp_path / "there"
    there.mkdir()
    there.chmod(0o750)
    Evidence(there.as_uri())
    assert there.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("name", [NAME, "../../etc/passwd", "", NAME.upper()])
async def test_what_was_never_put_is_not_found(evidence: Evidence, name: str) -> None:
    with pytest.raises(NotFound):
        await evidence.get(name)


async def test_altered_evidence_is_refused(evidence: Evidence, tmp_path: Path) -> None:
    await evidence.put(PICTURE)
    (file,) = (file for file in tmp_path.rglob("*") if file.is_file())
    file.write_bytes(b"another picture")
    with pytest.raises(PermanentError, match="altered"):
        await evidence.get(NAME)


async def test_deleting_twice_is_no_error(evidence: Evidence) -> None:
    await evidence.put(PICTURE)
    await evidence.delete(NAME)
    await evidence.delete(NAME)
    with pytest.raises(NotFound):
        await evidence.get(NAME)


@pytest.mark.parametrize("url", ["", "ftp://x/y", "evidence"])
def test_an_url_of_no_store_names_the_key(url: str) -> None:
    with pytest.raises(ConfigError, match="HAECHI_EVIDENCE__URL"):
        Evidence(url)


async def kept(evidence: Evidence) -> bool:
    try:
        await evidence.get(NAME)
    except NotFound:
        return False
    return True


async def test_an_object_goes_only_when_neither_reference_nor_lock_is_left(evidence: Evidence, pool: Pool) -> None:
    rows, past = EvidenceRows(pool), utc_now() - timedelta(minutes=1)
    await rows.refer(NAME, "camera:1", past)
    await rows.refer(NAME, "incident:1", None)
    await evidence.put(PICTURE)
    assert await rows.collect(evidence) == 0
    assert await kept(evidence), "an incident refers to it"
    await rows.refer(NAME, "incident:1", past)
    await pool.execute("INSERT INTO evidence_locks (sha256, by, reason) VALUES ($1, 'supervisor', 'court')", NAME)
    assert await rows.collect(evidence) == 0
    assert await kept(evidence), "it is locked"
    await pool.execute("DELETE FROM evidence_locks")
    assert await rows.collect(evidence) == 1
    assert not await kept(evidence)
    assert await rows.collect(evidence) == 0
