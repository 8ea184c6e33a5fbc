"""Sightings against the zones of the cameras of one partition."""

from collections.abc import Callable, Iterable, Sequence

from analytics.keyed_blocks import KeyedBlocks
from analytics.rules.trespass import Rule, Watch, elapse, step
from haechi.domain.alerting import Alert
from haechi.domain.time import Tick
from haechi.domain.video import Camera, CameraState, Sightings


class CameraZoneState:
    """`haechi.streaming.state.PartitionState`; `camera_of` looks up the registry."""

    def __init__(self, rule: Rule, camera_of: Callable[[str], Camera | None]) -> None:
        self._rule = rule
        self._camera_of = camera_of
        self._watches = KeyedBlocks(Watch, Watch())

    def apply(self, offset: int, message: Sightings | CameraState | Tick) -> Sequence[Alert]:
        """Alerts of what the camera's shard has not applied yet; time alone ends what is over."""
        if isinstance(message, Tick):
            return self._elapse(offset, message)
        if isinstance(message, CameraState) or not self._watches.fresh(message.camera, offset):
            return ()
        camera = self._camera_of(message.camera)
        if camera is None:
            return ()
        alerts: list[Alert] = []
        zones = [zone for zone in camera.zones if zone.kind == "forbidden"]
        for zone in zones:
            watch, said = step(self._watches.get(camera.id, zone.id), self._rule, camera, zone, message)
            self._watches.put(camera.id, zone.id, watch)
            alerts.extend(said)
        self._watches.applied(camera.id, offset)
        return alerts

    def _elapse(self, offset: int, tick: Tick) -> list[Alert]:
        alerts: list[Alert] = []
        for camera_id, zone_id, watch in self._watches.items():
            camera = self._camera_of(camera_id)
            zone = next((z for z in camera.zones if z.id == zone_id), None) if camera else None
            if camera is None or zone is None or watch.alerted_at is None or not self._watches.fresh(camera_id, offset):
                continue
            state, said = elapse(watch, self._rule, camera, zone, tick.at)
            self._watches.put(camera_id, zone_id, state)
            alerts.extend(said)
        return alerts

    def load(self, shard: int, block: bytes) -> None:
        """Take back a shard's block."""
        self._watches.load(shard, block)

    def changed(self) -> Iterable[tuple[int, bytes]]:
        """The blocks that changed."""
        return self._watches.changed()
