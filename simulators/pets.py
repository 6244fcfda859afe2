"""A cat or a dog: movement that nobody in need of help made."""

import random
from collections.abc import Sequence

from simulators.diary import Impulse

_ACTIVITY = (  # bouts an hour, by hour of UTC; near enough
    0.5, 0.4, 0.3, 0.4, 0.8, 1.2, 1.5, 1.5, 1.2, 0.8, 0.6, 0.6, 0.6, 0.5, 0.5, 0.6, 0.9, 1.3, 1.5, 1.5, 1.2, 1.0, 0.8,
    0.6,
)  # fmt: skip


def pet_impulses(rooms: Sequence[str], start: float, end: float, rng: random.Random) -> list[Impulse]:
    """What a movement sensor may see of it in [start, end); oldest first. Some sensors see pets well, some hardly."""
    seen_share = {room: rng.betavariate(1.0, 3.0) for room in rooms}
    lively = rng.lognormvariate(0.0, 0.4)
    made: list[Impulse] = []
    at = start
    while at < end:
        at += rng.expovariate(lively * 1.5 / 3600.0)
        if rng.random() > _ACTIVITY[int(at % 86400.0 // 3600.0)] / 1.5:
            continue
        room = rng.choice(rooms)
        bout = at
        for _ in range(rng.randint(1, 6)):
            if rng.random() < seen_share[room]:
                made.append(Impulse(bout, f"motion/{room}", True, 0, "pet"))
            bout += 5.0 + 35.0 * rng.random()
    return [impulse for impulse in made if impulse.at < end]
