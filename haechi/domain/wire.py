"""What travels on each topic, as one table: name on the wire, present version, type."""

from haechi.codec import Wire
from haechi.domain.alerting import Alert
from haechi.domain.missed import Missed
from haechi.domain.people import PositionBatch, UrgentCall
from haechi.domain.sensing import ReadingBatch
from haechi.domain.time import Tick
from haechi.domain.video import CameraState, Frame, Sightings

URGENT = Wire("urgent-call", 1, UrgentCall)
POSITIONS = Wire("positions", 1, PositionBatch)
FRAME = Wire("frame", 1, Frame)
READINGS = Wire("readings", 1, ReadingBatch)
SIGHTINGS = Wire("sightings", 1, Sightings)
CAMERA_STATE = Wire("camera-state", 1, CameraState)
ALERT = Wire("alert", 1, Alert)
TICK = Wire("tick", 1, Tick)
MISSED = Wire("missed", 1, Missed)

WIRES = (URGENT, POSITIONS, FRAME, READINGS, SIGHTINGS, CAMERA_STATE, ALERT, TICK, MISSED)
