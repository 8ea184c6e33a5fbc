"""The peer: Quix Streams with its state, and a simpler job: is each person inside the circle of their home, or outside?

In its favour: the distance is plain arithmetic, the state is written only when it changes, and its checkpoints are every 5 s
(its default; ours are every 2 s). Its state is kept as its documentation has it, in RocksDB with a changelog topic.
"""

import math
import sys
import tempfile
import time

from quixstreams import Application, State
from quixstreams.kafka import ConnectionConfig

from benchmarks.positions_people import CENTRE, HOME_M, HOME_X, HOME_Y, PERSONS
from haechi.config import KafkaSettings
from haechi.domain.geo import METRES_PER_DEGREE
from haechi.streaming import connect


def main(url: str, prefix: str, expected: int) -> None:
    """Consume until all has been seen and checkpointed."""
    connection = connect(KafkaSettings(url=url, prefix=prefix))
    homes = dict(zip(PERSONS, zip(HOME_X.tolist(), HOME_Y.tolist(), strict=True), strict=True))
    east = METRES_PER_DEGREE * math.cos(math.radians(CENTRE.lat))
    began = 0.0

    def decide(position: dict[str, float | str], state: State[str, bool]) -> None:
        nonlocal began
        began = began or time.process_time()
        x, y = homes[str(position["person"])]
        far_x = (float(position["lon"]) - CENTRE.lon) * east - x
        far_y = (float(position["lat"]) - CENTRE.lat) * METRES_PER_DEGREE - y
        inside = math.hypot(far_x, far_y) <= HOME_M
        if state.get("inside") != inside:
            state.set("inside", inside)

    with tempfile.TemporaryDirectory() as folder:
        app = Application(
            broker_address=ConnectionConfig(
                bootstrap_servers=",".join(connection.servers),
                security_protocol="sasl_plaintext",
                sasl_mechanism=connection.mechanism,
                sasl_username=connection.username,
                sasl_password=connection.password,
            ),
            consumer_group="quix",
            auto_offset_reset="earliest",
            state_dir=folder,
            loglevel="WARNING",
        )
        frame = app.dataframe(
            app.topic(connection.name("positions"), value_deserializer="json", key_deserializer="str")
        )
        frame.update(decide, stateful=True)
        app.run(count=expected, collect=False)
        cpu_s = time.process_time() - began
    sys.stdout.write(f'{{"positions": {expected}, "cpu_s": {cpu_s}}}\n')


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
