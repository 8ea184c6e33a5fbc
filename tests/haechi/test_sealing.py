"""Encryption at rest."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from haechi.errors import ConfigError, PermanentError
from haechi.sealing import Sealer, create_key, load_or_create_key

KEY = create_key()


@given(st.binary(max_size=500), st.binary(max_size=20))
def test_what_was_sealed_opens_with_the_same_key_and_context(plain: bytes, context: bytes) -> None:
    sealed = Sealer(KEY).seal(plain, context)
    assert Sealer(KEY).open(sealed, context) == plain
    assert plain not in sealed or len(plain) < 4


@given(st.binary(min_size=1, max_size=50), st.data())
def test_one_changed_bit_is_refused(plain: bytes, data: st.DataObject) -> None:
    sealed = bytearray(Sealer(KEY).seal(plain))
    sealed[data.draw(st.integers(0, len(sealed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(PermanentError):
        Sealer(KEY).open(bytes(sealed))


def test_another_key_another_context_or_a_stump_is_refused() -> None:
    sealed = Sealer(KEY).seal(b"x", b"spool")
    for sealer, data, context in (
        (Sealer(create_key()), sealed, b"spool"),
        (Sealer(KEY), sealed, b"copy"),
        (Sealer(KEY), b"", b""),
    ):
        with pytest.raises(PermanentError, match="another HAECHI_DATA_KEY"):
            sealer.open(data, context)


@pytest.mark.parametrize("key", ["", "short", "not base 64 !", "ab" * 18])
def test_a_wrong_key_says_how_to_make_one(key: str) -> None:
    with pytest.raises(ConfigError, match="haechi key create"):
        Sealer(key)


def test_the_embedded_key_is_made_once_and_is_the_owners_alone(tmp_path: Path) -> None:
    file = tmp_path / "data" / "data.key"
    key = load_or_create_key(file)
    assert load_or_create_key(file) == key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
