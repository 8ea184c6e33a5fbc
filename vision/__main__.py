"""`python -m vision`, the same as `haechi run vision`: wires the constructors."""

import asyncio
from typing import TYPE_CHECKING

import structlog

from haechi import topics
from haechi.clock import utc_now
from haechi.config import Settings
from haechi.process import Component, Main, component, run_beside
from haechi.store.evidence import Evidence, EvidenceRows, open_evidence
from haechi.store.postgres import open_pool
from haechi.streaming import Producer, StreamMetrics, Worker, connect, tick_for_ever
from vision.detectors.choose import choose, load
from vision.no_model import say_no_model

if TYPE_CHECKING:
    from vision.detectors.detector import Detector
    from vision.looking import Looking

log = structlog.get_logger(__name__)


async def main(settings: Settings) -> None:
    """Until SIGTERM. Without a model the cameras are told to be without one, and nothing else happens."""
    async with component("vision", settings) as it:
        choice = choose(settings.vision.model, settings.data)
        it.notes["model"] = choice.notice
        log.info("vision.model", path=str(choice.path or ""), notice=choice.notice)
        connection, metrics = connect(settings.kafka), StreamMetrics(it.registry)
        worker = Worker(it.name, connection, it.sealer, metrics, slot=it.slot, start="latest")
        producer = Producer(connection, f"{it.name}.ticks")
        rows, evidence = EvidenceRows(await open_pool(settings.postgres)), open_evidence(settings)
        if choice.path is None:
            say_no_model(worker, it.live, choice.notice, utc_now)
        else:
            import cv2

            from vision.agents import consume_frames

            cv2.setNumThreads(1)
            detector = await asyncio.to_thread(load, choice.path, settings.data)
            consume_frames(worker, make_looking(it, detector, evidence, rows))
        await run_beside(worker.run(), tick_for_ever(producer, topics.SIGHTINGS, it.name))
        await producer.stop()


def make_looking(it: Component, detector: "Detector", evidence: Evidence, rows: EvidenceRows) -> "Looking":
    """Everything that a batch of frames passes."""
    from vision.looking import Looking
    from vision.tracking import Trackers

    trackers = Trackers(it.settings.vision.confidence)
    return Looking(detector, trackers, evidence, rows, utc_now, it.registry)


PROCESSES: dict[str, Main] = {"vision": main}

if __name__ == "__main__":
    from haechi.cli import run_room

    run_room("vision", PROCESSES)
