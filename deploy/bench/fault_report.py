"""The table of `telecare bench faults`, as text, as JSON, and as a marked section of a Markdown file. Pure, but for
that file.
"""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from deploy.bench.fault_bridge import Bridged
from deploy.bench.fault_count import Count

BEGINS, ENDS = "<!-- fault table: telecare bench faults --markdown -->", "<!-- end of fault table -->"
HEAD = ("fault", "readings", "struck", "lost", "doubled", "recovery, s: median / worst", "observed")


class NoSection(Exception):
    """A file has no section for the table; `str()` says what to add."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    name: str
    fault: str
    counted: Count
    wanted: int  # how often it was to strike with readings under way
    under_way: Sequence[int]  # at each strike
    recover_s: Sequence[float | None]  # after each strike; None: not within the patience
    published: int  # readings, each as often as it was
    moment: str = "when it struck"  # of `under_way`
    bridged: Bridged | None = None
    notes: Sequence[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def struck(self) -> int:
        """How often it struck with readings under way."""
        return sum(number > 0 for number in self.under_way)

    @property
    def is_good(self) -> bool:
        """It struck as often as wanted; nothing of the native hubs was lost, doubled or left unfinished."""
        return self.counted.is_good and self.struck >= self.wanted and None not in self.recover_s

    @property
    def recovery(self) -> tuple[float, float] | None:
        """Median and worst, in seconds; None if there is none."""
        found = [seconds for seconds in self.recover_s if seconds is not None]
        return (statistics.median(found), max(found)) if found else None

    @property
    def observed(self) -> list[str]:
        """What else there is to say."""
        said: list[str] = []
        if len(self.under_way) == 1:
            said.append(f"{self.under_way[0]:,} readings under way {self.moment}")
        elif self.under_way:
            median, most = round(statistics.median(self.under_way)), max(self.under_way)
            said.append(f"{median:,} readings under way {self.moment} (median; at most {most:,})")
        if self.published > self.counted.readings:
            said.append(f"{self.published - self.counted.readings:,} published again and recognised")
        if self.bridged is not None:
            said.append(
                f"**a Zigbee2MQTT bridge beside it: {self.bridged.lost:,} of {self.bridged.confirmed:,} messages that "
                f"the broker had confirmed are lost**, {self.bridged.doubled:,} doubled"
            )
        said += self.notes
        unfinished = sum(seconds is None for seconds in self.recover_s)
        if unfinished:
            said.append(f"did not recover in time: {unfinished}")
        if self.counted.unacknowledged:
            said.append(f"never acknowledged: {self.counted.unacknowledged:,}")
        if self.struck < len(self.under_way):
            said.append(f"of {len(self.under_way)} times only {self.struck} while readings were under way")
        return said

    @property
    def cells(self) -> tuple[str, ...]:
        """As `HEAD` has them."""
        counted, recovery = self.counted, self.recovery
        return (
            self.fault,
            f"{counted.readings:,}",
            f"{self.struck}×" if self.under_way else "–",
            f"{counted.lost:,}",
            f"{counted.doubled + counted.unasked:,}",
            "–" if recovery is None else f"{recovery[0]:.1f} / {recovery[1]:.1f}",
            "; ".join(self.observed),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All rows, and under what circumstances they came about."""

    rows: Sequence[Row]
    broker: str
    database: str
    cores: int
    load: tuple[float, float]  # of the machine before and after; 1-minute average
    homes: int
    seconds: float

    @property
    def is_good(self) -> bool:
        """Every row is."""
        return all(row.is_good for row in self.rows)

    @property
    def readings(self) -> int:
        """In all rows."""
        return sum(row.counted.readings for row in self.rows)

    @property
    def lost(self) -> int:
        """After the hub's acknowledgement."""
        return sum(row.counted.lost for row in self.rows)

    @property
    def doubled(self) -> int:
        """Rows too many."""
        return sum(row.counted.doubled + row.counted.unasked for row in self.rows)

    @property
    def words(self) -> str:
        """The result in two sentences."""
        return (
            f"{self.readings:,} readings of {self.homes} native hubs through {len(self.rows)} rows in "
            f"{self.seconds:.0f} s: {self.lost:,} lost after the hub's acknowledgement, {self.doubled:,} doubled. "
            f"{self.broker}, {self.database}, {self.cores} cores, load {self.load[0]:.1f} before and "
            f"{self.load[1]:.1f} after."
        )

    def as_json(self) -> dict[str, Any]:
        """One object."""
        return {
            "broker": self.broker,
            "database": self.database,
            "cores": self.cores,
            "load": list(self.load),
            "homes": self.homes,
            "seconds": round(self.seconds, 1),
            "readings": self.readings,
            "lost": self.lost,
            "doubled": self.doubled,
            "is_good": self.is_good,
            "faults": [_as_json(row) for row in self.rows],
        }

    def markdown(self) -> str:
        """The table and what it was measured on."""
        return f"{table(self.rows)}\n\n{self.words}\n"


def _as_json(row: Row) -> dict[str, Any]:
    median, worst = row.recovery or (None, None)
    return {
        "name": row.name,
        "fault": row.fault,
        "struck": row.struck,
        "under_way": list(row.under_way),
        "recover_s": list(row.recover_s),
        "recover_median_s": median,
        "recover_worst_s": worst,
        "published": row.published,
        "bridged": None if row.bridged is None else asdict(row.bridged),
        "observed": row.observed,
        "seconds": round(row.seconds, 1),
        "is_good": row.is_good,
        **asdict(row.counted),
    }


def table(rows: Sequence[Row]) -> str:
    """For people; it is Markdown too."""
    cells = [HEAD, *(row.cells for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD) - 1)]
    lines = ["| " + " | ".join([*map(str.ljust, line, widths), line[-1]]) + " |" for line in cells]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|---|"
    return "\n".join([lines[0], rule, *lines[1:]])


def with_section(file: Path, report: Report | None = None) -> str:
    """The text of the file with the report in its marked section; without one as it is. Raises `NoSection`."""
    try:
        text = file.read_text()
    except OSError as exc:
        raise NoSection(f"{file} cannot be read: {exc.strerror}") from exc
    before, begins, rest = text.partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not begins or not ends:
        raise NoSection(f"{file} has no section for the table: add the lines\n{BEGINS}\n{ENDS}")
    return text if report is None else f"{before}{begins}\n{report.markdown()}{ends}{after}"
