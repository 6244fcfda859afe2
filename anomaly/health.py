"""Does the model still fit the home? A monitor beside it, in memory only; it decides nothing.

If the hazard is right, exp(−Λ) at the end of each quiet is uniform between 0 and 1, whatever the resident's day looks
like. River's ADWIN watches its mean for a change; the service logs one when it comes. State of ours never holds a
library's objects, so after a restart it begins again.
"""

from river import drift, stats

_DELTA = 0.002  # ADWIN's confidence
_FADE = 0.02  # about the last fifty quiets


class ModelHealth:
    """Watches exp(−Λ) of one home's quiets."""

    def __init__(self) -> None:
        self._drift = drift.ADWIN(delta=_DELTA)
        self._mean = stats.EWMean(fading_factor=_FADE)
        self.changes = 0

    def learn_one(self, chance: float) -> None:
        """Another quiet ended; the model gave this chance that it would last at least so long."""
        self._mean.update(chance)
        self._drift.update(chance)
        self.changes += int(self._drift.drift_detected)

    def score_one(self) -> float:
        """The mean of late; 0.5 if the model fits, less if quiets last longer than it expects."""
        return float(self._mean.get()) if self._drift.width else 0.5
