"""One run of the fuzzer: makes messages, hands them to the intake, and says what became of them."""

import sys
import time
import traceback
from dataclasses import dataclass, field

from tests.ingest.fuzz.choices import Choices
from tests.ingest.fuzz.intake import Intake
from tests.ingest.fuzz.messages import Messages

_PROGRESS = 100_000


@dataclass(slots=True, kw_only=True)
class Run:
    """So many messages."""

    count: int
    intake: Intake = field(default_factory=Intake)
    messages: Messages = field(default_factory=Messages)
    done: int = 0
    _begun_at: float = field(default_factory=time.monotonic)

    @property
    def is_over(self) -> bool:
        """True when all of them were taken."""
        return self.done >= self.count

    def take(self, choices: Choices) -> bool:
        """Make and take one message; False, and the message on standard error, if anything was raised."""
        message = self.messages.message(choices, self.done)
        try:
            self.intake.take(message)
        except Exception:
            traceback.print_exc()
            print(f"message {self.done}: {message!r}", file=sys.stderr)
            return False
        self.done += 1
        if self.done % _PROGRESS == 0 and not self.is_over:
            print(f"{self.done} messages after {time.monotonic() - self._begun_at:.0f} s", flush=True)
        return True

    def report(self) -> str:
        """What became of the messages: a line for each outcome, a column for each dialect."""
        counts = self.intake.counts
        dialects = sorted({dialect for dialect, _ in counts})
        outcomes = sorted({outcome for _, outcome in counts})
        lines = [f"{'':18}" + "".join(f"{dialect:>15}" for dialect in dialects)]
        for outcome in outcomes:
            row = [counts[dialect, outcome] for dialect in dialects]
            lines.append(f"{outcome:18}" + "".join(f"{number:>15}" for number in row))
        seconds = time.monotonic() - self._begun_at
        lines.append(f"{self.done} messages, no exception, {seconds:.0f} s")
        return "\n".join(lines)
