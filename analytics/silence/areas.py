"""The areas that fell silent as a whole: formed, joined, and back. Their memory is in the columns of their devices."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analytics.positions.columns import Columns, Slots
from analytics.positions.devices import Devices
from analytics.silence.cells import EVERYWHERE, Together, cells_of, together
from analytics.silence.registered import Registered
from analytics.silence.states import GROUPED, SPEAKING
from analytics.silence.words import Action, cell_alert
from haechi.domain.alerting import Alert
from haechi.domain.time import instant_of

# The area a grouped device belongs to, when that fell silent (microseconds), and how many devices it had.
AREA = [("cell", "<i8"), ("cell_at", "<i8"), ("cell_size", "<u4")]
NO_AREA = (0, 0, 0)


class Areas:
    """Part of `Silences`, whose columns it shares: `heard`, `counts_from`, `state`, `lon`, `lat` and those of AREA."""

    def __init__(self, devices: Devices, registered: Registered, columns: Columns, rule: Together) -> None:
        self._devices = devices
        self._registered = registered
        self._columns = columns
        self._rule = rule

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
            for areas in (np.full(len(here), EVERYWHERE, dtype=np.int64), cells):
                left = np.flatnonzero(~grouped[here])
                rows = here[left]
                heard = self._rows["heard"][slots[rows]]
                found = together(areas[left], heard, overdue[rows], silent[rows], self._rule)
                for area in np.unique(areas[left][found]).tolist():
                    members = rows[found & (areas[left] == area)]
                    alerts.append(self._form(slots[members], area, now))
                    grouped[members] = True
        return grouped, alerts

    def leave(self, slots: Slots, now: int) -> list[Alert]:
        """These are grouped no longer. An area is back when half of it is; who is not is watched alone from now on."""
        self._registered.look_up(slots, now)
        sizes = {
            key: int(size) for key, size in zip(self._areas_of(slots), self._rows["cell_size"][slots], strict=True)
        }
        self._rows["state"][slots] = SPEAKING
        alerts = []
        for key in sorted(sizes):
            still = self._members(*key)
            if 2 * len(still) <= sizes[key]:
                self._rows["state"][still] = SPEAKING
                self._rows["counts_from"][still] = now
                self._devices.touch(still)
                alerts.append(self._alert("clear", still, self._district(np.r_[slots, still]), *key, now))
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
        reach = 2 * self._rule.window_s * 1_000_000
        heard = self._rows["heard"][slots]
        for cell, cell_at in sorted(set(self._areas_of(open_))):
            near = (cells == cell) | (cell == EVERYWHERE)
            more = silent & near & ~joined & (np.abs(heard - cell_at) <= reach)
            if not more.any():
                continue
            joined |= more
            members = np.r_[self._members(cell, cell_at), slots[more]]
            self._put(members, cell, cell_at)
            alerts.append(self._alert("update", members, self._district(members), cell, cell_at, now))
        return joined, alerts

    def _form(self, members: Slots, cell: int, now: int) -> Alert:
        cell_at = int(self._rows["heard"][members].min())
        self._put(members, cell, cell_at)
        return self._alert("raise", members, self._district(members), cell, cell_at, now)

    def _put(self, members: Slots, cell: int, cell_at: int) -> None:
        for name, value in (("state", GROUPED), ("cell", cell), ("cell_at", cell_at), ("cell_size", len(members))):
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

    def _alert(self, action: Action, members: Slots, district: str, cell: int, cell_at: int, now: int) -> Alert:
        people = sorted({self._devices.person(slot) for slot in members.tolist()})
        return cell_alert(action, district, cell, instant_of(cell_at), instant_of(now), people, len(members))
