"""What a responder's text means, however the telephone spells it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.codes import ALPHABET, new_code
from alerts.replies import Answer, Reading, Word, read

codes = st.text(ALPHABET, min_size=4, max_size=8)


@pytest.mark.parametrize(
    "text",
    ["1 4F7K", "4F7K 1", "14F7K", "4f7k1", " 1  4f7k ", "“1 4F7K”", "'4F7K' - 1.", "1, 4F7K!", "１ ４F７K", "1\n4F7K"],
)
def test_an_answer_with_a_code_is_read_however_it_is_spelt(text: str) -> None:
    assert read(text) == Reading(answer=Answer.COMING, code="4F7K")


@pytest.mark.parametrize("text", ["2", " 2 ", "“2”", "2.", "２", "٢", "#2"])
def test_a_bare_digit_is_an_answer_without_a_code(text: str) -> None:
    assert read(text) == Reading(answer=Answer.PASS_ON, code=None)


@pytest.mark.parametrize(
    "text", ["", "?", "4", "11", "1 hour", "4F7K", "1 4F7K 2", "1 4F7", "on my way", "👍", "1 or 2"]
)
def test_anything_else_is_asked_about(text: str) -> None:
    assert read(text) == Word.UNKNOWN


@pytest.mark.parametrize(
    ("text", "word"),
    [("STOP", Word.STOP), ("stop.", Word.STOP), ("Quit", Word.STOP), ("start", Word.START), ("Yes", Word.START)],
)
def test_the_carriers_words_are_never_ours(text: str, word: Word) -> None:
    assert read(text) == word


@given(st.sampled_from(Answer), codes, st.booleans(), st.sampled_from(["", " ", " - ", '" "']))
def test_a_code_is_read_as_it_was_sent_and_in_one_way_only(answer: Answer, code: str, first: bool, gap: str) -> None:
    text = f"{answer}{gap}{code.lower()}" if first else f"{code.lower()}{gap}{answer}"
    assert read(text) == Reading(answer=answer, code=code)


@given(st.text(max_size=500))
def test_no_text_at_all_breaks_the_reading(text: str) -> None:
    read(text)


def test_a_code_in_use_is_not_given_again_and_codes_grow_when_they_run_short() -> None:
    assert len(new_code(random.Random(1), is_taken=lambda code: False)) == 4
    assert len(new_code(random.Random(1), is_taken=lambda code: len(code) < 6)) == 6
    assert not set(ALPHABET) & set("0O1I23AEIOU5S")
