"""Where a generated message gets its decisions from: a seeded generator, or the bytes that a fuzzing engine tries."""

import random
from collections.abc import Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Choices(Protocol):
    """A source of decisions."""

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` - 1."""
        ...

    def some_bytes(self, most: int) -> bytes:
        """Up to `most` bytes."""
        ...


class Seeded:
    """The same decisions for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` - 1."""
        return int(self._random.random() * limit)

    def some_bytes(self, most: int) -> bytes:
        """Up to `most` bytes."""
        return self._random.randbytes(self.below(most + 1))


class FromBytes:
    """Decisions read off the bytes that a fuzzing engine tries; 0 when they are used up."""

    def __init__(self, tried: bytes) -> None:
        self._tried = tried
        self._at = 0

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` - 1."""
        width = 1 if limit <= 256 else 2 if limit <= 65_536 else 4
        return int.from_bytes(self.take(width)) % limit

    def some_bytes(self, most: int) -> bytes:
        """Up to `most` bytes."""
        return self.take(self.below(most + 1))

    def take(self, count: int) -> bytes:
        """The next bytes, fewer at the end."""
        found = self._tried[self._at : self._at + count]
        self._at += count
        return found


def one_of(choices: Choices, options: Sequence[T]) -> T:
    """One of these."""
    return options[choices.below(len(options))]
