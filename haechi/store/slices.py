"""What of the registry each process holds in memory: a class a slice, by `haechi.store.following`."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from haechi.domain.coverage import CameraSite
from haechi.domain.deliveries import Agency, AgencyRole
from haechi.domain.people import Consent, Device, Guardian, Person, Reader, Reporter, SafeZone
from haechi.domain.sensing import Sensor
from haechi.domain.video import Camera
from haechi.ids import SHARDS, shard_of
from haechi.store.following import Slice
from haechi.store.registry import (
    AGENCIES,
    CAMERA_SITES,
    CAMERAS,
    CUSTODY,
    DEVICES,
    GUARDIANS,
    PEOPLE,
    READERS,
    REPORTERS,
    SAFE_ZONES,
    SENSORS,
    Custody,
    DeviceEntry,
    Table,
)


class DevicesSlice(Slice[DeviceEntry]):
    """Devices by the id that they report under, each with its person's consent."""

    tables = (DEVICES, CUSTODY)

    def _prepare_index(self) -> None:
        self._by_serial: dict[str, str] = {}
        self._worn: list[dict[str, set[str]]] = [{} for _ in range(SHARDS)]

    def of_serial(self, serial: str) -> DeviceEntry | None:
        """The device that its maker calls so; a new one is found within the seconds in which the slice follows."""
        row_id = self._by_serial.get(serial)
        return None if row_id is None else self.get(row_id)

    def wearers(self, shard: int) -> Mapping[str, Collection[str]]:
        """The people of a logical shard who have devices, with the ids of these."""
        return self._worn[shard]

    def _index(self, table: Table[Any], row_id: str, old: Any, new: Any) -> None:
        if table is not DEVICES:
            return
        if old is not None:
            worn = self._worn[shard_of(old.person_id)]
            worn[old.person_id].discard(row_id)
            if not worn[old.person_id]:
                del worn[old.person_id]
        if new is not None:
            self._worn[shard_of(new.person_id)].setdefault(new.person_id, set()).add(row_id)
        if old is not None and self._by_serial.get(old.serial) == row_id:
            del self._by_serial[old.serial]
        if new is not None and new.serial is not None:
            self._by_serial[new.serial] = row_id

    def _beside(self, row: Device) -> Iterable[tuple[Table[Any], str]]:
        return ((CUSTODY, row.person_id),)

    def _answer(self, row: Device) -> DeviceEntry:
        custody: Custody | None = self._row("people", row.person_id)
        return DeviceEntry(row, custody.consent, custody.night_walks) if custody else DeviceEntry(row, None)


class ReadersSlice(Slice[Reader]):
    """Tag readers by the id that they report under."""

    tables = (READERS,)


class ReportersSlice(Slice[Reporter]):
    """Servers that report for devices, by their token."""

    tables = (REPORTERS,)


class CustodySlice(Slice[Custody]):
    """What each person's consent covers, for those who process positions and keep them."""

    tables = (CUSTODY,)

    def _prepare_index(self) -> None:
        self._doubtful: dict[str, Consent | None] = {}  # of whom it must be asked each time, or who refuse for good
        self._refusals = 0

    @property
    def refusals(self) -> int:
        """Another number means that somebody refuses who did not."""
        return self._refusals

    def refusing(self, persons: Iterable[str], at: datetime) -> frozenset[str]:
        """Those of them whose positions must not be processed at the instant.

        Somebody of whom the slice has not heard yet is none of them: the gateway that accepted the position has.
        """
        if not self._doubtful:
            return frozenset()
        return frozenset(person for person in persons if person in self._doubtful and self._refuses(person, at))

    def _refuses(self, person: str, at: datetime) -> bool:
        consent = self._doubtful[person]
        return consent is None or not consent.allows("position", at)

    def _index(self, _table: Table[Any], row_id: str, _old: Any, new: Any) -> None:
        consent = None if new is None else new.consent
        if consent is None or consent.paused or "position" not in consent.scopes:
            self._doubtful[row_id] = consent  # also somebody who was removed: what is under way is nobody's any more
            self._refusals += 1
        else:
            self._doubtful.pop(row_id, None)


class SafeZonesSlice(Slice[SafeZone]):
    """Safe zones by id, and by the person whom they hold."""

    tables = (SAFE_ZONES, CUSTODY)

    def _prepare_index(self) -> None:
        self._zones_of: dict[str, dict[str, SafeZone]] = {}  # by person, or by district for everyone's

    def of(self, person: str) -> tuple[SafeZone, ...]:
        """The person's own zones and those of everyone in the person's district."""
        custody: Custody | None = self._row("people", person)
        if custody is None:
            return ()
        own, everyones = self._zones_of.get(person, {}), self._zones_of.get(f"district:{custody.district}", {})
        return (*own.values(), *everyones.values())

    def district_of(self, person: str) -> str | None:
        """The person's district; None for somebody whom the slice does not know."""
        custody: Custody | None = self._row("people", person)
        return None if custody is None else custody.district

    def _index(self, table: Table[Any], row_id: str, old: Any, new: Any) -> None:
        if table is not SAFE_ZONES:
            return
        if old is not None:
            for owner in _owners(old):
                del self._zones_of[owner][row_id]
                if not self._zones_of[owner]:
                    del self._zones_of[owner]
        if new is not None:
            for owner in _owners(new):
                self._zones_of.setdefault(owner, {})[row_id] = new


def _owners(zone: SafeZone) -> tuple[str, ...]:
    return zone.people or (f"district:{zone.district}",)


class CamerasSlice(Slice[Camera]):
    """Cameras by id, their urls in the clear."""

    tables = (CAMERAS,)


class CameraSitesSlice(Slice[CameraSite]):
    """Where cameras hang and look, without their addresses."""

    tables = (CAMERA_SITES,)


class SensorsSlice(Slice[Sensor]):
    """Sensors by id."""

    tables = (SENSORS,)


class RecipientsSlice(Slice[Person]):
    """People by id, with who must be told about them."""

    tables = (PEOPLE, GUARDIANS, AGENCIES)

    def _beside(self, row: Person) -> Iterable[tuple[Table[Any], str]]:
        return ((GUARDIANS, guardian) for guardian in row.guardian_ids)

    def guardians_of(self, person: str) -> tuple[Guardian, ...]:
        """In order of call."""
        protected = self.get(person)
        found = (self._row("guardians", guardian) for guardian in (protected.guardian_ids if protected else ()))
        return tuple(guardian for guardian in found if guardian is not None)

    def name_of(self, person: str) -> str:
        """As a guardian gave it; empty for somebody whom nobody registered."""
        protected = self.get(person)
        return protected.name if protected else ""

    def agencies(self, district: str, role: AgencyRole) -> tuple[Agency, ...]:
        """By id."""
        rows = self._rows["agencies"].values()
        return tuple(
            sorted((row for row in rows if row.district == district and row.role == role), key=lambda row: row.id)
        )
