"""The lines with which a home's own Mosquitto passes its sensors' messages on to us. Pure: text in, text out.

What is written here was tried with Mosquitto 2.0.11 (tests/deploy/test_bridge_text.py, tests/journey/test_bridge.py).
"""

import re
from dataclasses import dataclass, field

from ingest.wire import Dialect, home_prefix

SYSTEM_CAS = "/etc/ssl/certs/ca-certificates.crt"  # Debian, Raspberry Pi OS, Alpine
QUEUED_BYTES = 64 * 1024 * 1024  # of payload: a month of a home's messages
SAVED_EVERY = 10  # changes, so that a power cut takes no more, and a memory card lasts

LOCAL_PREFIX = {Dialect.ZIGBEE2MQTT: "zigbee2mqtt", Dialect.HOMEASSISTANT: "statestream"}

AT_HOME = {
    Dialect.ZIGBEE2MQTT: (
        "Zigbee2MQTT (configuration.yaml): advanced: last_seen: ISO_8601, output: json; availability: enabled: true;",
        "health on. Without last_seen, what waited here during an outage counts as said when it arrives.",
    ),
    Dialect.SHELLY: (
        "Each Shelly (Settings, MQTT): server is this machine; switch on 'RPC status notifications over MQTT', leave",
        "'Generic status update over MQTT' off: it says the same a second time, without its time.",
    ),
    Dialect.TASMOTA: (
        "Each Tasmota device (Configure MQTT): host is this machine, a topic of its own, full topic %prefix%/%topic%/.",
        "SetOption4 0; for doors SwitchMode 1; TelePeriod 300.",
    ),
    Dialect.HOMEASSISTANT: (
        "Home Assistant (configuration.yaml): mqtt_statestream: base_topic: statestream, publish_attributes: true and",
        "include: only the sensors this home is to be known by.",
    ),
}


class CannotBridge(ValueError):
    """A value cannot stand in a Mosquitto configuration; the message says which and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """What the lines are made of."""

    home_code: str
    partition: int
    client_id: str
    secret: str = field(repr=False)
    host: str
    port: int
    ca_file: str  # on the home's machine
    dialect: Dialect
    local_prefix: str | None  # None: what this dialect usually has

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z0-9.-]+|[0-9A-Fa-f:.]+", self.host):
            raise CannotBridge(f"host {self.host!r} is neither a name nor an address")
        if not 0 < self.port < 65536:
            raise CannotBridge(f"port {self.port} is not 1 to 65535")
        if not self.ca_file.isprintable() or not self.ca_file.startswith("/"):
            raise CannotBridge(f"ca {self.ca_file!r} is not a path from the root of the home's machine")
        if self.local_prefix is not None and not re.fullmatch(r"[^\s#+\"\0]{1,200}", self.local_prefix):
            raise CannotBridge(f"local prefix {self.local_prefix!r}: no spaces, quotes, # or + in a bridge's prefix")
        if self.dialect is Dialect.NATIVE:
            raise CannotBridge("a native hub needs no bridge")


def bridge_configuration(bridge: Bridge) -> str:
    """A file for the home's `/etc/mosquitto/conf.d/`, with comments that an installer understands."""
    own = f"{home_prefix(bridge.partition, bridge.home_code)}{bridge.dialect}/"
    address = f"[{bridge.host}]" if ":" in bridge.host else bridge.host
    hints = "\n".join(f"# {line}" for line in AT_HOME[bridge.dialect])
    topics = "\n".join(topic_lines(bridge, own))
    return f"""\
# Home {bridge.home_code}: what its sensors say is passed on to Telecare. For the home's own Mosquitto, 2.0 or newer.
#
# This file holds the home's secret: whoever has it can send in this home's name. It is shown once.
# 1. Save it on the home's machine as /etc/mosquitto/conf.d/telecare.conf and keep it from others:
#      sudo chown root:mosquitto /etc/mosquitto/conf.d/telecare.conf
#      sudo chmod 640 /etc/mosquitto/conf.d/telecare.conf
# 2. sudo systemctl restart mosquitto
# 3. The home's equipment page shows the hub as online within a minute.
#
{hints}

# --- What waits here while the line is down ---------------------------------------------------------------------
# Kept on disk (persistence_location stands in Debian's own mosquitto.conf; elsewhere add it), and not only the usual
# 1,000 messages. Written after every {SAVED_EVERY} changes: a power cut takes no more than those.
persistence true
autosave_on_changes true
autosave_interval {SAVED_EVERY}
max_queued_messages 0
max_queued_bytes {QUEUED_BYTES}
# Most devices publish at QoS 0, which would not be kept for us.
upgrade_outgoing_qos true

# --- The bridge -------------------------------------------------------------------------------------------------
connection telecare-{bridge.home_code}
address {address}:{bridge.port}
# The certificate authorities that Telecare's broker is checked against; Mosquitto 2 speaks TLS 1.2 or newer.
bridge_cafile {bridge.ca_file}
bridge_insecure false
bridge_protocol_version mqttv311
try_private false
bridge_attempt_unsubscribe false
remote_clientid {bridge.client_id}
remote_username {bridge.home_code}
remote_password {bridge.secret}
# What could not be sent stays in the queue, also over a restart.
cleansession false
keepalive_interval 30
# Tries again after 5 to 60 seconds, each home at another moment.
restart_timeout 5 60
# Telecare notices when the line is down: 1 when we connect, 0 as the last will.
notifications true
notification_topic {own}bridge/state
# Telecare's broker keeps no retained messages of homes; ingest has a session of its own.
bridge_outgoing_retain false
{topics}
"""


def topic_lines(bridge: Bridge, own: str) -> list[str]:
    """Which local topics become which of ours; `own` is the home's topic with its dialect, last slash included."""
    prefix = bridge.local_prefix.strip("/") if bridge.local_prefix is not None else LOCAL_PREFIX.get(bridge.dialect)
    if bridge.dialect is Dialect.TASMOTA:
        local = f"{prefix}/" if prefix else '""'
        return [f"topic {kind}/# out 1 {local} {own}" for kind in ("tele", "stat")]
    if bridge.dialect is Dialect.SHELLY and not prefix:
        # A Shelly's topics begin with its own name, and a bridge cannot ask for "everything beginning with shelly".
        return [f'topic {pattern} out 1 "" {own}' for pattern in ("+/events/rpc", "+/online")]
    lines = [f"topic # out 1 {prefix}/ {own}"]
    if bridge.dialect is Dialect.HOMEASSISTANT:
        lines.append(f"topic status out 1 homeassistant/ {own}")  # Home Assistant's own birth and last will
    return lines
