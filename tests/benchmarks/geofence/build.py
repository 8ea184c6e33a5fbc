"""Fixes and zones made by hand."""

import numpy as np

from benchmarks.geofence.fixes import Fixes
from benchmarks.geofence.rules import Alerts

NONE = float("nan")


def fixes(*rows: tuple[float, ...], every_s: int = 60) -> Fixes:
    """One device; a row is metres east of the zone's middle, then accuracy (5) and speed (1)."""
    full = [(*row, *(5.0, 1.0)[len(row) - 1 :]) for row in rows]
    x, accuracy, speed = (np.array([column]) for column in zip(*full, strict=True))
    return Fixes(
        at=np.arange(len(rows), dtype=np.int32)[None] * every_s,
        x=x,
        y=np.zeros_like(x),
        accuracy=accuracy,
        speed=speed,
        arrived=~np.isnan(x),
    )


def minutes(alerts: Alerts) -> list[float]:
    """When they were raised, in minutes."""
    return (alerts.at_s / 60).tolist()
