"""What a consumer group has acknowledged: whoever takes over tells nothing of it again."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from haechi.streaming import Connection
from haechi.topics import Topic


async def until_acknowledged(connection: Connection, group: str, topic: Topic) -> None:
    """Waits until the group has acknowledged all that lies in the topic now."""
    ends = await ends_of(connection, topic)
    admin = AIOKafkaAdminClient(**connection.options())
    await admin.start()
    try:
        while not await _committed(admin, connection.name(group), ends):
            await asyncio.sleep(0.1)
    finally:
        await admin.close()


async def ends_of(connection: Connection, topic: Topic) -> dict[TopicPartition, int]:
    """The end of each partition that holds something."""
    consumer = AIOKafkaConsumer(**connection.options())
    await consumer.start()
    try:
        places = [TopicPartition(connection.name(topic.name), number) for number in range(topic.partitions)]
        ends: dict[TopicPartition, int] = await consumer.end_offsets(places)
        return {place: end for place, end in ends.items() if end}
    finally:
        await consumer.stop()


async def _committed(admin: AIOKafkaAdminClient, group: str, ends: dict[TopicPartition, int]) -> bool:
    try:
        offsets = await admin.list_consumer_group_offsets(group)
    except GroupCoordinatorNotAvailableError:  # nobody has ever joined one
        return False
    return all(place in offsets and offsets[place].offset >= end for place, end in ends.items())
