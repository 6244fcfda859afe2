"""What a Linux machine knows of itself: its battery and its wireless signal, where it has them."""

from pathlib import Path

_SUPPLIES = Path("/sys/class/power_supply")
_WIRELESS = Path("/proc/net/wireless")


def battery_percent(supplies: Path = _SUPPLIES) -> int | None:
    """The charge of the first battery there is, or None: most hubs hang on the mains."""
    for capacity in sorted(supplies.glob("*/capacity")):
        try:
            return max(0, min(100, int(capacity.read_text())))
        except (OSError, ValueError):
            continue
    return None


def signal_dbm(wireless: Path = _WIRELESS) -> int | None:
    """The wireless signal, or None on a cable. The file has two lines of heading; the level is the fourth column."""
    try:
        lines = wireless.read_text().splitlines()[2:]
        level = int(float(lines[0].split()[3]))
    except (OSError, ValueError, IndexError):
        return None
    return level if -200 <= level < 0 else None
