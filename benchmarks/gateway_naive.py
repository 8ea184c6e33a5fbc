"""The peer of `benchmarks.gateway`: FastAPI, pydantic, one acknowledged message a request. `KAFKA_URL PORT`."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated

import uvicorn
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, Query
from pydantic import BaseModel, Field, SecretStr

from haechi.config import KafkaSettings
from haechi.streaming import Connection, connect


class Report(BaseModel):
    """OsmAnd's query."""

    id: str
    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)
    timestamp: datetime
    speed: float | None = None
    bearing: float | None = None
    altitude: float | None = None
    accuracy: float | None = None
    batt: float | None = Field(None, ge=0, le=100)


def make_app(connection: Connection) -> FastAPI:
    """The naive gateway."""
    producers: list[AIOKafkaProducer] = []

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        producer = AIOKafkaProducer(acks="all", enable_idempotence=True, **connection.options())
        await producer.start()
        producers.append(producer)
        yield
        await producer.stop()

    app = FastAPI(lifespan=lifespan)

    @app.get("/")
    async def report(report: Annotated[Report, Query()]) -> None:
        await producers[0].send_and_wait("positions", report.model_dump_json().encode(), key=report.id.encode())

    return app


if __name__ == "__main__":
    uvicorn.run(
        make_app(connect(KafkaSettings(url=SecretStr(sys.argv[1])))),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        log_level="error",
        access_log=False,
        loop="uvloop",
        http="httptools",
    )
