"""Messages made from real ones: changed in one place or several, cut, mixed, or nothing but rubbish."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from ingest.arrival import Arrival
from ingest.wire import Dialect
from store.home import partition_of
from tests.ingest.fuzz.choices import Choices, one_of
from tests.ingest.fuzz.seeds import SENSORS, Seed, raw_payloads, seeds, words
from tests.ingest.telling import NOW

HOME = "K7"
_TOPIC_PARTS = (
    "", " ", "/", "//", "state", "status", "online", "LWT", "availability", "set", "events", "rpc", "bridge", "tele",
    "stat", "cmnd", "SENSOR", "switch:0", "input:1", "\ud800", "\x00", "ü" * 50, "x" * 300, "+", "#", "$SYS", "'", '"',
    "native", "zigbee2mqtt", "sensor", "binary_sensor", "homes", "..", "%s", "0x5FA7", "ZbReceived",
)  # fmt: skip
_CLOCKS = (timedelta(days=-20_000), timedelta(days=-399), timedelta(hours=-7), timedelta(0), timedelta(days=27_000))


def by_dialect(real: list[Seed]) -> list[list[Seed]]:
    """The seeds of each dialect together, so that none is rare."""
    return [[seed for seed in real if seed.dialect is dialect] for dialect in Dialect]


@dataclass(slots=True, kw_only=True)
class Messages:
    """Makes messages, one for each set of choices."""

    seeds: list[list[Seed]] = field(default_factory=lambda: by_dialect(seeds()))
    words: list[Any] = field(default_factory=words)
    raw: list[bytes] = field(default_factory=raw_payloads)
    codes: list[str] = field(default_factory=lambda: list(SENSORS))

    def message(self, choices: Choices, index: int) -> Arrival:
        """The message that these choices make; `index` moves the clock on."""
        seed = one_of(choices, one_of(choices, self.seeds))
        return Arrival(
            topic=self._topic(choices, seed),
            payload=self._payload(choices, seed),
            is_retained=choices.below(8) == 0,
            is_repeated=choices.below(8) == 0,
            received_at=NOW + timedelta(milliseconds=index),
            mid=choices.below(65_536),
        )

    def _topic(self, choices: Choices, seed: Seed) -> str:
        rest, dialect, partition, home = seed.rest, str(seed.dialect), f"{partition_of(HOME):02d}", HOME
        match choices.below(32):
            case 0:
                partition = one_of(choices, ["64", "-1", "7", "٠٧", "00", "063", ""])
            case 1:
                home = one_of(choices, ["Z9", "", "_K7", "K7\x00", "k7", "x" * 33])
            case 2:
                dialect = one_of(choices, [*Dialect, "", "knx", "\ud800"])
            case 3 | 4 | 5:
                rest = one_of(choices, self.codes)
            case 6 | 7 | 8 | 9:
                rest = self._changed_rest(choices, rest)
            case 10:
                return choices.some_bytes(60).decode("utf-8", "surrogateescape")
            case _:
                pass
        return f"homes/{partition}/{home}/{dialect}/{rest}"

    def _changed_rest(self, choices: Choices, rest: str) -> str:
        parts = rest.split("/")
        at = choices.below(len(parts))
        match choices.below(4):
            case 0:
                parts[at] = one_of(choices, _TOPIC_PARTS)
            case 1:
                parts.insert(at, one_of(choices, _TOPIC_PARTS))
            case 2:
                del parts[at]
            case _:
                parts[at] = choices.some_bytes(12).decode("utf-8", "replace")
        return "/".join(parts)

    def _payload(self, choices: Choices, seed: Seed) -> bytes:
        match choices.below(16):
            case 0:
                return seed.payload
            case 1:
                return one_of(choices, self.raw)
            case 2:
                return choices.some_bytes(80)
            case 3:
                return self._damaged(choices, seed.payload)
            case 4:
                return one_of(choices, one_of(choices, self.seeds)).payload
            case _:
                return self._changed(choices, seed.payload)

    def _damaged(self, choices: Choices, payload: bytes) -> bytes:
        at = choices.below(len(payload) + 1)
        match choices.below(3):
            case 0:
                return payload[:at]
            case 1:
                return payload[:at] + choices.some_bytes(4) + payload[at + 1 :]
            case _:
                return payload[at:] + payload[:at]

    def _changed(self, choices: Choices, payload: bytes) -> bytes:
        """The JSON with one to three of its values put in the place of others."""
        try:
            value = json.loads(payload)
        except ValueError:
            value = payload.decode("utf-8", "replace")
        for _ in range(1 + choices.below(3)):
            value = self._changed_value(choices, value)
        text = json.dumps(value, ensure_ascii=choices.below(2) == 0)
        return text.encode("utf-8", "surrogatepass")

    def _changed_value(self, choices: Choices, value: Any) -> Any:
        if isinstance(value, dict) and value and choices.below(6):
            key = one_of(choices, list(value))
            match choices.below(8):
                case 0:
                    return {name: it for name, it in value.items() if name != key}
                case 1:
                    return {**value, str(one_of(choices, self.words)): value[key]}
                case _:
                    return {**value, key: self._changed_value(choices, value[key])}
        if isinstance(value, list) and value and choices.below(6):
            at = choices.below(len(value))
            return [*value[:at], self._changed_value(choices, value[at]), *value[at + 1 :]]
        match choices.below(8):
            case 0:
                return (NOW + one_of(choices, _CLOCKS)).isoformat()
            case 1:
                return (NOW + one_of(choices, _CLOCKS)).timestamp() * one_of(choices, [1, 1_000])
            case 2:
                return [value] * (1 + choices.below(4))
            case 3:
                return choices.below(40) - 5  # a sequence number that was there before
            case _:
                return one_of(choices, self.words)
