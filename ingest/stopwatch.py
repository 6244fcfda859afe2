"""Where the time of ingest goes, by stage: a few clock readings a batch. `telecare bench ingest` prints it."""

import time
from collections import defaultdict


class Stopwatch:
    """Real seconds by stage since it was made. Not for several threads."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._since = time.monotonic()

    def lap(self, stage: str) -> None:
        """What passed since the last call was this stage."""
        now = time.monotonic()
        self.seconds[stage] += now - self._since
        self._since = now

    @property
    def words(self) -> str:
        """The stages in the order they first came: `waiting 10.2, reading 1.5`."""
        return ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in self.seconds.items())
