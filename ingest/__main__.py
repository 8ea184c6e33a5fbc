"""`python -m ingest NAME`, the same as `haechi run ingest.NAME`: the doors for devices, sensors and cameras."""

from haechi.config import Settings
from haechi.process import Main
from ingest.gateway import process as gateway


async def _mqtt(settings: Settings) -> None:
    from ingest.mqtt.process import run

    await run(settings)


async def _cameras(settings: Settings) -> None:
    from ingest.cameras.process import run  # brings PyAV and OpenCV, which the other doors do without

    await run(settings)


PROCESSES: dict[str, Main] = {
    "ingest.gateway": gateway.run,
    "ingest.mqtt": _mqtt,
    "ingest.cameras": _cameras,
}

if __name__ == "__main__":
    from haechi.cli import run_room

    run_room("ingest", PROCESSES)
