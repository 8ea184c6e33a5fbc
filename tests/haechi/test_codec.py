"""Wire types keep their bytes, and what is not ours is refused in words."""

from datetime import UTC, datetime, timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from haechi.codec import Wire, decode_any, read_head
from haechi.domain import wire
from haechi.domain.geo import Point
from haechi.domain.people import PositionBatch, UrgentCall
from haechi.domain.time import Tick
from haechi.errors import PermanentError

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def batch_of(n: int, lon: float = 126.9227) -> PositionBatch:
    one32 = np.full(n, 1.5, np.float32)
    return PositionBatch(
        devices=("d1",),
        persons=("p1",),
        device=np.zeros(n, np.int32),
        person=np.zeros(n, np.int32),
        shard=np.full(n, 7, np.uint8),
        at=np.arange(n, dtype=np.int64),
        received=np.arange(n, dtype=np.int64),
        lon=np.full(n, lon),
        lat=np.full(n, 37.6186),
        accuracy=one32,
        speed=one32,
        course=one32,
        battery=np.full(n, np.nan, np.float32),
    )


CALL = UrgentCall("c1", "sos", "d1", "p1", "haneul", AT, AT, Point(126.9, 37.6), 5.0, 80.0)


CALL_AS_FIRST_SENT = (
    "93ab757267656e742d63616c6c018ba26964a26331a46b696e64a3736f73a6646576696365a26431a6706572736f6ea27031a864"
    "69737472696374a668616e65756ca26174d6ff6b02d940ab72656365697665645f6174d6ff6b02d940a5706f696e7482a36c6f6e"
    "cb405fb9999999999aa36c6174cb4042cccccccccccdaa61636375726163795f6dcb4014000000000000a762617474657279cb40"
    "54000000000000a6736f75726365c0"
)


def test_the_bytes_of_an_urgent_call_never_change_within_a_version() -> None:
    """What is added (`on_behalf`, `fixed_at`, `retained`) has a default: what an older door has sent, or spooled, is read as it was."""
    fourteen_fields = CALL_AS_FIRST_SENT.replace("63616c6c018b", "63616c6c018e")
    added = "a96f6e5f626568616c66c2" + "a866697865645f6174c0" + "a872657461696e6564c2"
    assert wire.URGENT.encode(CALL).hex() == fourteen_fields + added
    assert wire.URGENT.decode(bytes.fromhex(CALL_AS_FIRST_SENT)) == CALL


def test_the_bytes_of_a_tick_never_change_within_a_version() -> None:
    tick = Tick("gateway-a-0", AT, spool_empty=True)
    assert wire.TICK.encode(tick).hex() == (
        "93a47469636b0183a870726f6475636572ab676174657761792d612d30a26174d6ff6b02d940ab73706f6f6c5f656d707479c3"
    )


@given(st.integers(0, 50), st.floats(-180, 180))
def test_columns_come_back_as_they_were_without_a_copy_per_row(n: int, lon: float) -> None:
    back = wire.POSITIONS.decode(wire.POSITIONS.encode(batch_of(n, lon)))
    assert len(back) == n
    assert back.lon.dtype == np.float64
    assert (back.lon == lon).all()
    assert np.isnan(back.battery).all()


def test_a_column_of_the_wrong_type_is_refused() -> None:
    raw = wire.POSITIONS.encode(batch_of(2)).replace(b"<f8", b"<i8")
    with pytest.raises(PermanentError, match="column of <i8, <f8 is needed"):
        wire.POSITIONS.decode(raw)


def test_a_column_whose_shape_lies_is_refused() -> None:
    raw = wire.POSITIONS.encode(batch_of(2)).replace(b"\xa3<f8\x91\x02", b"\xa3<f8\x91\x03")
    with pytest.raises(PermanentError, match="does not decode"):
        wire.POSITIONS.decode(raw)


@given(st.binary(max_size=200))
@example(b"\x93\xa2\x00\x80")  # a name that is no UTF-8
@example(b"\x93\xa1a\x01" + b"\x91" * 100_000)  # nested deeper than anybody reads
def test_any_bytes_are_either_ours_or_refused_in_words(data: bytes) -> None:
    with pytest.raises(PermanentError):
        decode_any(data, wire.WIRES)


def test_a_newer_version_is_refused_and_says_what_to_do() -> None:
    newer = Wire("tick", 9, Tick).encode(Tick("g", AT, spool_empty=True))
    with pytest.raises(PermanentError, match=r"newer than 1.*upgrade"):
        wire.TICK.decode(newer)


class _Old(msgspec.Struct):
    who: str


class _New(msgspec.Struct):
    name: str


def test_an_older_version_is_read_through_its_upgrades() -> None:
    old = Wire("thing", 1, _Old).encode(_Old("a"))
    new = Wire("thing", 2, _New, {1: lambda body: {"name": body["who"].upper()}})
    assert new.decode(old) == _New("A")


def test_a_message_of_another_topic_is_named() -> None:
    with pytest.raises(PermanentError, match="'tick' does not belong here"):
        decode_any(wire.TICK.encode(Tick("g", AT, spool_empty=True)), (wire.POSITIONS,))


def test_the_head_alone_chooses_the_decoder() -> None:
    assert read_head(wire.URGENT.encode(CALL)).name == "urgent-call"


def test_event_times_keep_their_microseconds() -> None:
    call = msgspec.structs.replace(CALL, at=AT + timedelta(microseconds=1))
    assert wire.URGENT.decode(wire.URGENT.encode(call)).at == call.at
