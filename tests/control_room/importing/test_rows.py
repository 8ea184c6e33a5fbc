"""Sheets as offices send them, and what is wrong with their rows."""

import unicodedata
from contextlib import suppress
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_room.importing.rows import Entry, Problem, parse
from control_room.importing.sheet import read
from haechi.errors import ConfigError

SEOUL = ZoneInfo("Asia/Seoul")
HEAD = (
    "ref,name,born,kind,guardian1_name,guardian1_phone,guardian1_webhook,consent_by,consent_from,consent_until,devices"
)
GOOD = "A-1,박지훈,2018-03-01,child,김민지,+82 10 1234 5678,https://phone.example/k,김민지,2026-01-01,2026-12-31,watch;phone"


def rows(*lines: str, head: str = HEAD, encoding: str = "utf-8") -> tuple[list[Entry], list[Problem]]:
    return parse(read("\r\n".join([head, *lines, ""]).encode(encoding), "people.csv"), "people.csv", SEOUL)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949"])
def test_a_row_is_a_person_with_guardians_consent_and_devices(encoding: str) -> None:
    (entry,), problems = rows(GOOD, encoding=encoding)
    assert problems == []
    assert (entry.line, entry.ref, entry.person.name, entry.person.born) == (2, "A-1", "박지훈", date(2018, 3, 1))
    assert [(one.name, one.phone, one.language) for one in entry.guardians] == [("김민지", "+82 10 1234 5678", "ko")]
    assert entry.devices == ("watch", "phone")
    assert entry.consent is not None
    assert entry.consent.scopes == ("position", "sos")
    assert entry.consent.given_at == datetime(2025, 12, 31, 15, tzinfo=UTC), "the day begins in Seoul"
    assert entry.consent.expires_at == datetime(2026, 12, 31, 14, 59, 59, tzinfo=UTC), "the last day is the last"


def test_korean_columns_kinds_and_days_are_understood_and_other_delimiters_too() -> None:
    head = "관리번호;이름;생년월일;구분;보호자1_이름"
    (entry,), problems = rows("7;박지훈;2018.3.1;아동;김민지", head=head, encoding="cp949")
    assert problems == []
    assert (entry.person.kind, entry.person.born) == ("child", date(2018, 3, 1))
    assert rows("7;박지훈;2018년 3월 1일;아동;김민지", head=head)[1] == []
    assert rows("7\t박지훈\t20180301\tchild\t김민지", head=head.replace(";", "\t"))[1] == []


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        (GOOD.replace("A-1", ""), "ref", "empty"),
        (GOOD.replace("박지훈", ""), "name", "empty"),
        (GOOD.replace("2018-03-01", "yesterday"), "born", "'yesterday' is no day"),
        (GOOD.replace("2018-03-01", "2018-02-30"), "born", "is no day"),
        (GOOD.replace("2018-03-01", "1018-03-01"), "born", "1890"),
        (GOOD.replace("2018-03-01", "2018112"), "born", "'2018112' is no day"),
        (GOOD.replace("+82 10 1234 5678", "010-1234-5678/010-9999-1111"), "guardian1_phone", "one telephone"),
        (GOOD.replace("child", "cat"), "kind", "child"),
        (GOOD.replace(",김민지,+82", ",,+82"), "guardian1_name", "empty"),
        (GOOD.replace("+82 10 1234 5678", "call me"), "guardian1_phone", "match"),
        (GOOD.replace("https://", "ftp://"), "guardian1_webhook", "full address"),
        (GOOD.replace("김민지,2026-01-01", ",2026-01-01"), "consent_by", "empty"),
        (GOOD.replace("2026-01-01", ""), "consent_from", "empty"),
        (GOOD.replace("2026-12-31", "2025-12-31"), "consent_until", "later"),
        (GOOD.replace("watch;phone", "watch;toaster"), "devices", "phone"),
        (GOOD + ",more", "devices", "more cells"),
    ],
)
def test_what_is_wrong_is_said_with_line_and_column_and_what_to_do(line: str, column: str, words: str) -> None:
    entries, problems = rows(GOOD.replace("A-1", "A-0"), line)
    assert [entry.ref for entry in entries] == ["A-0"], "the others are not held up"
    assert [(one.line, one.column) for one in problems] == [(3, column)], problems
    assert words in problems[0].wrong
    assert problems[0].do


@pytest.mark.parametrize("saved", ["1012345678", "10-1234-5678"])
def test_the_zero_that_a_spreadsheet_took_from_a_telephone_is_put_back(saved: str) -> None:
    (entry,), _ = rows(GOOD.replace("+82 10 1234 5678", saved))
    assert entry.guardians[0].phone == f"0{saved}"


def test_a_name_and_a_column_are_the_same_however_a_mac_spells_them() -> None:
    (entry,), problems = rows(
        *(unicodedata.normalize("NFD", line) for line in ("7;박지훈;2018.3.1;아동",)),
        head=unicodedata.normalize("NFD", "관리번호;이름;생년월일;구분"),
    )
    assert problems == []
    assert entry.person.name == "박지훈"


def test_a_byte_that_is_no_text_is_found_in_its_line() -> None:
    content = f"{HEAD}\n{GOOD}\n{GOOD}".encode() + b"\nA-3,\xff\xfe"
    with pytest.raises(ConfigError, match="line 4"):
        read(content, "people.csv")


def test_a_row_says_everything_that_is_wrong_with_it() -> None:
    _, problems = rows(",,soon,cat,,,,,,,")
    assert {one.column for one in problems} == {"ref", "name", "born"}


def test_the_same_ref_twice_is_one_person_and_one_problem() -> None:
    entries, problems = rows(GOOD, GOOD)
    assert len(entries) == 1
    assert [(one.line, one.column) for one in problems] == [(3, "ref")]
    assert "line 2" in problems[0].wrong


def test_lines_are_the_files_also_behind_cells_of_several_lines() -> None:
    _, problems = rows(GOOD.replace("박지훈", '"박\n지훈"'), "", GOOD.replace("A-1", "A-2").replace("child", "cat"))
    assert [one.line for one in problems] == [5]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "line 1: the column ref, name, born, kind is missing"),
        (HEAD.replace("born", "birthday").encode(), "the column birthday is unknown"),
        (b"ref,name,born\n", "the column kind is missing"),
        (b"ref,ref,name,born,kind\n", "stands there twice"),
        ("ref,name\n".encode("utf-16"), "UTF-16"),
        (b"ref,name,born,kind\nA,\x81\xff\xff,2018-03-01,child\n", "line 2: neither UTF-8 nor CP949"),
        (b"PK\x03\x04\x00\x00", "no text file"),
        (b'ref,name,born,kind\n"A', "no CSV"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_words(data: bytes, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        parse(read(data, "people.csv"), "people.csv", SEOUL)


@given(st.binary(max_size=300))
def test_no_bytes_crash_it(data: bytes) -> None:
    with suppress(ConfigError):
        parse(read(HEAD.encode() + b"\n" + data, "people.csv"), "people.csv", SEOUL)
