"""Sightings against the rules over the zones of the cameras of one partition."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from analytics.keyed_blocks import KeyedBlocks
from analytics.rules.contract import AnyCameraRule
from haechi.domain.alerting import Alert
from haechi.domain.time import Tick
from haechi.domain.video import Camera, CameraState, Sightings

_BEFORE_THERE_WERE_SEVERAL = "trespass"  # whose memory a block is that names no rule


class CameraZoneState:
    """`haechi.streaming.state.PartitionState`; `camera_of` looks up the registry. Each rule has a memory of its own, by
    camera and zone."""

    def __init__(self, rules: Sequence[AnyCameraRule], camera_of: Callable[[str], Camera | None]) -> None:
        self._rules = rules
        self._camera_of = camera_of
        self._memories: dict[str, KeyedBlocks[Any]] = {
            rule.name: KeyedBlocks(type(rule.empty), rule.empty) for rule in rules
        }
        self._decoder = msgspec.msgpack.Decoder(dict[str, bytes])

    def apply(self, offset: int, message: Sightings | CameraState | Tick) -> Sequence[Alert]:
        """Alerts of what the camera's shard has not applied yet; time alone ends what is over."""
        if isinstance(message, Tick):
            return self._elapse(offset, message)
        camera = None if isinstance(message, CameraState) else self._camera_of(message.camera)
        if isinstance(message, CameraState) or camera is None:
            return ()
        alerts: list[Alert] = []
        for rule in self._rules:
            memory = self._memories[rule.name]
            if not memory.fresh(camera.id, offset):
                continue
            for zone in camera.zones:
                if zone.kind == rule.zone_kind:
                    remembered, said = rule.step(memory.get(camera.id, zone.id), camera, zone, message)
                    memory.put(camera.id, zone.id, remembered)
                    alerts.extend(said)
            memory.applied(camera.id, offset)
        return alerts

    def _elapse(self, offset: int, tick: Tick) -> list[Alert]:
        alerts: list[Alert] = []
        for rule in self._rules:
            memory = self._memories[rule.name]
            for camera_id, zone_id, remembered in memory.items():
                camera = self._camera_of(camera_id)
                zone = next((z for z in camera.zones if z.id == zone_id), None) if camera else None
                if camera is None or zone is None or not memory.fresh(camera_id, offset):
                    continue
                now, said = rule.elapse(remembered, camera, zone, tick.at)
                memory.put(camera_id, zone_id, now)
                alerts.extend(said)
        return alerts

    def load(self, shard: int, block: bytes) -> None:
        """Take back a shard's block; what a rule remembered that is no more is left."""
        try:
            parts = self._decoder.decode(block)
        except msgspec.ValidationError:
            parts = {_BEFORE_THERE_WERE_SEVERAL: block}
        for name, part in parts.items():
            if name in self._memories:
                self._memories[name].load(shard, part)

    def changed(self) -> Iterable[tuple[int, bytes]]:
        """The blocks that changed."""
        for shard in sorted({shard for memory in self._memories.values() for shard in memory.take_dirty()}):
            yield shard, msgspec.msgpack.encode({name: memory.block(shard) for name, memory in self._memories.items()})
