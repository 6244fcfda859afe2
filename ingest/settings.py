"""The settings of ingest, read from the environment."""

from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ingest.wire import parse_partitions


class BrokerSettings(BaseSettings):
    """Where the broker is, and what this worker takes from it."""

    model_config = SettingsConfigDict(env_prefix="TELECARE_")

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
        description="Client id of this worker: fixed, one for each worker, and secret where the broker cannot bind it "
        "to a credential, because whoever uses it takes over the session.",
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


class IntakeSettings(BaseSettings):
    """Which times of a hub's clock are believed."""

    model_config = SettingsConfigDict(env_prefix="TELECARE_INTAKE_")

    oldest_days: float = Field(default=400.0, gt=0, description="Readings older than this many days are rejected.")
    ahead_minutes: float = Field(
        default=5.0, ge=0, description="Readings further in the future than this many minutes are rejected."
    )
