"""Stand-ins for Kafka and PostgreSQL that are away, slow or there, as a test says."""

from dataclasses import dataclass, field

from haechi.errors import TransientError
from haechi.streaming import Record
from tests.ingest.waiting import until


@dataclass
class FakeKafka:
    """Takes records while `up`; while `hangs`, answers nobody."""

    up: bool = True
    hangs: bool = False
    records: list[Record] = field(default_factory=list)
    tried: int = 0

    async def send(self, *records: Record) -> None:
        self.tried += 1
        await until(lambda: not self.hangs)
        if not self.up:
            raise TransientError("Kafka is away")
        self.records += records

    @property
    def values(self) -> list[bytes]:
        return [record.value for record in self.records]


@dataclass
class FakeInbox:
    """Takes calls while `up`."""

    up: bool = True
    hangs: bool = False
    calls: dict[str, bytes] = field(default_factory=dict)

    async def put(self, call_id: str, data: bytes) -> None:
        await until(lambda: not self.hangs)
        if not self.up:
            raise TransientError("PostgreSQL is away")
        self.calls[call_id] = data
