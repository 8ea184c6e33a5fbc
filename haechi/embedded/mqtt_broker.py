"""The process of the embedded MQTT broker: `python -P mqtt_broker.py HOST PORT PASSWORD_FILE`.

It imports nothing of ours, so that it is there quickly.
"""

import asyncio
import logging
import signal
import sys


async def serve(host: str, port: int, passwords: str) -> None:
    """Broker until SIGTERM. Every authenticated user may publish and subscribe everywhere."""
    from amqtt.broker import Broker

    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{host}:{port}"}},
            "timeout_disconnect_delay": 2,
            "plugins": {"amqtt.plugins.authentication.FileAuthPlugin": {"password_file": passwords}},
        }
    )
    asked_to_stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked_to_stop.set)
    await broker.start()
    await asked_to_stop.wait()
    await broker.shutdown()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
