"""The words of our SMS. Pure: no database, no provider.

At most 160 characters of the GSM 7-bit alphabet, always: one curly quote would make it 70 and split the message.
Nothing private: the home's short code, never a name, address, room or condition, nor that nobody is at home.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from store.alert import Severity

SMS_SEPTETS = 160
_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = "\f^{}\\[~]|€"  # each takes two

_SITUATION = {
    "inactivity": "no usual activity",
    "dwell": "no usual activity",
    "not_up": "no usual activity this morning",
    "cannot_observe": "cannot see activity",
    "temperature": "unusual temperature",
    "hub_silent": "hub silent",
    "sensor_silent": "sensor silent",
    "sensor_stuck": "sensor stuck",
    "battery_low": "battery low",
    "weak_signal": "weak signal",
    "clock_wrong": "hub clock wrong",
    "unknown_sensor": "sensor not set up",
    "reported": "staff report a fault",
}
_SITUATION_OTHERWISE = "routine has changed"  # also for what would say that nobody is at home

_TO_DO = {
    Severity.URGENT: "Call, then visit per plan.",
    Severity.ATTENTION: "Please call and check.",
    Severity.TECHNICAL: "Please check equipment.",
    Severity.INFORMATION: "See the page.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What every text about an alert begins with and links to."""

    service: str  # how we sign, such as Telecare
    public_url: str  # of the pages, without a slash at the end
    severity: Severity
    home_code: str
    kind: str
    code: str  # of the alert

    @property
    def link(self) -> str:
        """Where a login shows the alert."""
        return alert_link(self.public_url, self.code)


def alert_link(public_url: str, code: str) -> str:
    """Where a login shows the alert."""
    return f"{public_url.rstrip('/')}/a/{code}"


def septets(text: str) -> int | None:
    """How long it is in the GSM 7-bit alphabet; None if a character is not in it."""
    length = 0
    for character in text:
        if character in _BASIC:
            length += 1
        elif character in _EXTENDED:
            length += 2
        else:
            return None
    return length


def fits(text: str) -> bool:
    """True if it goes out as one SMS."""
    length = septets(text)
    return length is not None and length <= SMS_SEPTETS


def alert_text(about: Subject) -> str:
    """What a responder is told, with the codes to answer by."""
    situation = _SITUATION.get(about.kind, _SITUATION_OTHERWISE)
    code = about.code
    head = f"{about.service} {about.severity.upper()} {about.home_code}:"
    answers = f"Reply 1 {code} coming, 2 {code} pass, 3 {code} false"
    short_answers = f"Reply {code} with 1 coming, 2 pass, 3 false"
    return _first_that_fits(
        f"{head} {situation}. {_TO_DO[about.severity]} {about.link} {answers}",
        f"{head} {situation}. {_TO_DO[about.severity]} {_bare(about.link)} {answers}",
        f"{head} {situation}. {_TO_DO[about.severity]} {_bare(about.link)} {short_answers}",
        f"{head} {situation}. {_bare(about.link)} {short_answers}",
        f"{head} {situation}. {_TO_DO[about.severity]} {short_answers}",  # a long address of ours costs the link
        f"{head} {situation}. {short_answers}",
    )


def stand_down_text(about: Subject, news: str) -> str:
    """To whoever was told: a colleague has it, or it is over."""
    said = {
        "taken_on": "taken on by a colleague. You need not act.",
        "closed": "closed. Stand down, nothing more to do.",
        "works_again": "works again. Nothing to do unless agreed otherwise.",
    }[news]
    return _first_that_fits(f"{_lead(about)}: {said}", f"{_short_lead(about)}: {said}")


def activity_text(about: Subject, seen_at: datetime) -> str:
    """To whoever was told: life was seen. `seen_at` is the home's civil time. It does not call anybody off."""
    said = f"activity seen {seen_at:%H:%M}. Continue unless told otherwise."
    return _first_that_fits(f"{_lead(about)}: {said} {about.link}", f"{_lead(about)}: {said}", said.capitalize())


def no_longer_text(about: Subject, since: datetime) -> str:
    """To whoever was told: it is so no longer. `since` is the home's civil time. It does not call anybody off."""
    said = f"no longer so since {since:%H:%M}. Continue unless told otherwise."
    return _first_that_fits(f"{_lead(about)}: {said} {about.link}", f"{_lead(about)}: {said}", said.capitalize())


def taken_on_text(about: Subject) -> str:
    """To the one who answered 1 and was first."""
    said = "it is yours, thank you. Close it with the outcome:"
    return _first_that_fits(
        f"{_lead(about)}: {said} {about.link}", f"{_lead(about)}: {said} {_bare(about.link)}", f"{_lead(about)}: yours."
    )


def already_yours_text(about: Subject) -> str:
    """To the one who answered 1 again."""
    return _first_that_fits(f"{_lead(about)}: you have it already.", f"{_short_lead(about)}: you have it already.")


def already_taken_text(about: Subject) -> str:
    """To the one who answered second."""
    said = "a colleague has it already. You need not act."
    return _first_that_fits(f"{_lead(about)}: {said}", f"{_short_lead(about)}: {said}")


def passed_on_text(about: Subject) -> str:
    """To the one who answered 2."""
    said = "passed on to the next person."
    return _first_that_fits(f"{_lead(about)}: {said}", f"{_short_lead(about)}: {said}")


def false_needs_login_text(about: Subject, *, next_is_asked: bool) -> str:
    """To the one who answered 3 to an urgent alert: a caller id can be forged, so this alone closes nothing."""
    then = "The next person is asked." if next_is_asked else "It stays open."
    said = "noted, not closed: an urgent alert is closed after login."
    return _first_that_fits(
        f"{_lead(about)}: {said} {then} {about.link}",
        f"{_short_lead(about)}: {said} {then} {_bare(about.link)}",
        f"{_short_lead(about)}: {said} {then}",
        f"{said.capitalize()} {then}",
    )


def closed_as_false_text(about: Subject) -> str:
    """To the one who answered 3 to an alert that is not urgent."""
    said = "closed as a false alarm, thank you."
    return _first_that_fits(f"{_lead(about)}: {said}", f"{_short_lead(about)}: {said}")


def already_closed_text(about: Subject) -> str:
    """To the one who answered something that is over."""
    said = "already closed. Nothing to do."
    return _first_that_fits(f"{_lead(about)}: {said}", f"{_short_lead(about)}: {said}")


def which_text(service: str, codes: Sequence[str]) -> str:
    """An answer without a code, or one that fits two alerts."""
    said = f"{service}: which alert? Reply 1, 2 or 3 and its code:"
    for shown in range(len(codes), 0, -1):
        text = f"{said} {' '.join(codes[:shown])}"
        if fits(text):
            return text
    return _first_that_fits(said)


def nothing_open_text(service: str) -> str:
    """An answer while nothing is open to that number, or about an alert that number was not told of lately."""
    return _first_that_fits(f"{service}: no alert with that code was sent to this number in the last 12 hours.")


def help_text(service: str) -> str:
    """To whoever was told of an alert and wrote something we do not know."""
    return _first_that_fits(
        f"{service}: not understood. Reply 1 coming, 2 pass on, 3 false alarm, and the alert's code, such as 1 4F7K."
    )


def _lead(about: Subject) -> str:
    return f"{about.service} {about.home_code} ({about.code})"


def _short_lead(about: Subject) -> str:
    return f"{about.home_code[:32]} ({about.code})"


def _bare(link: str) -> str:
    return link.removeprefix("https://").removeprefix("http://")


def _first_that_fits(*texts: str) -> str:
    """The fullest that fits; on a name or code that never does, the last one cut: a plain text beats none."""
    for text in texts:
        if fits(text):
            return text
    plain = "".join(character for character in texts[-1] if character in _BASIC)
    return plain[:SMS_SEPTETS]
