"""One ordered road: a partition of a topic."""

from typing import NamedTuple

from haechi.topics import Topic


class Lane(NamedTuple):
    """A topic's name (without prefix) and one of its partitions."""

    topic: str
    partition: int


def lanes_of(topic: Topic) -> tuple[Lane, ...]:
    """All lanes of a topic, by partition."""
    return tuple(Lane(topic.name, partition) for partition in range(topic.partitions))
