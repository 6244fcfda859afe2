"""The pure parts: counting segments, reading a code out of a text as a person would, TwiML, what an order may say."""

import pytest

from alerts.wording import Subject, activity_text, alert_text, help_text, stand_down_text, taken_on_text
from simulators.phone.answering import Behaviour, choices, code_asked_for, intended_answer, settles
from simulators.phone.forms import Unreadable, texts_in
from simulators.phone.order import is_phone_number, read_order
from simulators.phone.refusals import Refused
from simulators.phone.segments import count_segments
from store.alert import Severity
from tests.simulators.phone.conftest import ASHA, NOON

ABOUT = Subject(
    service="Telecare",
    public_url="https://t.example.org",
    severity=Severity.URGENT,
    home_code="K7",
    kind="inactivity",
    code="4F7K",
)


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("€" * 80, 1),  # two septets each
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 153, 3),  # an escape is never split over two parts
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("’" + "a" * 69, 1),  # one curly quote: 70 characters
        ("’" + "a" * 70, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 67, 3),  # nor is a surrogate pair
    ],
)
def test_segments_are_counted_as_the_carrier_counts_them(text: str, segments: int) -> None:
    assert count_segments(text) == segments


@pytest.mark.parametrize(
    "text",
    [
        alert_text(ABOUT),
        "Telecare URGENT K7: no usual activity. t.example.org/a/4F7K Reply 1 4F7K coming, 2 4F7K pass, 3 4F7K false",
        "Telecare URGENT K7: no usual activity. Reply 4F7K with 1 coming, 2 pass, 3 false",
        "Telecare K7. REPLY '1 4F7K' if you can go.",
        "Telecare K7. reply: 1 4F7K=coming 2 4F7K=pass",
        "Telecare K7 http://127.0.0.1:8080/a/4F7K Reply 1 coming, 2 pass, 3 false",
    ],
)
def test_a_person_finds_the_code_in_an_alert(text: str) -> None:
    assert code_asked_for(text) == "4F7K"
    assert intended_answer(text, Behaviour.ANSWER) == "1 4F7K"
    assert intended_answer(text, Behaviour.PASS_ON) == "2 4F7K"
    assert intended_answer(text, Behaviour.IGNORE) is None
    assert [choice.reply for choice in choices(text)] == ["1 4F7K", "2 4F7K", "3 4F7K"]


def test_the_quick_replies_carry_the_words_of_the_text() -> None:
    assert [choice.says for choice in choices(alert_text(ABOUT))] == ["coming", "pass", "false"]


@pytest.mark.parametrize(
    "text",
    [
        stand_down_text(ABOUT, "taken_on"),
        stand_down_text(ABOUT, "closed"),
        activity_text(ABOUT, NOON),
        taken_on_text(ABOUT),
        help_text("Telecare"),
        "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
        "Reply 1 coming, 2 pass",
        "Your parcel 4F7K is here",
    ],
)
def test_nobody_answers_a_text_that_asks_nothing(text: str) -> None:
    assert code_asked_for(text) is None
    assert not choices(text)


def test_a_stand_down_makes_an_answer_needless_but_seen_activity_does_not() -> None:
    assert settles(stand_down_text(ABOUT, "taken_on"), "4F7K")
    assert settles(stand_down_text(ABOUT, "closed"), "4F7K")
    assert not settles(stand_down_text(ABOUT, "closed"), "9CCC")
    assert not settles(alert_text(ABOUT), "4F7K")
    assert not settles(activity_text(ABOUT, NOON), "4F7K")


@pytest.mark.parametrize(
    ("twiml", "texts"),
    [
        ("", []),
        ("<Response/>", []),
        ("<?xml version='1.0'?><Response><Message>Thank you</Message></Response>", ["Thank you"]),
        ("<Response><Message><Body>One</Body></Message><Message>Two</Message></Response>", ["One", "Two"]),
    ],
)
def test_twiml_is_read(twiml: str, texts: list[str]) -> None:
    assert texts_in(twiml) == texts


@pytest.mark.parametrize("twiml", ["<Response>", "thank you", "<html/>"])
def test_what_is_no_twiml_is_called_so(twiml: str) -> None:
    with pytest.raises(Unreadable):
        texts_in(twiml)


@pytest.mark.parametrize("number", ["07700900101", "+4407700900101", "+44", "+0123456789", "4477009001", "", "+44x"])
def test_a_number_that_cannot_exist_is_none(number: str) -> None:
    assert not is_phone_number(number)


def test_a_number_may_be_written_with_spaces_and_brackets() -> None:
    fields = {"To": ["+44 (7700) 900-101"], "From": ["+447700900000"], "Body": ["Hello"]}
    assert read_order(fields, sender="+447700900000", messaging_service_sid=None).recipient == ASHA


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"To": ""}, 21604),
        ({"To": "07700900101"}, 21211),
        ({"From": ""}, 21603),
        ({"From": "Telecare!!!!!!"}, 21212),
        ({"From": "+447700900009"}, 21606),
        ({"To": "+447700900000"}, 21266),
        ({"Body": "  "}, 21602),
        ({"Body": "a" * 1601}, 21617),
        ({"StatusCallback": "not an address"}, 21609),
        ({"StatusCallback": "https://under_score.example/x"}, 21609),
        ({"ValidityPeriod": "0"}, 20001),
        ({"ValidityPeriod": "36001"}, 20001),
        ({"ValidityPeriod": "soon"}, 20001),
        ({"MessagingServiceSid": "MG1"}, 21705),
        ({"MediaUrl": "https://example.org/cat.png"}, 20001),
    ],
)
def test_an_order_is_refused_with_the_code_that_the_provider_gives(changes: dict[str, str], code: int) -> None:
    fields = {"To": ASHA, "From": "+447700900000", "Body": "Hello"} | changes
    with pytest.raises(Refused) as refused:
        read_order({name: [text] for name, text in fields.items()}, sender="+447700900000", messaging_service_sid=None)
    assert refused.value.code == code
