from typing import Any

import pytest

from ingest.dialects.values import battery_percent, iso_time, link_quality, number, quality_of_dbm, truth, unix_time


@pytest.mark.parametrize(("value", "expected"), [
    ("ON", True), (" open ", True), (1, True), (1.0, True), ("1", True), (True, True), ("yes", True),
    ("off", False), ("closed", False), (0, False), ("false", False),
    (2, None), ("", None), (None, None), ("ajar", None), ([], None), ({}, None), (float("nan"), None),
])  # fmt: skip
def test_truth_is_read_however_it_is_written(value: Any, expected: bool | None) -> None:
    assert truth(value) is expected


@pytest.mark.parametrize(("value", "expected"), [
    (7, 7.0), ("7.5", 7.5), (" 7 ", 7.0), (True, None), ("nan", None), ("inf", None), (1e13, None), ("much", None),
    (10**400, None), ("9" * 5_000, None), (None, None), ([7], None), (float("inf"), None),
])  # fmt: skip
def test_a_number_is_finite_and_could_be_measured(value: Any, expected: float | None) -> None:
    assert number(value) == expected


def test_batteries_and_signals_stay_on_their_scales() -> None:
    assert [battery_percent(it) for it in ("100", 97.5, -3, 255, None, "low")] == [100, 98, 0, 100, None, None]
    assert [link_quality(it) for it in ("100", 300, -1, None)] == [100, 255, 0, None]
    assert [quality_of_dbm(it) for it in (-50, -30, -75, "-80", -100, -120, 0, 20, None)] == [
        255, 255, 128, 102, 0, 0, None, None, None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    "value", ["2026-03-10T12:00:00", "2026-03-10", "soon", "", None, 7, "9999-12-31T23:00:00-12:00"]
)
def test_what_could_be_any_hour_is_no_time(value: Any) -> None:
    assert iso_time(value) is None


@pytest.mark.parametrize("value", [True, None, "1", 1e300, -1e300, float("nan"), 10**30])
def test_what_is_no_unix_time_is_none(value: Any) -> None:
    assert unix_time(value) is None
