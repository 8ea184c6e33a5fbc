"""The peer: a Faust agent as the tutorial writes it, with the same zones and the same decision per position."""

import asyncio
import os
import sys
import time

import faust
import shapely

from analytics.positions.safe_zones import Rule
from benchmarks.positions import PLANE, zones
from haechi.config import KafkaSettings
from haechi.streaming import connect
from haechi.streaming.app import make_app


def main(url: str, prefix: str, expected: int) -> None:
    """Consume until all has been seen; one event a message, a Table for what is known of a person."""
    import numpy as np

    connection = connect(KafkaSettings(url=url, prefix=prefix))
    app = make_app(connection, "naive")
    app.conf.key_serializer, app.conf.value_serializer = "raw", "json"
    topic = app.topic(connection.name("positions"), value_serializer="json", key_serializer="raw", partitions=8)
    inside = app.Table("inside", default=dict, partitions=8, value_type=dict, key_type=str)
    shapes = {zone.person_id: PLANE.shape(zone.area) for zone in zones()}
    rule = Rule()
    seen, began = 0, 0.0

    @app.agent(topic)  # type: ignore[untyped-decorator]  # faust has no types
    async def consume(stream: faust.Stream[dict[str, float | str]]) -> None:
        nonlocal seen, began
        async for position in stream:
            if seen == 0:
                began = time.process_time()
            seen += 1
            person = str(position["person"])
            known = dict(inside[person] or {"outside": 0, "alerted": False, "at": -1})
            x, y = PLANE.to_metres(np.array([position["lon"]]), np.array([position["lat"]]))
            distance = shapes[person].distance(shapely.Point(x[0], y[0]))
            if float(position["at"]) > known["at"]:
                known["at"] = position["at"]
                known["outside"] = known["outside"] + 1 if distance - 8 > rule.buffer_m else 0
                known["alerted"] = known["outside"] >= rule.confirmations
                inside[person] = known
            if seen == expected:
                sys.stdout.write(f'{{"cpu_s": {time.process_time() - began}}}\n')
                sys.stdout.flush()
                os._exit(0)

    async def whole() -> None:
        await app.start()
        await app.wait()

    asyncio.run(whole())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
