"""Which broker is told of credentials, and how it is reached for that. Read by `telecare home` only."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr

from store.settings import Settings


class BrokerKind(StrEnum):
    """The brokers that are tested."""

    EMBEDDED = "embedded"  # NATS, of `telecare demo`
    MOSQUITTO = "mosquitto"  # one machine
    RABBITMQ = "rabbitmq"  # several


class BrokerControlSettings(Settings):
    """How `telecare home connect` and `telecare home revoke` put a credential in force."""

    broker_kind: BrokerKind = Field(default=BrokerKind.MOSQUITTO)
    broker_homes_host: str = ""  # the name homes reach the broker by; it stands in its certificate
    broker_homes_port: int = Field(default=8883, ge=1, le=65535)

    broker_embedded_data: Path | None = None  # the folder given to `telecare demo --data`

    broker_mosquitto_passwords: Path = Path("/etc/mosquitto/telecare.passwords")  # written by us, whole
    # Lines for ingest and monitoring, made with mosquitto_passwd and copied into the other file.
    broker_mosquitto_services: Path = Path("/etc/mosquitto/telecare.services")
    broker_mosquitto_pid_file: Path = Path("/run/mosquitto/mosquitto.pid")

    broker_rabbitmq_url: str = "http://localhost:15672"  # its management interface
    broker_rabbitmq_username: str = "telecare-control"
    broker_rabbitmq_password: SecretStr = SecretStr("")
    broker_rabbitmq_cache_seconds: float = Field(default=5.0, ge=0, le=600)  # as auth_cache.cache_ttl
