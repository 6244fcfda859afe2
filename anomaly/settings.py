"""The settings of anomaly, read from the environment."""

from pydantic import Field, field_validator

from store.partition import parse_partitions
from store.settings import Settings


class WatchSettings(Settings):
    """Which homes this worker watches."""

    partitions: str = Field(
        default="00-63", description="Which partitions this worker takes, for example 00-15 or 0,2."
    )
    standby_partitions: str = Field(
        default="", description="Which partitions this worker of anomaly watches while their own worker is gone."
    )

    @field_validator("partitions", "standby_partitions")
    @classmethod
    def _partitions_can_be_read(cls, text: str) -> str:
        if text:
            parse_partitions(text)
        return text

    @property
    def own(self) -> frozenset[int]:
        """The partitions that are this worker's."""
        return parse_partitions(self.partitions)

    @property
    def standby(self) -> frozenset[int]:
        """Those it stands in for."""
        return (parse_partitions(self.standby_partitions) if self.standby_partitions else frozenset()) - self.own
