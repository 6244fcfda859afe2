"""Every SMS is one SMS: 160 characters of GSM-7, with nothing private in it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import wording
from alerts.codes import ALPHABET
from alerts.wording import SMS_SEPTETS, Subject, fits, septets
from store.alert import Severity
from store.deviation import DeviationKind
from store.fault import FaultKind

home_codes = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}", fullmatch=True)
codes = st.text(ALPHABET, min_size=4, max_size=8)
kinds = st.sampled_from([*DeviationKind, *FaultKind, "something_new"])
urls = st.one_of(
    st.just("https://t.example.org"),
    st.from_regex(r"https?://[a-z0-9.-]{1,80}(:[0-9]{2,5})?(/[a-z0-9~]{0,20})?", fullmatch=True),
)
subjects = st.builds(
    Subject,
    service=st.one_of(st.just("Telecare"), st.text(max_size=60)),
    public_url=urls,
    severity=st.sampled_from(Severity),
    home_code=home_codes,
    kind=kinds,
    code=codes,
)


@given(subjects, st.lists(codes, min_size=1, max_size=40))
def test_every_text_goes_out_as_one_sms(about: Subject, several: list[str]) -> None:
    at = datetime(2026, 3, 10, 10, 42, tzinfo=UTC)
    for text in (
        wording.alert_text(about),
        wording.stand_down_text(about, "taken_on"),
        wording.stand_down_text(about, "closed"),
        wording.stand_down_text(about, "works_again"),
        wording.activity_text(about, at),
        wording.no_longer_text(about, at),
        wording.taken_on_text(about),
        wording.already_yours_text(about),
        wording.already_taken_text(about),
        wording.passed_on_text(about),
        wording.false_needs_login_text(about, next_is_asked=True),
        wording.false_needs_login_text(about, next_is_asked=False),
        wording.closed_as_false_text(about),
        wording.already_closed_text(about),
        wording.which_text(about.service, several),
        wording.nothing_open_text(about.service),
        wording.help_text(about.service),
    ):
        assert text
        assert fits(text), text


@given(home_codes, codes, st.sampled_from(Severity), kinds, urls)
def test_an_alert_always_says_the_severity_the_home_and_how_to_answer(
    home_code: str, code: str, severity: Severity, kind: str, url: str
) -> None:
    about = Subject(service="Telecare", public_url=url, severity=severity, home_code=home_code, kind=kind, code=code)
    text = wording.alert_text(about)
    assert text.startswith(f"Telecare {severity.upper()} {home_code}: ")
    assert code in text.split("Reply", 1)[1]
    assert all(f"{answer} " in text.split("Reply", 1)[1] for answer in "123")


@pytest.mark.parametrize("kind", [*DeviationKind])
def test_a_text_says_neither_where_somebody_is_nor_what_they_have(kind: str) -> None:
    about = Subject(
        service="Telecare",
        public_url="https://t.example.org",
        severity=Severity.URGENT,
        home_code="K7",
        kind=kind,
        code="4F7K",
    )
    words = set(wording.alert_text(about).lower().replace(".", " ").split())
    assert not words & {"home", "out", "returned", "bathroom", "toilet", "bed", "night", "door", "fall", "dwell"}


def test_a_curly_quote_does_not_fit_and_a_euro_counts_twice() -> None:
    assert septets("what’s") is None
    assert septets("€") == 2
    assert not fits("a" * (SMS_SEPTETS + 1))
