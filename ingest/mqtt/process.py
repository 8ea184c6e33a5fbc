"""The process `ingest.mqtt`: one session at the broker, kept by it while we are away."""

from haechi.config import Settings
from haechi.errors import ConfigError
from haechi.process import component, run_beside, until_stopped
from haechi.store.postgres import open_pool
from ingest.door import Door
from ingest.mqtt.bridge import Bridge
from ingest.mqtt.receiver import APP, TOPICS, Receiver
from ingest.mqtt.unread import Unread

# Brokers hand out few messages at a time (Mosquitto 20) and wait for their acknowledgements: long batches would starve.
_BATCH_S = 0.01


async def run(settings: Settings) -> None:
    """Receive until SIGTERM or SIGINT. One per broker: the session is this process's own."""
    if settings.mqtt.url is None:
        raise ConfigError("mqtt.url: no MQTT broker is configured; start the embedded one with `haechi up`.")
    url = settings.mqtt.url.get_secret_value()
    bridge = Bridge(url, f"haechi-ingest-{settings.kafka.prefix}{settings.district}", TOPICS)
    async with component(APP, settings) as it:
        pool = await open_pool(settings.postgres)
        door = Door(it, pool, batch_s=_BATCH_S, limit=None)
        receiver = Receiver(
            bridge,
            door.intake,
            door.dead_letters.deliver,
            Unread(APP, settings.district, door.desk.deliver),
            it.sealer,
            door.metrics,
            payload_bytes=settings.gateway.body_bytes,
        )
        try:
            await run_beside(until_stopped(), *door.work(), _receive(door, receiver))
        finally:
            await bridge.close()
            await door.close()
            pool.terminate()


async def _receive(door: Door, receiver: Receiver) -> None:
    """Messages wait in the broker until we know whose they are."""
    await door.loaded.wait()
    await receiver.run()
