"""The areas that fell silent as a whole: formed, joined, and back. Their memory is in the columns of their devices."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.positions.columns import Columns, Slots
from analytics.positions.devices import Devices
from analytics.silence.cells import EVERYWHERE, Together, cells_of, together
from analytics.silence.elsewhere import Elsewhere
from analytics.silence.registered import Registered
from analytics.silence.states import GROUPED, SPEAKING
from analytics.silence.words import Action, cell_alert
from haechi.domain.alerting import Alert
from haechi.domain.time import instant_of

# The area a grouped device belongs to, when that fell silent (microseconds), and how many devices it had, those of other
# partitions counted. A device that speaks again keeps it until the area is back: so it is known that it is not yet.
AREA = [("cell", "<i8"), ("cell_at", "<i8"), ("cell_size", "<u4")]
NO_AREA = (0, 0, 0)


class Areas:
    """Part of `Silences`, whose columns it shares: `heard`, `counts_from`, `state`, `lon`, `lat` and those of AREA."""

    def __init__(
        self, devices: Devices, registered: Registered, columns: Columns, rule: Together, elsewhere: Elsewhere
    ) -> None:
        self._devices = devices
        self._registered = registered
        self._columns = columns
        self._rule = rule
        self._elsewhere = elsewhere

    @property
    def _rows(self) -> NDArray[Any]:
        return self._columns.rows

    def gather(
        self, slots: Slots, overdue: NDArray[np.bool_], silent: NDArray[np.bool_], now: int
    ) -> tuple[NDArray[np.bool_], list[Alert]]:
        """(n,) which of the watched devices are grouped now, and what is to be told of it. `slots` speak so far."""
        grouped = np.zeros(len(slots), dtype=bool)
        alerts: list[Alert] = []
        district = self._registered.district_of(slots)
        for one in np.unique(district[silent]).tolist():
            here = np.flatnonzero(district == one)
            cells = cells_of(self._rows["lon"][slots[here]], self._rows["lat"][slots[here]])
            joined, told = self._join(slots[here], cells, silent[here], now)
            grouped[here[joined]] = True
            alerts += told
            beside = self._elsewhere.beside(self._district(slots[here]))
            more = len(beside.cells)
            for areas in (np.full(len(here), EVERYWHERE, dtype=np.int64), cells):
                left = np.flatnonzero(~grouped[here])
                rows = here[left]
                area = np.r_[areas[left], beside.areas(everywhere=areas is not cells)]
                heard = np.r_[self._rows["heard"][slots[rows]], beside.heard]
                found = together(
                    area,
                    heard,
                    np.r_[overdue[rows], np.ones(more, dtype=bool)],
                    np.r_[silent[rows], np.zeros(more, dtype=bool)],
                    self._rule,
                    beside.others,
                )
                for one_area in np.unique(area[found]).tolist():
                    whole = found & (area == one_area)
                    members = rows[whole[: len(rows)]]
                    alerts.append(self._form(slots[members], one_area, heard[whole], now))
                    grouped[members] = True
        return grouped, alerts

    def leave(self, slots: Slots, now: int) -> list[Alert]:
        """These are grouped no longer."""
        self._registered.look_up(slots, now)
        self._rows["state"][slots] = SPEAKING
        self._devices.touch(slots)
        return self.back(now, set(self._areas_of(slots)))

    def back(self, now: int, areas: set[tuple[int, int]] | None = None) -> list[Alert]:
        """An area is back when half of it is, here and elsewhere; who is not is watched alone from now on."""
        told = np.flatnonzero((self._rows["cell_size"] > 0) & self._devices.used)
        alerts = []
        for cell, cell_at in sorted(set(self._areas_of(told)) if areas is None else areas):
            here = told[(self._rows["cell"][told] == cell) & (self._rows["cell_at"][told] == cell_at)]
            if not len(here):
                continue
            still = here[self._rows["state"][here] == GROUPED]
            district = self._district(here)
            size = int(self._rows["cell_size"][here].max())
            if size > len(here) and not self._elsewhere.settled(now):
                continue
            beside = self._elsewhere.beside(district).near(cell, cell_at, self._reach)
            if 2 * (len(still) + beside) > size:
                continue
            self._rows["state"][still] = SPEAKING
            self._rows["counts_from"][still] = now
            for name, nothing in zip(("cell", "cell_at", "cell_size"), NO_AREA, strict=True):
                self._rows[name][here] = nothing
            self._devices.touch(here)
            alerts.append(self._alert("clear", still, district, cell, cell_at, now))
        return alerts

    def _join(
        self, slots: Slots, cells: NDArray[np.int64], silent: NDArray[np.bool_], now: int
    ) -> tuple[NDArray[np.bool_], list[Alert]]:
        """Who fell silent with an area that is told already, but is noticed later."""
        joined = np.zeros(len(slots), dtype=bool)
        alerts: list[Alert] = []
        open_ = np.flatnonzero(self._devices.used & (self._rows["state"] == GROUPED))
        if not len(open_):
            return joined, alerts
        open_ = open_[self._registered.district_of(open_) == self._registered.district_of(slots[:1])]
        heard = self._rows["heard"][slots]
        for cell, cell_at in sorted(set(self._areas_of(open_))):
            near = (cells == cell) | (cell == EVERYWHERE)
            more = silent & near & ~joined & (np.abs(heard - cell_at) <= self._reach)
            if not more.any():
                continue
            joined |= more
            members = np.r_[self._members(cell, cell_at), slots[more]]
            size = int(self._rows["cell_size"][members].max())
            self._put(members, cell, cell_at, max(size, len(members)))
            alerts.append(self._alert("update", members, self._district(members), cell, cell_at, now))
        return joined, alerts

    @property
    def _reach(self) -> int:
        return 2 * self._rule.window_s * 1_000_000

    def _form(self, members: Slots, cell: int, heard: NDArray[np.int64], now: int) -> Alert:
        """`heard` is of all who fell silent, wherever."""
        cell_at = int(heard.min())
        self._put(members, cell, cell_at, len(heard))
        return self._alert("raise", members, self._district(members), cell, cell_at, now, len(heard))

    def _put(self, members: Slots, cell: int, cell_at: int, size: int) -> None:
        for name, value in (("state", GROUPED), ("cell", cell), ("cell_at", cell_at), ("cell_size", size)):
            self._rows[name][members] = value
        self._devices.touch(members)

    def _areas_of(self, slots: Slots) -> list[tuple[int, int]]:
        return list(zip(self._rows["cell"][slots].tolist(), self._rows["cell_at"][slots].tolist(), strict=True))

    def _district(self, slots: Slots) -> str:
        """Theirs, as far as one of them is still registered."""
        return next((name for slot in slots.tolist() if (name := self._registered.district(slot))), "")

    def _members(self, cell: int, cell_at: int) -> Slots:
        rows = self._rows
        here = (rows["state"] == GROUPED) & (rows["cell"] == cell) & (rows["cell_at"] == cell_at)
        return np.flatnonzero(here & self._devices.used)

    def _alert(
        self, action: Action, members: Slots, district: str, cell: int, cell_at: int, now: int, size: int | None = None
    ) -> Alert:
        people = sorted({self._devices.person(slot) for slot in members.tolist()})
        since, at, partition = instant_of(cell_at), instant_of(now), self._elsewhere.partition
        return cell_alert(action, district, cell, since, at, people, size or len(members), partition)
