"""A row of an import as what it asks for, or what is wrong with it: in which column, and what to do."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, tzinfo
from typing import Final, TypeVar

import msgspec
from pydantic import ValidationError

from control_room.api.device_models import DeviceBody
from control_room.api.models import ConsentBody, GuardianBody, PersonBody
from control_room.importing.sheet import Row, Sheet
from haechi.domain.people import Consent, DeviceKind, Guardian, Person
from haechi.errors import ConfigError

T = TypeVar("T")
GUARDIANS = 4
_SPLIT = re.compile(r"[;,/\s]+")
_DAY = re.compile(r"(\d{4})(?:(\d{2})(\d{2})|\D(\d{1,2})\D(\d{1,2})\D?)")  # 2018112 may be two days, and is none
_ZERO_LOST = re.compile(r"1[016789]-?\d{3,4}-?\d{4}")  # a spreadsheet takes 01012345678 for a number
_KINDS: Final = {"아동": "child", "어린이": "child", "노인": "elder", "어르신": "elder", "기타": "other"}
# A column by our name, the name that a Korean sheet may have for it, and what belongs there (docs/registry.md).
COLUMNS: Final[tuple[tuple[str, str, str], ...]] = (
    ("ref", "관리번호", "the number under which your office keeps the person; the same one finds them again"),
    ("name", "이름", "the person's name"),
    ("born", "생년월일", "the day of birth, such as 2018-03-01"),
    ("kind", "구분", "child, elder or other (아동, 노인, 기타)"),
    *(
        (f"guardian{n}_{part}", f"보호자{n}_{korean}", words)
        for n in range(1, GUARDIANS + 1)
        for part, korean, words in (
            ("name", "이름", "the guardian's name; they are called in this order"),
            ("phone", "전화", "a telephone, such as +82 10 1234 5678; the same one is the same guardian"),
            ("webhook", "웹훅", "an address beginning with https:// where messages are sent"),
            ("language", "언어", "ko or en; empty is ko"),
        )
    ),
    ("consent_by", "동의자", "who consents: for a child under 14 a guardian of this row, by name"),
    ("consent_from", "동의일", "a day, such as 2026-03-01; needed with consent_by"),
    ("consent_until", "동의만료일", "the last day of the consent; empty: until it is withdrawn"),
    ("consent_scopes", "동의범위", "position, sos, search, separated by ; (empty: position;sos)"),
    ("devices", "기기", "phone, watch, tag, tracker or button, several separated by ;"),
)
_WORDS: Final[Mapping[str, str]] = {name: words for name, _, words in COLUMNS}
_NAMES: Final[Mapping[str, str]] = {korean: name for name, korean, _ in COLUMNS} | {name: name for name in _WORDS}
_NEEDED = ("ref", "name", "born", "kind")


class Problem(msgspec.Struct, frozen=True):
    """Why a row is refused: the line of the file, the column, what is wrong there, and what to do."""

    line: int
    ref: str
    column: str
    wrong: str
    do: str


class Entry(msgspec.Struct, frozen=True):
    """What a row asks for. The person's guardians are linked, and the consent is given, when it is written."""

    line: int
    ref: str
    person: Person
    guardians: tuple[Guardian, ...]
    consent: Consent | None
    devices: tuple[DeviceKind, ...]


def parse(sheet: Sheet, name: str, zone: tzinfo) -> tuple[list[Entry], list[Problem]]:
    """Every row is one or the other. `zone` is where days of consent begin and end. ConfigError for wrong columns."""
    ours = _columns(sheet, name)
    entries: list[Entry] = []
    problems: list[Problem] = []
    seen: dict[str, int] = {}
    for row in sheet.rows:
        reader = _Reader(row, {ours[column]: value for column, value in row.cells.items()}, zone)
        entry = reader.entry()
        if (first := seen.setdefault(reader.ref, row.line)) != row.line and reader.ref:
            reader.wrong("ref", f"'{reader.ref}' stands in line {first} already", "give each person a ref of their own")
        if reader.problems or entry is None:
            problems += reader.problems
        else:
            entries.append(entry)
    return entries, problems


def _columns(sheet: Sheet, name: str) -> dict[str, str]:
    unknown = [column for column in sheet.columns if column and column not in _NAMES]
    if unknown:
        raise ConfigError(
            f"{name}, line 1: the column {', '.join(unknown)} is unknown. There are {', '.join(_WORDS)} "
            "(docs/registry.md)."
        )
    ours = {column: _NAMES[column] for column in sheet.columns if column}
    missing = [column for column in _NEEDED if column not in ours.values()]
    if missing:
        raise ConfigError(f"{name}, line 1: the column {', '.join(missing)} is missing (docs/registry.md).")
    return ours


class _Reader:
    """One row, and what was found wrong with it so far."""

    def __init__(self, row: Row, cells: dict[str, str], zone: tzinfo) -> None:
        self._row = row
        self._cells = cells
        self._zone = zone
        self.ref = cells.get("ref", "")
        self.problems: list[Problem] = []

    def wrong(self, column: str, what: str, do: str = "") -> None:
        self.problems.append(Problem(self._row.line, self.ref, column, what, do or f"write {_WORDS[column]}"))

    def entry(self) -> Entry | None:
        if self._row.too_many:
            last = list(self._cells)[-1] if self._cells else "ref"
            self.wrong(last, "the row has more cells than there are columns", "put a cell that holds a comma in quotes")
        for column in _NEEDED:
            if column not in self._cells:
                self.wrong(column, "it is empty")
        guardians = self._guardians()
        consent = self._consent()
        devices = self._devices()
        person = self._person()
        if self.problems or person is None:
            return None
        return Entry(self._row.line, self.ref, person, guardians, consent, devices)

    def _person(self) -> Person | None:
        kind = self._cells.get("kind", "")
        born = self._day("born") if "born" in self._cells else None
        if born is None or "name" not in self._cells or not kind:
            return None
        fields = {"name": self._cells["name"], "born": born, "kind": _KINDS.get(kind, kind.lower())}
        return self._checked(lambda: PersonBody.model_validate(fields).value(), str)

    def _guardians(self) -> tuple[Guardian, ...]:
        found: list[Guardian] = []
        for n in range(1, GUARDIANS + 1):
            parts = {part: self._cells.get(f"guardian{n}_{part}") for part in ("name", "phone", "webhook", "language")}
            if not any(parts.values()):
                continue
            if parts["name"] is None:
                self.wrong(f"guardian{n}_name", "it is empty, but other cells of this guardian are not")
                continue
            fields = {"name": parts["name"], "phone": _dialled(parts["phone"]), "webhook_url": parts["webhook"]}
            fields |= {"language": parts["language"]} if parts["language"] else {}
            column = {"webhook_url": "webhook"}
            body = self._checked(
                lambda fields=fields: GuardianBody.model_validate(fields).value(),  # type: ignore[misc]  # bound now
                lambda field, n=n, column=column: f"guardian{n}_{column.get(field, field)}",  # type: ignore[misc]  # the same
            )
            if body is not None:
                found.append(body)
        return tuple(found)

    def _consent(self) -> Consent | None:
        given = [column for column in self._cells if column.startswith("consent_")]
        if not given:
            return None
        for column in ("consent_by", "consent_from"):
            if column not in self._cells:
                self.wrong(column, f"it is empty, but {given[0]} is not")
        start = self._day("consent_from") if "consent_from" in self._cells else None
        end = self._day("consent_until") if "consent_until" in self._cells else None
        if start is None or "consent_by" not in self._cells or ("consent_until" in self._cells and end is None):
            return None
        fields = {
            "given_by": self._cells["consent_by"],
            "given_at": datetime.combine(start, time(), self._zone),
            "expires_at": None if end is None else datetime.combine(end, time(23, 59, 59), self._zone),
            "scopes": _SPLIT.split(self._cells.get("consent_scopes", "position;sos").lower()),
        }
        columns = {"given_by": "consent_by", "given_at": "consent_from", "body": "consent_until"}
        return self._checked(
            lambda: ConsentBody.model_validate(fields).value(), lambda field: columns.get(field, "consent_scopes")
        )

    def _devices(self) -> tuple[DeviceKind, ...]:
        kinds = [kind for kind in _SPLIT.split(self._cells.get("devices", "").lower()) if kind]
        found = [
            self._checked(
                lambda kind=kind: DeviceBody.model_validate({"person_id": "-", "kind": kind}).value(),  # type: ignore[misc]  # bound now
                lambda _: "devices",
            )
            for kind in kinds
        ]
        return tuple(device.kind for device in found if device is not None)

    def _day(self, column: str) -> date | None:
        digits = _DAY.fullmatch(self._cells[column].replace(" ", ""))
        try:
            if digits:
                return date(*(int(part) for part in digits.groups() if part is not None))
        except ValueError:  # such as the 30th of February
            pass
        self.wrong(column, f"'{self._cells[column]}' is no day")
        return None

    def _checked(self, make: Callable[[], T], column_of: Callable[[str], str]) -> T | None:
        """What a body of the API makes of it; its complaints become problems of columns."""
        try:
            return make()
        except ValidationError as error:
            for one in error.errors():
                column = column_of(str(one["loc"][0]) if one["loc"] else "body")
                self.wrong(column, one["msg"].removeprefix("Value error, "))
            return None


def _dialled(phone: str | None) -> str | None:
    return f"0{phone}" if phone is not None and _ZERO_LOST.fullmatch(phone) else phone
