"""What the positions of one partition mean: one table of devices, and the watches that look at it.

To add a watch: a file with a class that has the methods of `Watch`, and a line in `analytics/agents.py`, `watches`.
"""

from analytics.positions.columns import Columns
from analytics.positions.devices import Devices
from analytics.positions.doors import Doors, DoorSeen
from analytics.positions.metrics import PositionMetrics
from analytics.positions.state import PositionState
from analytics.positions.watch import Heard, Moment, Watch

__all__ = ["Columns", "Devices", "DoorSeen", "Doors", "Heard", "Moment", "PositionMetrics", "PositionState", "Watch"]
