"""Fans the world out: each audience's panels are made once, whoever of it looks on, and only when they differ."""

import asyncio
from collections.abc import Callable, Sequence

import msgspec
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from control_room.live import messages
from control_room.live.feed import Away
from control_room.live.sources import LiveReader
from control_room.live.view import Audience, View
from control_room.live.world import World
from control_room.panels import AnyPanel
from haechi.clock import Clock
from haechi.domain.incidents import Incident
from haechi.errors import TransientError

TICK_S = 0.15
BEAT_S = 1.0
PICTURES_S = 0.2

_log = structlog.get_logger(__name__)


class Watcher:
    """One socket's outbox: the newest message of each type and the newest picture of each camera, never a queue."""

    def __init__(self, audience: Audience) -> None:
        self.audience = audience
        self.cameras: frozenset[str] = frozenset()
        self.shown: dict[str, float] = {}
        self._text: dict[str, bytes] = {}
        self._pictures: dict[str, bytes] = {}
        self._something = asyncio.Event()

    def put(self, kind: str, data: bytes) -> None:
        self._text.pop(kind, None)
        self._text[kind] = data
        self._something.set()

    def put_picture(self, camera: str, data: bytes) -> None:
        self._pictures[camera] = data
        self._something.set()

    async def take(self) -> tuple[list[bytes], list[bytes]]:
        """Texts and pictures that wait, at least one."""
        await self._something.wait()
        self._something.clear()
        texts, pictures = list(self._text.values()), list(self._pictures.values())
        self._text.clear()
        self._pictures.clear()
        return texts, pictures


class _Stage:
    """What an audience was last sent."""

    def __init__(self) -> None:
        self.seq = 0
        self.revision: tuple[int, ...] = ()
        self.in_sight: tuple[Incident, ...] = ()
        self.models: dict[str, msgspec.Struct] = {}
        self.encoded: dict[str, bytes] = {}


class Hub:
    """Sockets join and leave; `run` keeps them present."""

    def __init__(
        self,
        world: World,
        panels: Sequence[AnyPanel],
        live: LiveReader,
        away: Callable[[], tuple[Away, ...]],
        clock: Clock,
        metrics: CollectorRegistry,
    ) -> None:
        self._world = world
        self._panels = panels
        self._live = live
        self._away = away
        self._clock = clock
        self._watchers: set[Watcher] = set()
        self._stages: dict[Audience, _Stage] = {}
        self._sockets = Gauge("wall_sockets", "Browsers that look on.", registry=metrics)
        self._failed = Counter("wall_panel_failures", "A panel that could not be made.", ["panel"], registry=metrics)
        self.dropped = Counter("wall_sockets_dropped", "Browsers too slow to keep up.", registry=metrics)

    def join(self, audience: Audience) -> Watcher:
        """A new socket; its outbox already holds the whole present."""
        watcher = Watcher(audience)
        self._watchers.add(watcher)
        self._sockets.set(len(self._watchers))
        self._refresh(audience)
        for kind, data in self._stages[audience].encoded.items():
            watcher.put(kind, data)
        watcher.put("beat", self._beat())
        return watcher

    def in_sight(self, watcher: Watcher) -> tuple[Incident, ...]:
        """Of what the socket was last sent, the incidents that show where a person is."""
        return self._stages[watcher.audience].in_sight

    def leave(self, watcher: Watcher) -> None:
        self._watchers.discard(watcher)
        self._sockets.set(len(self._watchers))
        if all(other.audience != watcher.audience for other in self._watchers):
            self._stages.pop(watcher.audience, None)

    def look_at(self, watcher: Watcher, cameras: Sequence[str]) -> None:
        """The pictures that a socket wants, of those that it may see."""
        view = self._world.view(watcher.audience, self._clock())
        theirs = {camera.id for camera in view.cameras if camera.district in watcher.audience.places}
        watcher.cameras = frozenset(cameras) & theirs
        watcher.shown = {camera: watcher.shown.get(camera, 0.0) for camera in watcher.cameras}

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._every(TICK_S, self._tick))
            tasks.create_task(self._every(BEAT_S, self._beat_all))
            tasks.create_task(self._send_pictures())

    async def _every(self, seconds: float, work: Callable[[], None]) -> None:
        while True:
            work()
            await asyncio.sleep(seconds)

    def _tick(self) -> None:
        for audience in list(self._stages):
            for kind in self._refresh(audience):
                for watcher in self._of(audience):
                    watcher.put(kind, self._stages[audience].encoded[kind])

    def _refresh(self, audience: Audience) -> list[str]:
        stage = self._stages.setdefault(audience, _Stage())
        revision = self._world.revision
        if revision == stage.revision:
            return []
        stage.revision = revision
        view = self._world.view(audience, self._clock())
        stage.in_sight = tuple(
            one for one in view.incidents if one.subject in view.people and (one.point or one.id in view.trails)
        )
        changed = []
        for panel in self._panels:
            try:
                if self._repaint(stage, panel, view):
                    changed.append(panel.name)
            except Exception:  # noqa: BLE001 - one panel's defect must not take the queue from everyone
                self._failed.labels(panel.name).inc()
                _log.exception("a panel failed", panel=panel.name)
        return changed

    def _repaint(self, stage: _Stage, panel: AnyPanel, view: View) -> bool:
        model = panel.query(view)
        if stage.models.get(panel.name) == model:
            return False
        encoded = (
            messages.encode_component(panel.name, stage.seq + 1, panel.render(model))
            if panel.live == "render"
            else messages.encode_model(panel.name, stage.seq + 1, model)
        )
        stage.seq += 1
        stage.models[panel.name] = model
        stage.encoded[panel.name] = encoded
        return True

    def _of(self, audience: Audience) -> list[Watcher]:
        return [watcher for watcher in self._watchers if watcher.audience == audience]

    def _beat(self) -> bytes:
        return messages.encode(messages.Beat(self._clock(), self._away()))

    def _beat_all(self) -> None:
        beat = self._beat()
        for watcher in self._watchers:
            watcher.put("beat", beat)

    async def _send_pictures(self) -> None:
        while True:
            await asyncio.sleep(PICTURES_S)
            wanted = {camera for watcher in self._watchers for camera in watcher.cameras}
            for camera in sorted(wanted):
                try:
                    thumbnail = await self._live.thumbnail(camera)
                except TransientError:  # the feed says it; the tiles grow old by themselves
                    break
                if thumbnail is None:
                    continue
                taken = thumbnail.captured_at.timestamp()
                picture = messages.encode_picture(camera, thumbnail.captured_at, thumbnail.jpeg)
                for watcher in list(self._watchers):
                    if camera in watcher.cameras and watcher.shown.get(camera, 0.0) < taken:
                        watcher.shown[camera] = taken
                        watcher.put_picture(camera, picture)
