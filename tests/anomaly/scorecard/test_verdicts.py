"""What the scorecard dares to say: of the interval, not of the figure."""

from typing import Any

import numpy as np
import pytest

from anomaly.plan import Limits
from anomaly.scorecard.card import scorecard
from anomaly.scorecard.incidents import IncidentKind, Twin
from anomaly.scorecard.own_budget import NIGHT, points
from anomaly.scorecard.own_points import own_points
from anomaly.scorecard.readme import BEGIN, END, rewritten, section
from anomaly.scorecard.verdicts import Verdict, aims, between
from store.home_file import InputError
from tests.anomaly.scorecard.made import outcome, result, told


def figure(low: float | None, value: float | None, high: float | None) -> dict[str, float | None]:
    return {"value": value, "low": low, "high": high}


@pytest.mark.parametrize(
    ("low", "value", "high", "verdict"),
    [
        (0.4, 0.6, 0.9, Verdict.REACHED),
        (0.4, 0.6, 1.0, Verdict.REACHED),
        (0.4, 0.6, 1.3, Verdict.UNKNOWN),
        (0.9, 1.2, 1.5, Verdict.UNKNOWN),
        (1.1, 1.2, 1.5, Verdict.MISSED),
        (1.1, None, None, Verdict.MISSED),
        (0.5, None, None, Verdict.UNKNOWN),
        (None, None, None, Verdict.MISSED),  # never found in any draw
    ],
)
def test_a_verdict_is_about_the_whole_interval(
    low: float | None, value: float | None, high: float | None, verdict: Verdict
) -> None:
    assert between(figure(low, value, high), most=1.0) is verdict


def test_an_aim_with_two_edges_is_missed_on_both_sides() -> None:
    found = [
        between(figure(*each), least=0.8, most=1.25)
        for each in ((0.9, 1.0, 1.1), (0.5, 0.6, 0.7), (1.3, 1.5, None), (0.7, 1.0, 1.1), (0.1, 1.0, 9.0))
    ]
    assert found == [Verdict.REACHED, Verdict.MISSED, Verdict.MISSED, Verdict.UNKNOWN, Verdict.UNKNOWN]


def _card(homes: int, *, false: int = 0, mistaken: int = 0) -> dict[str, Any]:
    """Homes of 100 days with so many false alerts each, of which this number has a mistaken twin."""
    made = []
    for number in range(homes):
        said = [told("inactivity", at=i * 20 * 86400.0, id=f"{number}/{i}") for i in range(false)]
        wrong = [told("dwell", at=1e9 + 60, id=f"{number}/w")] if number < mistaken else []
        twin = outcome(twin=Twin.HUB_OFF, said=wrong)
        made.append(result(code=f"H{number}", days=100.0, said=said, outcomes=[twin], daily_once=np.ones(100).tolist()))
    return scorecard(made)


def _verdict(card: dict[str, Any], what: str) -> Verdict:
    return next(aim.verdict for aim in aims(card) if what in aim.what)


def test_the_same_rate_is_reached_in_many_homes_and_cannot_be_told_in_few() -> None:
    assert _verdict(_card(48, false=2), "false alerts a home-month") is Verdict.REACHED
    assert _verdict(_card(1, false=2), "false alerts a home-month") is Verdict.UNKNOWN
    assert _verdict(_card(48, false=5), "false alerts a home-month") is Verdict.MISSED
    assert _verdict(_card(48, false=2), "worst tenth") is Verdict.REACHED
    assert _verdict(_card(6, false=0), "worst tenth") is Verdict.UNKNOWN


def test_silence_where_something_should_come_is_no_good_calibration() -> None:
    assert _verdict(_card(48), "once in 30 days") is Verdict.MISSED  # 4,800 days, none of N ≥ 30
    assert _verdict(_card(1), "once in 30 days") is Verdict.UNKNOWN


def test_one_mistaken_twin_is_one_too_many() -> None:
    assert _verdict(_card(48, mistaken=1), "technical") is Verdict.MISSED
    assert _verdict(_card(48), "technical") is Verdict.REACHED


def test_a_detector_at_its_own_budget_is_read_where_it_kept_to_it() -> None:
    tried = [point for point in points(Limits()) if point.detector == NIGHT]
    night = 1e9 // 86400 * 86400 + 3600.0
    home = result(days=120.0)
    one = outcome(kind=IncidentKind.NIGHT_BATHROOM)
    for number, point in enumerate(tried):  # the looser, the sooner: and one, two, … false alerts in 120 nights
        one.own[point.name] = 60.0 - 10.0 * number
        home.own_told[point.name] = (*(night + 86400.0 * i for i in range(number + 1)), night + 43200.0)
    object.__setattr__(home, "has_bed_sensor", True)
    object.__setattr__(home, "outcomes", (one,))
    kept = own_points([home])[NIGHT]["kept"]
    assert kept["nominal_days"] == 60.0  # the second: two in 120 nights; what comes at noon is not of the night
    assert kept["median_minutes"]["value"] == 50.0
    assert kept["realised_days"]["value"] == 60.0


def test_the_readme_gets_its_section_with_failures_and_a_picture(tmp_path: Any) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"# Telecare\n\n{BEGIN}\nfigures of last year\n{END}\n\nmore\n")
    text = rewritten(readme, section({"simulated homes": _card(48, false=5)}, "telecare scorecard", picture="p/x.png"))
    assert text.startswith("# Telecare\n")
    assert text.endswith("more\n")
    assert "last year" not in text
    assert "**missed**" in text
    assert "(p/x.png)" in text
    assert "`telecare scorecard`" in text
    readme.write_text("no marks")
    with pytest.raises(InputError, match="needs the marks"):
        rewritten(readme, "")
