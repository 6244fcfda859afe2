"""How long nobody could have been seen since a moment: one number, kept up as the view comes and goes."""

from dataclasses import dataclass


@dataclass(slots=True)
class Unseen:
    """Blind seconds from `start` on. Plain values, saved as JSON."""

    start: float
    seconds: float = 0.0  # of blind times that are over
    since: float | None = None  # when the running one began

    def changed(self, t: float, *, watching: bool) -> None:
        """The view may have come or gone."""
        if not watching and self.since is None:
            self.since = t
        elif watching and self.since is not None:
            self.seconds += max(0.0, t - max(self.since, self.start))
            self.since = None

    def total(self, t: float) -> float:
        """Blind seconds in [start, t)."""
        running = 0.0 if self.since is None else max(0.0, t - max(self.since, self.start))
        return self.seconds + running
