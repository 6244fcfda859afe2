"""A paho subscriber that only counts: the yardstick for ingest. A process of its own; a persistent session of its own.

`--open` makes the session and ends. Otherwise it takes as many messages as it was told to and prints its figures as
one JSON object. Paho as everybody uses it: its own loop, its own automatic answers.
"""

import argparse
import json
import time

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

PATIENCE_SECONDS = 60.0


def main() -> None:
    """Open the session, or count what waits in it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--username")
    parser.add_argument("--password")
    parser.add_argument("--open", action="store_true")
    parser.add_argument("--messages", type=int, default=0)
    arguments = parser.parse_args()
    client = Client(CallbackAPIVersion.VERSION2, client_id="bench-counter", clean_session=False)
    if arguments.username:
        client.username_pw_set(arguments.username, arguments.password)
    counted = 0
    first_at = last_at = 0.0

    def on_message(_: Client, __: object, message: MQTTMessage) -> None:
        nonlocal counted, first_at, last_at
        counted += 1
        last_at = time.monotonic()
        first_at = first_at or last_at
        if counted >= arguments.messages:
            client.disconnect()

    client.on_message = on_message
    client.on_connect = lambda client, *_: client.subscribe("homes/#", 1)
    if arguments.open:
        client.on_subscribe = lambda client, *_: client.disconnect()
    client.connect(arguments.host, arguments.port, keepalive=int(PATIENCE_SECONDS))
    client.loop_forever()
    print(json.dumps({"counted": counted, "seconds": last_at - first_at, "cpu_seconds": time.process_time()}))


if __name__ == "__main__":
    main()
