from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from store.clock import Clock, ClockSettings, Rate, make_clock, read_rate, write_rate

THEN = datetime(2026, 3, 10, 8, tzinfo=UTC)


def test_without_settings_the_clock_shows_real_time() -> None:
    clock = make_clock(ClockSettings())
    before = datetime.now(UTC)
    assert before <= clock.now() <= datetime.now(UTC)


def test_processes_that_read_one_file_show_one_time_and_change_their_speed_together(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    write_rate(file, start=THEN, speed=0.0)
    here, there = make_clock(ClockSettings(file=file)), make_clock(ClockSettings(file=file))
    assert here.now() == there.now() == THEN

    write_rate(file, start=THEN, speed=3600.0)
    assert here.speed == there.speed == 3600.0
    assert here.now() > THEN


def test_a_clock_whose_file_has_gone_goes_on_at_the_last_known_rate(tmp_path: Path) -> None:
    file = tmp_path / "clock.json"
    write_rate(file, start=THEN, speed=0.0)
    clock = make_clock(ClockSettings(file=file))
    assert clock.now() == THEN
    file.unlink()
    assert clock.now() == THEN


def test_a_lease_taken_while_the_clock_stands_still_is_not_over_at_once() -> None:
    standing = Clock(real_start=THEN, start=THEN, speed=0.0)
    assert standing.stretch(timedelta(seconds=30)) == timedelta(seconds=30)


def test_sleeping_is_bounded_in_real_time_even_when_the_clock_stands_still() -> None:
    standing = Clock(real_start=THEN, start=THEN, speed=0.0)
    standing.sleep_until(THEN + timedelta(days=1), at_most=timedelta(milliseconds=5))


@given(st.floats(0.0, 1_000.0), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_a_clock_never_runs_backwards(speed: float, real: timedelta) -> None:
    rate = Rate(real_start=THEN, start=THEN, speed=speed)
    assert rate.at(THEN + real) <= rate.at(THEN + real + timedelta(seconds=1))


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    write_rate(tmp_path / "clock.json", start=THEN, speed=60.0)
    rate = read_rate(tmp_path / "clock.json")
    assert (rate.start, rate.speed) == (THEN, 60.0)
