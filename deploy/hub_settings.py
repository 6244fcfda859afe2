"""What `telecare hub` has to be told in a home: its settings, ready for the hub's own environment file. Pure."""

from ingest.wire import home_prefix
from store.home import Home


def hub_settings(home: Home, *, client_id: str, secret: str, host: str, port: int, ca_file: str) -> str:
    """The TELECARE_HUB_* settings of this home, with comments that an installer understands."""
    return f"""\
# Home {home.code}: settings of `telecare hub`. Its topics are below {home_prefix(home.partition, home.code)}.
# This file holds the home's secret: whoever has it can send in this home's name. It is shown once; mode 600.
# The home file beside it says which sensors there are; it is the one given to `telecare home add`.
TELECARE_HUB_HOME_FILE=/etc/telecare-hub/{home.code}.json
TELECARE_HUB_BROKER_HOST={host}
TELECARE_HUB_BROKER_PORT={port}
TELECARE_HUB_BROKER_TLS_CA={ca_file}
TELECARE_HUB_USERNAME={home.code}
TELECARE_HUB_PASSWORD={secret}
TELECARE_HUB_CLIENT_ID={client_id}
"""
