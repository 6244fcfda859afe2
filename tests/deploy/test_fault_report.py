"""The table of `telecare bench faults`: what it says, and that it is good only if every fault struck for nothing."""

from dataclasses import replace

import pytest

from deploy.bench.fault_bridge import Bridged
from deploy.bench.fault_count import Count
from deploy.bench.fault_report import HEAD, Report, Row, table

GOOD = Count(readings=1000, stored=1000, lost=0, doubled=0, unasked=0, unacknowledged=0)
ROW = Row(
    name="ingest",
    fault="ingest `kill -9`",
    counted=GOOD,
    wanted=3,
    under_way=[40, 250, 70],
    recover_s=[1.2, 4.0, 1.3],
    published=1100,
)


def report(*rows: Row) -> Report:
    return Report(rows=rows, broker="B", database="D", cores=2, load=(0.1, 2.0), homes=8, seconds=61.4)


def test_a_row_says_how_often_it_struck_and_how_long_recovery_took() -> None:
    assert ROW.is_good
    assert ROW.cells == (
        "ingest `kill -9`", "1,000", "3×", "0", "0", "1.3 / 4.0",
        "70 readings under way when it struck (median; at most 250); 100 published again and recognised",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (replace(ROW, under_way=[40, 0, 70]), "of 3 times only 2 while readings were under way"),
        (replace(ROW, recover_s=[1.2, None, 1.3]), "did not recover in time: 1"),
        (replace(ROW, counted=replace(GOOD, stored=998, unacknowledged=2)), "never acknowledged: 2"),
        (replace(ROW, counted=replace(GOOD, stored=998, lost=2)), ""),
        (replace(ROW, counted=replace(GOOD, stored=1001, doubled=1)), ""),
        (replace(ROW, counted=replace(GOOD, stored=1001, unasked=1)), ""),
    ],
)
def test_a_row_is_not_good_if_it_did_not_strike_or_did_not_end_or_lost_or_doubled(row: Row, words: str) -> None:
    assert not row.is_good
    assert not report(ROW, row).is_good
    assert words in "; ".join(row.observed)


def test_what_a_bridge_loses_is_said_plainly_and_is_no_loss_of_a_hub() -> None:
    row = replace(ROW, bridged=Bridged(confirmed=5000, lost=1200, doubled=0))
    assert row.is_good
    assert "1,200 of 5,000 messages that the broker had confirmed are lost" in "; ".join(row.observed)


def test_the_table_is_markdown_and_the_sums_are_in_the_words_below_it() -> None:
    lost = replace(ROW, counted=replace(GOOD, stored=999, lost=1))
    text = report(ROW, lost).markdown()
    head, rule, *rows = table([ROW, lost]).splitlines()
    assert [cell.strip() for cell in head.strip("|").split("|")] == list(HEAD)
    assert set(rule) == {"|", "-"}
    assert len(rows) == 2
    assert all(line.count("|") == len(HEAD) + 1 for line in (head, rule, *rows))
    assert "2,000 readings of 8 native hubs through 2 rows in 61 s: 1 lost" in text
    assert report(ROW, lost).as_json()["lost"] == 1
