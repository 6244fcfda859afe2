"""Payloads that real devices sent, as collected beside the project; skipped where that collection is not."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.dialects import zigbee2mqtt
from ingest.told import How, TimeLimits, Told
from ingest.wire import Dialect, Topic, home_topic, parse_topic
from store.clock import make_clock
from store.home import SensorKind, partition_of

COLLECTION = Path(__file__).parents[3] / "shared" / "data" / "mqtt" / "zigbee2mqtt_payloads.json"
KINDS = {
    "motion": SensorKind.MOTION,
    "contact": SensorKind.DOOR,
    "vibration": SensorKind.VIBRATION,
    "plug": SensorKind.APPLIANCE,
}
# What each sample must become, in the order of the file: the value and how it counts, or nothing.
EXPECTED: list[tuple[float, How] | None] = [
    (0.0, How.STATE),  # false without a true before it: no event, because nothing changed
    (1.0, How.STATE),
    (1.0, How.STATE),
    (1.0, How.STATE),
    (0.0, How.STATE),
    (0.0, How.STATE),  # contact true is closed
    (0.0, How.STATE),  # contact under another name
    (1.0, How.PULSE),
    (1.0, How.PULSE),  # the same action on its own topic
    None,  # strength without an action
    (0.0, How.STATE),  # switched off
    (71.0, How.WATTS),
    (0.0, How.WATTS),
    None,  # child_lock
    None,  # energy
    None,
    None,
]


def samples() -> list[dict[str, Any]]:
    if not COLLECTION.exists():
        return []
    found: list[dict[str, Any]] = json.loads(COLLECTION.read_text())["samples"]
    return found


pytestmark = pytest.mark.skipif(not COLLECTION.exists(), reason="the collection of payloads is not here")


def heard(sample: dict[str, Any]) -> Told:
    """The sample, published below a home's own topic."""
    rest = sample["topic"].partition("/")[2]
    topic = parse_topic(home_topic(partition_of("K7"), "K7", Dialect.ZIGBEE2MQTT, rest))
    assert isinstance(topic, Topic)
    device = rest.partition("/")[0]
    return zigbee2mqtt.read(
        topic.rest,
        sample["payload"].encode(),
        is_retained=False,
        sensors={device: KINDS[sample["kind"]]} if sample["kind"] in KINDS else {},
        received_at=make_clock().now(),
        limits=TimeLimits(oldest=timedelta(days=36_500)),
    )


def test_every_sample_is_understood() -> None:
    for sample, expected in zip(samples(), EXPECTED, strict=True):
        found = heard(sample)
        assert found.rejected == [], sample["source"]
        assert [(it.value, it.how) for it in found.readings] == ([expected] if expected else []), sample["source"]
        assert found.check_ins, sample["source"]


def test_the_bridges_own_samples_say_that_it_is_online() -> None:
    states = [str(heard(sample).check_ins[0].state) for sample in samples() if sample["kind"] == "bridge"]
    assert states == ["online", "online"]
