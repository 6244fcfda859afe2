"""The home file of `interfaces.md`: a home and its sensors as JSON, checked on the way in.

An edge: it parses, and what it cannot accept it refuses with the file, the place and the reason.
"""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from store.home import SensorKind

_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")  # as the database has it: one level of an MQTT topic


class InputError(Exception):
    """Something given to us, a home file or a recording, cannot be read. Says where and why."""

    def __init__(self, path: Path, reason: str, *, line: int | None = None) -> None:
        super().__init__(f"{path}:{line}: {reason}" if line else f"{path}: {reason}")
        self.path = path
        self.line = line
        self.reason = reason


class SensorFile(BaseModel):
    """One sensor. An unknown room is kept and treated as `other`; an unknown kind is refused."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    id: str = Field(min_length=1, max_length=120)
    kind: SensorKind
    room: str = "other"
    exit: bool = False
    essential: bool = False
    name: str = ""

    @field_validator("id", "room", "name")
    @classmethod
    def _printable(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("holds a character that cannot be printed")
        return value

    @field_validator("id")
    @classmethod
    def _not_the_hub(cls, value: str) -> str:
        if value == "hub":
            raise ValueError("'hub' is reserved for the hub itself")
        return value


class PeriodFile(BaseModel):
    """From when until when, and why. Times without an offset are the home's civil time."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    from_at: datetime = Field(alias="from")
    until_at: datetime = Field(alias="until")
    reason: str = ""

    def in_zone(self, zone: ZoneInfo) -> "PeriodFile":
        """The same with aware UTC times."""

        def aware(at: datetime) -> datetime:
            return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)

        return PeriodFile.model_validate(
            {"from": aware(self.from_at), "until": aware(self.until_at), "reason": self.reason}
        )


class HomeFile(BaseModel):
    """A home as given to `replay`, to `home add` and to the recording player."""

    model_config = ConfigDict(extra="ignore")

    id: str
    time_zone: str
    residents: int = Field(1, ge=1, le=20)
    checkin_minutes: float = Field(5, gt=0, le=24 * 60)
    sensors: list[SensorFile]
    absences: list[PeriodFile] = Field(default_factory=list)
    visits: list[PeriodFile] = Field(default_factory=list)

    @field_validator("id")
    @classmethod
    def _is_a_code(cls, value: str) -> str:
        if not _CODE.fullmatch(value):
            raise ValueError("1 to 32 letters, digits, _ or -, beginning with a letter or digit")
        return value

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, ValueError, KeyError) as exc:
            raise ValueError(f"not an IANA time zone: {value!r}") from exc
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        seen: set[str] = set()
        for sensor in self.sensors:
            if sensor.id in seen:
                raise ValueError(f"sensor {sensor.id!r} stands there twice")
            seen.add(sensor.id)
        for name in ("absences", "visits"):
            periods = [period.in_zone(self.zone) for period in getattr(self, name)]
            for period in periods:
                if period.until_at <= period.from_at:
                    raise ValueError(f"{name}: until {period.until_at.isoformat()} is not after from")
            setattr(self, name, periods)
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The home's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def check_in_interval(self) -> timedelta:
        """How often the hub says that it is alive."""
        return timedelta(minutes=self.checkin_minutes)


def read_home_file(path: Path) -> HomeFile:
    """The home of this file. Raises `InputError` with the file, the place in it and the reason."""
    try:
        given = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as exc:
        raise InputError(path, "no such file") from exc
    except json.JSONDecodeError as exc:
        raise InputError(path, f"not JSON: {exc.msg}", line=exc.lineno) from exc
    except RecursionError as exc:
        raise InputError(path, "not a home file: nested too deeply") from exc
    except (OSError, ValueError) as exc:  # also bytes that are no text, and numbers of thousands of digits
        raise InputError(path, f"cannot be read: {exc}") from exc
    try:
        return HomeFile.model_validate(given)
    except ValidationError as exc:
        reasons = "; ".join(_place(error["loc"], given) + error["msg"] for error in exc.errors()[:5])
        raise InputError(path, reasons) from exc


def _place(loc: tuple[int | str, ...], given: object) -> str:
    """`sensors[3] (M001) kind: ` for people; empty for the whole file."""
    place, here = "", given
    for step in loc:
        place += f"[{step}]" if isinstance(step, int) else f"{'.' if place else ''}{step}"
        here = _inside(here, step)
        if isinstance(step, int) and isinstance(here, dict) and isinstance(here.get("id"), str):
            place += f" ({here['id'][:40]})"
    return f"{place}: " if place else ""


def _inside(here: object, step: int | str) -> object:
    if isinstance(here, dict):
        return here.get(step)
    if isinstance(here, list) and isinstance(step, int) and step < len(here):
        return here[step]
    return None
