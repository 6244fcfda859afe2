"""How the sensors behind a hub are: what of it is worth telling the service, and when. Pure but for what it remembers.

The radio's devices say their battery and link quality with every message. The service needs to know each a few times a
day, soon when it changes. Nothing of this is on disk: a hub that is started anew hears it all again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ingest.dialects.bridged import MAX_PARTS
from ingest.dialects.native_sensors import NativeSensors, OfferWord, SensorWord
from ingest.told import Offer, SensorNews, better_offer

TELL_EVERY = timedelta(minutes=30)  # of a sensor that was heard: the service looks at the radio link by the hour
LINK_STEP = 20  # of 255; a link goes up and down by half of it without anybody moving anything
OFFER_EVERY = timedelta(hours=24)  # again: the service may have been put back meanwhile


@dataclass(slots=True, kw_only=True)
class SensorConditions:
    """What the devices said last, and what of it the service was told."""

    _now: dict[str, SensorWord] = field(default_factory=dict)
    _told: dict[str, tuple[datetime, SensorWord]] = field(default_factory=dict)
    _offers: dict[str, Offer] = field(default_factory=dict)
    _offered: dict[str, tuple[datetime, Offer]] = field(default_factory=dict)

    def note(self, news: Iterable[SensorNews], offers: Iterable[Offer], *, at: datetime) -> None:
        """A message said so, at `at` of the hub's clock."""
        for said in news:
            word = self._now.get(said.sensor, SensorWord(sensor=said.sensor))
            new = {
                "battery": said.battery_percent,
                "link": said.signal_quality,
                "available": said.is_available,
                "heard": at if said.is_heard else None,
            }
            self._now[said.sensor] = word.model_copy(update={name: it for name, it in new.items() if it is not None})
        for offer in offers:
            if offer.code in self._offers or len(self._offers) < MAX_PARTS:  # a broken bridge invents names for ever
                self._offers[offer.code] = better_offer(self._offers.get(offer.code), offer)

    def due(self, now: datetime) -> NativeSensors | None:
        """What the service should be told now, or None. It counts as told when this returns."""
        words = [word for word in self._now.values() if self._is_due(word, now)]
        offers = [offer for offer in self._offers.values() if self._is_offer_due(offer, now)]
        if not words and not offers:
            return None
        words, offers = words[:MAX_PARTS], offers[:MAX_PARTS]
        self._told.update((word.sensor, (now, word)) for word in words)
        self._offered.update((offer.code, (now, offer)) for offer in offers)
        return NativeSensors(
            sent=now,
            sensors=words,
            offers=[OfferWord(sensor=offer.code, kind=offer.kind, model=offer.model) for offer in offers],
        )

    def forget_told(self) -> None:
        """The connection was lost, and with it perhaps what was told last."""
        self._told.clear()
        self._offered.clear()

    def _is_due(self, word: SensorWord, now: datetime) -> bool:
        if word.sensor not in self._told:
            return True
        told_at, told = self._told[word.sensor]
        if (word.battery, word.available) != (told.battery, told.available):
            return True
        if word.link is not None and (told.link is None or abs(word.link - told.link) >= LINK_STEP):
            return True
        # A clock that was set back must not keep us silent.
        return word.heard != told.heard and not timedelta(0) <= now - told_at < TELL_EVERY

    def _is_offer_due(self, offer: Offer, now: datetime) -> bool:
        if offer.code not in self._offered:
            return True
        told_at, told = self._offered[offer.code]
        return offer != told or not timedelta(0) <= now - told_at < OFFER_EVERY
