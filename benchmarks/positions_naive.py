"""The peer: a Faust agent as the tutorial writes it, with the same zones and the same decision per position."""

import asyncio
import os
import sys
import time
from datetime import UTC, datetime

import faust
import numpy as np
import shapely

from analytics.positions.safe_zones import Rule
from benchmarks.positions_people import PERSONS, PLANE, reports, zones_of
from haechi.config import KafkaSettings
from haechi.domain.schedule import holds
from haechi.streaming import connect
from haechi.streaming.app import make_app

ACCURACY_M = 8


def main(url: str, prefix: str, expected: int) -> None:
    """Consume until all has been seen; one event a message, a Table for what is known of a person."""
    connection = connect(KafkaSettings(url=url, prefix=prefix))
    app = make_app(connection, "naive")
    app.conf.key_serializer, app.conf.value_serializer = "raw", "json"
    topic = app.topic(connection.name("positions"), value_serializer="json", key_serializer="raw", partitions=8)
    inside = app.Table("inside", default=dict, partitions=8, value_type=dict, key_type=str)
    theirs = {
        PERSONS[who]: [(zone.kind == "safe", zone.schedule, PLANE.shape(zone.area)) for zone in zones_of(who)]
        for who in set(reports(expected).who.tolist())
    }
    rule = Rule()
    seen, began = 0, 0.0

    @app.agent(topic)  # type: ignore[untyped-decorator]  # faust has no types
    async def consume(stream: faust.Stream[dict[str, float | str]]) -> None:
        nonlocal seen, began
        async for position in stream:
            if seen == 0:
                began = time.process_time()
            seen += 1
            person, at = str(position["person"]), float(position["at"])
            known = dict(inside[person] or {"outside": 0, "left": False, "trespasses": False, "at": -1})
            x, y = PLANE.to_metres(np.array([position["lon"]]), np.array([position["lat"]]))
            moment, place = datetime.fromtimestamp(at / 1e6, UTC), shapely.Point(x[0], y[0])
            if at > known["at"]:
                active = [(safe, shape) for safe, schedule, shape in theirs[person] if holds(schedule, moment)]
                far = [(safe, shape.distance(place) - ACCURACY_M) for safe, shape in active]
                known["at"] = at
                known["outside"] = known["outside"] + 1 if all(m > rule.buffer_m for safe, m in far if safe) else 0
                known["left"] = known["outside"] >= rule.confirmations
                known["trespasses"] = any(m <= 0 for safe, m in far if not safe)
                inside[person] = known
            if seen == expected:
                cpu_s = time.process_time() - began
                sys.stdout.write(f'{{"positions": {expected}, "cpu_s": {cpu_s}}}\n')
                sys.stdout.flush()
                os._exit(0)

    async def whole() -> None:
        await app.start()
        await app.wait()

    asyncio.run(whole())


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
