"""The real servers: asked, refused, killed, started again."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from urllib.parse import urlsplit

import asyncpg
import psutil
import pytest
import redis
import redis.asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from haechi.config import KafkaSettings
from haechi.embedded import NAMES, EmbeddedServers, ServerFailed, lock_folder, process
from haechi.errors import ConfigError
from haechi.streaming.connection import connect

HOLDER = """
import asyncio, json, pathlib, sys
from haechi.embedded import EmbeddedServers
async def main():
    servers = EmbeddedServers(pathlib.Path(sys.argv[1]))
    await servers.start()
    pids = [server.child.pid for server in servers.servers.values()]
    print(json.dumps({"urls": servers.urls, "pids": pids}), flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


def kafka_options(url):
    return connect(KafkaSettings(url=url)).options()


async def write(urls):
    admin = AIOKafkaAdminClient(**kafka_options(urls["kafka"]))
    await admin.start()
    await admin.create_topics([NewTopic("kept", 1, 1)])
    await admin.close()
    producer = AIOKafkaProducer(**kafka_options(urls["kafka"]), acks="all")
    await producer.start()
    for number in range(100):
        await producer.send("kept", b"%d" % number)
    await producer.flush()
    await producer.stop()
    connection = await asyncpg.connect(urls["postgres"])
    await connection.execute("CREATE TABLE kept (number int)")
    for number in range(100):
        await connection.execute("INSERT INTO kept VALUES ($1)", number)
    await connection.close()
    async with redis.asyncio.from_url(urls["valkey"]) as client:
        for number in range(100):
            await client.rpush("kept", number)
        # While a slow disk takes a second's fsync, the server answers first and writes to its file later.
        assert await client.waitaof(1, 0, 0) == [1, 0]


async def read(urls):
    consumer = AIOKafkaConsumer("kept", **kafka_options(urls["kafka"]), auto_offset_reset="earliest")
    await consumer.start()
    messages = [int((await consumer.getone()).value) for _ in range(100)]
    await consumer.stop()
    connection = await asyncpg.connect(urls["postgres"])
    rows = [row[0] for row in await connection.fetch("SELECT number FROM kept ORDER BY number")]
    await connection.close()
    async with redis.asyncio.from_url(urls["valkey"]) as client:
        keys = [int(number) for number in await client.lrange("kept", 0, -1)]
    return messages, rows, keys


@pytest.mark.servers
async def test_after_kill_9_of_their_parent_nothing_runs_and_the_next_start_has_everything(tmp_path):
    with holder(tmp_path) as parent:
        told = json.loads(await asyncio.to_thread(parent.stdout.readline))
        family = [child for pid in told["pids"] for child in _with_children(pid)]
        assert len(told["pids"]) == len(NAMES)
        await write(told["urls"])
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        _, alive = await asyncio.to_thread(psutil.wait_procs, family, timeout=20)
        assert [child for child in alive if child.status() != psutil.STATUS_ZOMBIE] == []
    async with EmbeddedServers(tmp_path) as servers:
        assert servers.urls == told["urls"]
        messages, rows, keys = await read(servers.urls)
    assert messages == rows == keys == list(range(100))


@contextmanager
def holder(data):
    """A process that starts the servers, tells about them in one line, and is killed in any case."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(data)], stdout=subprocess.PIPE) as parent:
        try:
            yield parent
        finally:
            parent.kill()


def _with_children(pid):
    server = psutil.Process(pid)
    return [server, *server.children(recursive=True)]


@pytest.mark.servers
async def test_a_server_that_was_killed_starts_again_where_it_was(tmp_path):
    async with EmbeddedServers(tmp_path, only=["postgres"]) as servers:
        postgres = servers.servers["postgres"]
        url = postgres.url
        os.kill(postgres.child.pid, signal.SIGKILL)
        while postgres.alive():
            await asyncio.sleep(0.01)
        (tmp_path / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n")  # its number is a stranger's by now
        await postgres.start()
        assert postgres.alive()
        assert postgres.url == url
        connection = await asyncpg.connect(url)
        await connection.close()


@pytest.mark.servers
async def test_postgres_is_utf8_durable_has_vectors_and_is_not_root(postgres_database):
    connection = await asyncpg.connect(postgres_database)
    try:
        await connection.execute("CREATE EXTENSION vector")
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
        assert await connection.fetchval("SHOW fsync") == "on"
        assert await connection.fetchval("SELECT lower('ÄÖ') = 'äö'")
        assert await connection.fetchval("SHOW timezone") == "UTC"
        pid = await connection.fetchval("SELECT pg_backend_pid()")
        assert psutil.Process(pid).uids().effective != 0
    finally:
        await connection.close()


@pytest.mark.servers
async def test_postgres_refuses_a_wrong_password(postgres_url):
    parts = urlsplit(postgres_url)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(parts._replace(netloc=f"haechi:wrong@127.0.0.1:{parts.port}").geturl())


@pytest.mark.servers
def test_valkey_refuses_who_has_no_password(valkey_url):
    with redis.Redis(port=urlsplit(valkey_url).port) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


@pytest.mark.servers
async def test_kafka_refuses_a_wrong_password(kafka_url):
    admin = AIOKafkaAdminClient(**kafka_options(kafka_url) | {"sasl_plain_password": "wrong"})
    try:
        with pytest.raises(KafkaError):
            await admin.start()
    finally:
        await admin.close()


@pytest.mark.servers
async def test_the_mqtt_broker_refuses_a_wrong_password(mqtt_url):
    from haechi.embedded.mqtt import CONNACK_ACCEPTED, connect_packet

    parts = urlsplit(mqtt_url)
    answers = []
    for password in (parts.password, "wrong"):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(connect_packet(f"test-{password}", "haechi", password))
        answers.append(await reader.readexactly(4))
        writer.close()
    assert answers[0] == CONNACK_ACCEPTED
    assert answers[1][:2] == b"\x20\x02"
    assert answers[1][3] in (4, 5)  # bad user name or password, or not authorised


async def test_a_second_haechi_over_the_same_folder_is_refused_in_words(tmp_path):
    words = rf"process {os.getpid()}\) uses the data folder .*--data"
    with lock_folder(tmp_path), pytest.raises(ConfigError, match=words):
        await EmbeddedServers(tmp_path, only=["valkey"]).start()
    with lock_folder(tmp_path):
        pass


def test_a_data_folder_that_cannot_be_made_is_said_in_words(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"data folder .*file/data cannot be written.*--data"):
        lock_folder(tmp_path / "file" / "data")


@pytest.mark.servers
async def test_when_one_server_fails_the_others_are_stopped_and_the_folder_is_free(tmp_path, monkeypatch):
    (tmp_path / "valkey").mkdir(parents=True)
    (tmp_path / "valkey" / "appendonlydir").write_text("not a folder")
    servers = EmbeddedServers(tmp_path, only=["valkey", "mqtt"])
    with pytest.raises(ServerFailed, match=r"valkey: ended with exit code"):
        await servers.start()
    assert not any(server.alive() for server in servers.servers.values())
    lock_folder(tmp_path).close()


def test_every_symptom_has_its_remedy():
    assert all(symptom == symptom.lower() and fix.endswith(".") for symptom, fix in process.FIXES.items())
