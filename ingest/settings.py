"""The settings of ingest, read from the environment."""

from collections.abc import Collection
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict

from store.partition import ALL, parse_partitions, partitions_label
from store.settings import Settings


class BrokerSettings(Settings):
    """Where the broker is, and what this worker takes from it."""

    broker_host: str = Field(default="localhost", description="Name or address of the MQTT broker.")
    broker_port: int = Field(default=1883, ge=1, le=65535, description="Its port; 8883 is usual with TLS.")
    broker_username: str | None = Field(default=None, description="What ingest connects with; it may read homes/#.")
    broker_password: str | None = Field(default=None, repr=False, description="The password to it.")
    broker_tls_ca: Path | None = Field(
        default=None, description="Certificate authorities of the broker (PEM); set it to use TLS."
    )
    broker_client_id: str = Field(
        default="telecare-ingest",
        min_length=1,
        description="What the client ids of ingest begin with; a worker that has only some of the partitions adds "
        "them. Fixed, and secret where the broker cannot bind it to a credential, because whoever uses it takes over "
        "the session.",
    )
    broker_redelivery_seconds: float = Field(
        default=6.0,
        ge=0,
        le=60,
        description="How long after a reconnect the broker may need to deliver again what was not answered: ingest "
        "waits as long, to keep each home's events in order. 0 if it does so at once (Mosquitto, RabbitMQ).",
    )
    partitions: str = Field(
        default="00-63", description="Which partitions this worker takes, for example 00-15 or 0,2,4."
    )

    @field_validator("partitions")
    @classmethod
    def _partitions_can_be_read(cls, text: str) -> str:
        parse_partitions(text)
        return text

    def with_partitions(self, partitions: Collection[int]) -> Self:
        """The same for a worker that has these."""
        return self.model_copy(update={"partitions": partitions_label(partitions)})

    @property
    def own_partitions(self) -> frozenset[int]:
        """Which partitions this worker takes."""
        return parse_partitions(self.partitions)

    @property
    def client_id(self) -> str:
        """The client id of this worker: it follows from its partitions, so that its session can be continued by
        whoever takes them, on whichever machine.
        """
        own = self.own_partitions
        return self.broker_client_id if own >= ALL else f"{self.broker_client_id}-{partitions_label(own)}"


class IntakeSettings(Settings):
    """Which times of a hub's clock are believed, and how long its numbers are remembered."""

    model_config = SettingsConfigDict(env_prefix="TELECARE_INTAKE_")

    oldest_days: float = Field(default=400.0, gt=0, description="Readings older than this many days are rejected.")
    ahead_minutes: float = Field(
        default=5.0, ge=0, description="Readings further in the future than this many minutes are rejected."
    )
    keep_boots_days: float = Field(
        default=60.0,
        ge=1,
        description="How long the numbers of a hub's boot are remembered after it was last heard; longer than any hub "
        "is away with readings that it still holds.",
    )
