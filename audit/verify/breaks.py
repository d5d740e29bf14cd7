"""What verification says of a place where the record cannot be trusted."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

# Told now and then how many events were read so far.
Progress = Callable[[int], None]

CHECKPOINTS = "checkpoints"  # stands for a stream where a checkpoint itself is broken


class Kind(StrEnum):
    CHANGED = "changed"
    MISSING = "missing"
    INSERTED = "inserted"
    TRUNCATED = "truncated"
    REORDERED = "reordered"


@dataclass(frozen=True)
class Break:
    """The first place in one stream; of `CHECKPOINTS`, `seq` is the number of a checkpoint."""

    stream: str
    seq: int
    kind: Kind
    sentence: str
