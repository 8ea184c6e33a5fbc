"""Identifiers that merge what is the same, and cannot be guessed."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from haechi import topics
from haechi.ids import SHARDS, alert_id, device_id, input_id, is_uuid, new_id, shard_of

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_the_same_episode_has_the_same_id_in_any_time_zone() -> None:
    seoul = AT.astimezone(timezone(timedelta(hours=9)))
    assert alert_id("sos", "p1", "-", AT) == alert_id("sos", "p1", "-", seoul)
    assert input_id("d1", AT, "sos") == input_id("d1", seoul, "sos")


@given(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5), st.text(max_size=5))
def test_two_keys_never_run_together(a: str, b: str, c: str, d: str) -> None:
    if "\x1f" not in a + b + c + d and (a, b) != (c, d):
        assert alert_id("k", a, b, AT) != alert_id("k", c, d, AT)


def test_another_start_is_another_episode() -> None:
    assert alert_id("sos", "p1", "-", AT) != alert_id("sos", "p1", "-", AT + timedelta(microseconds=1))


@given(st.text())
def test_every_person_has_one_shard_and_every_shard_one_partition(person: str) -> None:
    assert 0 <= shard_of(person) < SHARDS
    assert 0 <= topics.partition_of(shard_of(person)) < topics.PARTITIONS


def test_the_shard_is_fixed_for_ever() -> None:
    assert [shard_of("p1"), shard_of("김하늘"), shard_of("")] == [51, 36, 0]


def test_device_ids_are_long_and_never_the_same() -> None:
    ids = {device_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(i) == 26 for i in ids)


def test_a_row_has_one_spelling_of_its_id() -> None:
    """The database takes any of them, and what names the row as text (an incident's subject, the audit) would not."""
    row = "0bedfe1f-5f0c-4d34-9a7e-aabbccddeeff"
    assert is_uuid(row)
    assert is_uuid(new_id())
    others = (row.upper(), row.replace("-", ""), f"{{{row}}}", f"urn:uuid:{row}", f" {row}", f"{row}\n", "", "x" * 36)
    assert not any(map(is_uuid, others))
