"""What of a home's weeks somebody asked to see, read from the address; and the addresses of what they may ask next."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from api.charts.civil import Row, View, rows_until
from api.charts.places import Place
from api.errors import Unreadable

WEEKS = (1, 2, 4, 8)
USUAL_WEEKS = 4
_EARLIEST = date(1971, 1, 1)  # no hub clock is older; keeps arithmetic inside the calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """So many weeks up to a day, seen by day or by night, all places or one."""

    weeks: int
    until: date
    today: date
    view: View
    room: Place | None

    @property
    def is_current(self) -> bool:
        """The last row is the one that runs now."""
        return self.until == self.today

    def rows(self, zone: ZoneInfo) -> list[Row]:
        """The rows of the chart, oldest first."""
        return rows_until(self.until, weeks=self.weeks, zone=zone, view=self.view)

    def earlier(self) -> "Choice":
        """The weeks before these."""
        return replace(self, until=max(_EARLIEST, self.until - timedelta(weeks=self.weeks)))

    def later(self) -> "Choice | None":
        """The weeks after these, no further than today; None if these are the newest."""
        if self.is_current:
            return None
        return replace(self, until=min(self.today, self.until + timedelta(weeks=self.weeks)))

    def with_weeks(self, weeks: int) -> "Choice":
        """The same last day, more or fewer weeks."""
        return replace(self, weeks=weeks)

    def with_view(self, view: View) -> "Choice":
        """The same weeks by day or by night; the newest stay the newest."""
        return replace(self, view=view)

    def with_room(self, room: Place | None) -> "Choice":
        """One place alone, or all."""
        return replace(self, room=room)

    @property
    def query(self) -> str:
        """The address's query for this choice; what is usual is left out."""
        words: dict[str, str] = {}
        if self.weeks != USUAL_WEEKS:
            words["weeks"] = str(self.weeks)
        if not self.is_current:
            words["until"] = self.until.isoformat()
        if self.view is not View.DAY:
            words["view"] = self.view
        if self.room is not None:
            words["room"] = self.room
        return f"?{urlencode(words)}" if words else "?"


def read_choice(
    *, weeks: str | None, until: str | None, view: str | None, room: str | None, zone: ZoneInfo, now: datetime
) -> Choice:
    """The choice that these words of the address make. Raises Unreadable with a plain sentence."""
    wanted_view = _view(view)
    today = current_date(wanted_view, zone=zone, now=now)
    return Choice(
        weeks=_weeks(weeks), until=min(_date(until), today) if until else today, today=today, view=wanted_view,
        room=_room(room),
    )  # fmt: skip


def current_date(view: View, *, zone: ZoneInfo, now: datetime) -> date:
    """The date on which the row that runs now began."""
    return (now.astimezone(zone).replace(tzinfo=None) - timedelta(minutes=view.first_minute)).date()


def _weeks(text: str | None) -> int:
    if not text:
        return USUAL_WEEKS
    if text not in map(str, WEEKS):
        raise Unreadable("The chart can show 1, 2, 4 or 8 weeks. Choose one of these.")
    return int(text)


def _date(text: str) -> date:
    try:
        return max(_EARLIEST, date.fromisoformat(text))
    except ValueError as exc:
        raise Unreadable("The last day of the chart must be a date such as 2026-03-27.") from exc


def _view(text: str | None) -> View:
    try:
        return View(text or View.DAY)
    except ValueError as exc:
        raise Unreadable("A row of the chart can be a day or a night. Choose one of these.") from exc


def _room(text: str | None) -> Place | None:
    try:
        return Place(text) if text else None
    except ValueError as exc:
        raise Unreadable("The chart knows no room of this name. Choose one from its key.") from exc
