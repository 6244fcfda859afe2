"""The estimation of the population prior: what was put in comes out."""

import random
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from anomaly.plan import HomePlan, Place, PlanSensor
from anomaly.prior_estimation import cell_strength, estimate, gumbel
from anomaly.prior_quiets import HomeQuiets, home_quiets
from store.home import SensorKind
from store.recording import Row

MONDAY = datetime(2025, 1, 6, tzinfo=UTC)


def sensor(code: str, place: Place, room: str, kind: SensorKind = SensorKind.MOTION) -> PlanSensor:
    return PlanSensor(
        code=code, kind=kind, room=room, place=place, is_exit=kind is SensorKind.DOOR, is_essential=False
    )  # fmt: skip


PLAN = HomePlan(
    home_id=0, code="X", zone=ZoneInfo("UTC"), covered_seconds=900.0, residents=1, always_observed=True,
    sensors=(
        sensor("K", Place.KITCHEN, "kitchen"), sensor("L", Place.LOUNGE, "lounge"),
        sensor("D", Place.HALL, "hall", SensorKind.DOOR),
    ),
)  # fmt: skip


def constant_rate(seed: int, *, per_hour: float, days: int) -> HomeQuiets:
    """Somebody whose next movement is as likely in every minute."""
    rng, rows, t = random.Random(seed), [], 0.0
    while t < days * 86400:
        rows.append(Row(at=MONDAY + timedelta(seconds=t), sensor=rng.choice("KL"), value=1.0))
        t += rng.expovariate(per_hour / 3600)
    return home_quiets(PLAN, rows)


def moves(*minutes_and_sensors: tuple[float, str]) -> HomeQuiets:
    return home_quiets(
        PLAN, [Row(at=MONDAY + timedelta(minutes=m), sensor=s, value=1.0) for m, s in minutes_and_sensors]
    )


def test_a_constant_rate_is_found_at_every_hour_and_age_and_place() -> None:
    found = estimate([constant_rate(seed, per_hour=4.0, days=40) for seed in range(6)])
    assert found.rates[2] * 60 == pytest.approx(4.0, rel=0.15)
    assert (found.rates[2] * 60).mean() == pytest.approx(4.0, rel=0.03)
    heavy = found.expected > 150
    assert heavy.sum() > 20
    assert found.multiplier[heavy] == pytest.approx(1.0, abs=0.3)
    assert found.by_age[:5] == pytest.approx(1.0, abs=0.1)
    # Λ of exponential quiets is exponential: the largest of n a day has σ = 1
    assert found.maximum_sigma == pytest.approx(1.0, abs=0.2)


def test_quiet_counts_from_five_minutes_on_and_ends_where_somebody_moves() -> None:
    quiets = moves((0, "K"), (4, "K"), (26, "L"), (27, "K"))
    assert len(quiets.days) == 1
    assert quiets.seconds.sum() == pytest.approx((22 - 5) * 60)
    assert quiets.cells[quiets.last][0] // (4 * 11) == Place.KITCHEN


def test_who_was_out_teaches_nothing_of_quiet_but_how_often_people_leave() -> None:
    out = moves((600, "K"), (601, "D"), (601.5, "K"), (700, "D"), (701, "L"), (702, "K"))
    assert len(out.days) == 0
    assert out.passages[0, 0] == 1
    stayed = moves((600, "K"), (601, "D"), (640, "L"), (641, "K"))
    assert len(stayed.days) == 1
    assert stayed.passages[0, 1] == 1


def test_getting_up_is_the_first_sign_that_is_followed_by_another() -> None:
    rows = [(300, "K"), (450, "K"), (465, "L"), (500, "K")]  # a glass of water at five
    days = [(day * 1440 + minutes, code) for day in range(6) for minutes, code in rows]
    assert moves(*days).rises == pytest.approx([450.0] * 6)


def test_no_home_is_no_prior() -> None:
    with pytest.raises(ValueError, match="no home"):
        estimate([])
    with pytest.raises(ValueError, match="no home"):
        estimate([moves((0, "K"))])


@pytest.mark.parametrize("strength", [2.0, 10.0, 40.0])
def test_how_alike_homes_are_is_found(strength: float) -> None:
    rng = np.random.default_rng(int(strength))
    m = rng.uniform(0.6, 1.4, 40)
    expected = rng.uniform(5, 60, (60, 40))
    ended = rng.poisson(expected * rng.gamma(strength * m, 1.0 / strength, (60, 40))).astype(np.float64)
    assert cell_strength(ended, expected, m) == pytest.approx(strength, rel=0.25)


def test_a_gumbel_distribution_is_fitted_and_too_few_days_are_not() -> None:
    maxima = np.random.default_rng(1).gumbel(3.5, 1.3, 4000)
    assert gumbel(maxima) == pytest.approx((3.5, 1.3), rel=0.05)
    assert all(np.isnan(gumbel(maxima[:9])))
