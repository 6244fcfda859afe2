"""How often Python looks for objects that hold each other: seldom while ingest runs, and as before when it is over."""

import gc

from ingest.main import collecting_seldom


def test_it_is_seldom_while_ingest_runs_and_as_before_afterwards() -> None:
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with collecting_seldom():
        assert gc.isenabled()  # seldom, not never: memory stays bounded
        assert before[0] < gc.get_threshold()[0] <= 100_000
        assert gc.get_freeze_count() > frozen
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0
