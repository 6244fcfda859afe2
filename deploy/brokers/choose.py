"""The broker the settings name."""

from collections.abc import Callable

from deploy.brokers.contract import BrokerControl
from deploy.brokers.embedded import Embedded
from deploy.brokers.mosquitto import Mosquitto
from deploy.brokers.rabbitmq import RabbitMQ
from deploy.brokers.settings import BrokerControlSettings, BrokerKind
from deploy.local_stack.credentials import Credential
from deploy.local_stack.handshake import accepts
from ingest.settings import BrokerSettings


def _as_ingest_connects(broker: BrokerSettings) -> Callable[[Credential], bool]:
    return lambda credential: accepts(broker.broker_host, broker.broker_port, credential, ca=broker.broker_tls_ca)


def broker_control(settings: BrokerControlSettings) -> BrokerControl:
    """How this site's broker is told of credentials."""
    match settings.broker_kind:
        case BrokerKind.EMBEDDED:
            return Embedded(settings.broker_embedded_data)
        case BrokerKind.MOSQUITTO:
            return Mosquitto(
                passwords=settings.broker_mosquitto_passwords,
                services=settings.broker_mosquitto_services,
                pid_file=settings.broker_mosquitto_pid_file,
                accepts=_as_ingest_connects(BrokerSettings()),
            )
        case BrokerKind.RABBITMQ:
            return RabbitMQ(
                url=settings.broker_rabbitmq_url,
                username=settings.broker_rabbitmq_username,
                password=settings.broker_rabbitmq_password.get_secret_value(),
                cache_seconds=settings.broker_rabbitmq_cache_seconds,
            )
