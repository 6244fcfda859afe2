from datetime import datetime, timedelta

from api.pages.rejected_words import reason_words
from ingest.wire import Reason
from store.database import Conn
from store.home import home_by_code
from store.rejected_message import KEPT_PER_HOUR, RejectedMessage, keep_rejected
from tests.api.conftest import Browser, World


def reject(
    conn: Conn, code: str | None, reason: str, *, at: datetime, times: int = 1, detail: str = "at: missing"
) -> None:
    """As ingest keeps it; commits."""
    home = home_by_code(conn, code) if code is not None else None
    message = RejectedMessage(
        home_id=home.id if home is not None else None,
        topic=f"homes/07/{code or 'NOBODY'}/native/events",
        payload=b'{"sensor": "bedroom", "value": true}',
        reason=reason,
        detail=detail,
        received_at=at,
    )
    keep_rejected(conn, [message] * times)
    conn.commit()


def test_what_was_not_taken_is_counted_by_home_and_reason_also_beyond_what_is_kept(
    sam: Browser, conn: Conn, world: World, now: datetime
) -> None:
    reject(conn, "K7", "shape", at=now - timedelta(hours=2), times=KEPT_PER_HOUR + 34)
    reject(conn, "K7", "unknown_sensor", at=now - timedelta(hours=1), detail="sensor: no sensor 'loft' in this home")
    reject(conn, None, "unknown_home", at=now - timedelta(hours=1))
    page = sam.get("/rejected").text
    assert ">234<" in page
    assert "no sensor &#39;loft&#39;" in page
    assert "Besides, 1 of no home" in page
    assert 'href="/rejected"' in sam.get("/status").text


def test_the_messages_of_a_home_are_shown_with_what_is_wrong_but_not_with_what_they_say(
    ian: Browser, conn: Conn, world: World, now: datetime
) -> None:
    reject(conn, "K7", "shape", at=now - timedelta(hours=2), detail="payload[3].at: not a time")
    page = ian.get("/homes/K7/rejected").text
    assert "payload[3].at: not a time" in page
    assert "native/events" in page
    assert "bedroom" not in page  # the installer is not to see what the resident did
    assert 'href="/homes/K7/rejected"' in ian.get("/homes/K7/equipment").text


def test_another_organisation_sees_none_of_it(charlie: Browser, conn: Conn, world: World, now: datetime) -> None:
    reject(conn, "K7", "shape", at=now)
    assert "K7" not in charlie.get("/rejected").text
    assert charlie.get("/homes/K7/rejected").status_code == 404


def test_clinicians_are_not_shown_the_equipment(clara: Browser, conn: Conn, world: World) -> None:
    assert clara.get("/rejected").status_code == 403


def test_every_reason_of_ingest_has_its_words() -> None:
    for reason in Reason:
        assert reason_words(reason) != reason.replace("_", " ").capitalize() or reason is Reason.TOO_LARGE
