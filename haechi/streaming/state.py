"""What a stateful consumer keeps: one block per logical shard, held together per partition."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

Message_contra = TypeVar("Message_contra", contravariant=True)
Output_co = TypeVar("Output_co", covariant=True)


class PartlyApplied(Exception):  # noqa: N818 - a state of affairs, as in "the message was partly applied"
    """Some of a state's independent parts could not apply a message, the others did; the state goes on.

    `outputs` are the others', and are sent; the message is filed as a dead letter with `reason`. Re-applying it raises
    this again.
    """

    def __init__(self, outputs: Sequence[Any], reason: str) -> None:
        super().__init__(reason)
        self.outputs = outputs
        self.reason = reason


class PartitionState(Protocol[Message_contra, Output_co]):
    """The state of all shards of one partition, so that a message that spans shards is applied in one vectorised go.

    A message of `positions` or `readings` holds rows of many shards. Each shard's block carries the last offset that
    it has applied; a replay skips only the rows of shards that have already seen the offset, because a checkpoint that
    was cut short has written some blocks and not others.
    """

    def load(self, shard: int, block: bytes) -> None:
        """Take back a block written by an earlier checkpoint; called before the first `apply`, once per known shard."""

    def apply(self, offset: int, message: Message_contra) -> Sequence[Output_co]:
        """Apply what the shards have not seen yet of the message at `offset`; pure but for this state.

        Re-applying an offset after a replay gives the outputs with the same ids again. Raises PartlyApplied where
        independent parts share the state and one of them failed.
        """

    def changed(self) -> Iterable[tuple[int, bytes]]:
        """(shard, block) for every shard changed since the last call, the applied offset inside the block."""


@runtime_checkable
class AppliesMany(Protocol[Message_contra, Output_co]):
    """A PartitionState that takes several messages in one step, where that costs less than one after the other."""

    def apply_all(self, messages: Sequence[tuple[int, Message_contra]]) -> Sequence[Output_co]:
        """The outputs and the state that `apply` of each (offset, message) in turn would have given.

        An exception, PartlyApplied too, leaves the state in doubt: it is rebuilt, and each message applied alone.
        """
