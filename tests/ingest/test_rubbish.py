"""A home that publishes rubbish: through a real broker into a real database."""

import contextlib
import re
from collections import Counter
from dataclasses import replace

from ingest.dialects.native import NativeReading, encode_readings
from ingest.wire import Reason, home_prefix
from store.clock import make_clock
from store.database import Conn, Pool
from store.home import partition_of
from tests.conftest import TestBroker
from tests.ingest.fuzz.choices import Seeded
from tests.ingest.fuzz.intake import Intake
from tests.ingest.fuzz.messages import HOME, Messages
from tests.ingest.fuzz.seeds import SENSORS
from tests.ingest.homes import make_home, native, rows
from tests.ingest.wires import SHORT, Wire, broker_settings, running, subscriber_of, wait_until

COUNT = 3_000
PUBLISHABLE = re.compile(r"[\w:'$-]+(/[\w:'$-]+)+")  # the embedded broker closes the connection on other topics


def test_thousands_of_rubbish_messages_are_all_accounted_for_and_ingest_goes_on(
    broker: TestBroker, pool: Pool, conn: Conn
) -> None:
    clock = make_clock()
    home = make_home(conn, SENSORS, now=clock.now())
    pretended = home_prefix(partition_of(HOME), HOME)
    with contextlib.ExitStack() as stack:
        settings = broker_settings(broker.host, broker.port, broker.credentials())
        subscriber = stack.enter_context(contextlib.closing(subscriber_of(settings, home, clock=clock)))
        assert subscriber.take(wait=SHORT) == []
        assert wait_until(lambda: subscriber.is_connected)
        assert subscriber.take(wait=SHORT) == []
        thread = stack.enter_context(running(subscriber, pool, clock))
        wire = Wire(broker.host, broker.port, broker.credentials(home.code), home)
        stack.enter_context(contextlib.closing(wire))

        choices, messages, expected, published = Seeded(3), Messages(), Intake(), 0
        while published < COUNT:
            made = replace(messages.message(choices, 0), is_retained=False, is_repeated=False)
            if not made.topic.startswith(pretended) or not PUBLISHABLE.fullmatch(made.topic):
                continue
            expected.take(replace(made, received_at=clock.now()))
            wire.publish(home_prefix(home.partition, home.code) + made.topic.removeprefix(pretended), made.payload)
            published += 1

        last = NativeReading(boot="last", seq=1, sensor="M001", value=True, at=clock.now())
        wire.publish(native(home), encode_readings([last]))
        while wire.acks.get(timeout=120).boot != "last":
            pass  # rubbish has numbers too, and is answered
        assert thread.is_alive()

    counted = Counter({reason: int(number) for reason, number in rows(
        conn, "SELECT reason, sum(rejected) FROM rejected_hour GROUP BY reason")})  # fmt: skip
    assert counted == expected.refused
    assert sum(counted.values()) > COUNT / 10
    kept = rows(conn, "SELECT reason, detail FROM rejected_message")
    assert {reason for reason, _ in kept} == set(counted)
    assert all(Reason(reason) and detail for reason, detail in kept)
