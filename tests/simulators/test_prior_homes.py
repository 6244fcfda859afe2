"""The homes of the prior: another mechanism than the homes a method is judged on, and no part of them."""

import ast
import inspect
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

from simulators import evaluation, prior_homes
from simulators.prior_homes import prior_home

MAKES_EVALUATION = {
    "absences", "changes", "diary", "dwelling", "evaluated_day", "evaluated_kit", "evaluated_personas", "evaluation",
    "evaluation_truth", "hearing", "persona", "pets", "resident", "scenarios", "sensing", "troubles",
}  # fmt: skip


def imports(module: ModuleType) -> set[str]:
    """The modules of `simulators` that this one needs, those that they need included."""
    seen: set[str] = set()
    waiting = [module.__name__.removeprefix("simulators.")]
    folder = Path(inspect.getfile(module)).parent
    while waiting:
        name = waiting.pop()
        if name in seen or not (folder / f"{name}.py").exists():
            continue
        seen.add(name)
        for node in ast.walk(ast.parse((folder / f"{name}.py").read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "simulators":
                waiting += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("simulators."):
                waiting.append(str(node.module).removeprefix("simulators."))
    return seen


def test_the_two_generators_share_no_code() -> None:
    assert imports(prior_homes) == {"prior_homes"}
    assert imports(evaluation) >= {"evaluation", "evaluated_day", "diary"}
    assert imports(evaluation) <= MAKES_EVALUATION
    assert "prior_homes" not in imports(evaluation)


def test_the_same_number_and_seed_give_the_same_rows() -> None:
    assert prior_home(3, days=5, seed=1) == prior_home(3, days=5, seed=1)
    assert prior_home(3, days=5, seed=1).rows != prior_home(3, days=5, seed=2).rows


@pytest.mark.parametrize("number", range(12))
def test_rows_come_in_order_from_known_sensors_and_are_as_many_as_in_a_home(number: int) -> None:
    made = prior_home(number, days=10, seed=1)
    assert all(before.at <= after.at for before, after in pairwise(made.rows))
    assert {row.sensor for row in made.rows} <= {sensor.id for sensor in made.home.sensors}
    assert any(sensor.exit for sensor in made.home.sensors)
    assert 5 <= len(made.rows) / 10 <= 3000


def test_homes_differ_more_than_those_of_one_study() -> None:
    rows = sorted(len(prior_home(number, days=4, seed=1).rows) for number in range(24))
    assert rows[-3] > 3 * rows[2]
    assert len({tuple(s.id for s in prior_home(number, days=1, seed=1).home.sensors) for number in range(24)}) >= 12
