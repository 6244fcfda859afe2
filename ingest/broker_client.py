"""A paho client made of the settings: who we are to the broker, and how we reach it. Nothing is connected here."""

import ssl

from paho.mqtt.client import MQTTv311
from paho.mqtt.enums import CallbackAPIVersion

from ingest.lean_client import LeanClient
from ingest.settings import BrokerSettings

CONNECT_SECONDS = 5.0  # TCP and TLS together take less, or there is nobody


def new_client(settings: BrokerSettings, *, clean_session: bool = False) -> LeanClient:
    """A client of this worker that answers messages only when told to and never reconnects by itself.

    With `clean_session` the broker forgets the worker's session as soon as it connects.
    """
    client = LeanClient(
        CallbackAPIVersion.VERSION2,
        client_id=settings.client_id,
        clean_session=clean_session,
        protocol=MQTTv311,
        manual_ack=True,
        reconnect_on_failure=False,
    )
    if settings.broker_username is not None:
        client.username_pw_set(settings.broker_username, settings.broker_password)
    if settings.broker_tls_ca is not None:
        client.tls_set_context(ssl.create_default_context(cafile=str(settings.broker_tls_ca)))
    client.connect_timeout = CONNECT_SECONDS
    return client
