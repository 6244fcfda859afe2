from datetime import timedelta

import pytest

from api.security import Passwords, hash_password, safe_return
from store.audit import Action, audit_entries
from store.database import Conn
from store.staff import Role, deactivate_staff, set_password
from tests.api.conftest import FORM_TOKEN, Browser, Open, World
from tests.api.seed import HASHER, PASSWORD

WRONG = "The e-mail address or the password is not right."


def test_the_right_password_opens_a_session_and_leads_where_one_wanted_to_go(visitor: Browser) -> None:
    answer = visitor.sign_in("olive", next="/alerts/4F2Q")
    assert (answer.status_code, answer.headers["location"]) == (303, "/alerts/4F2Q")
    assert visitor.get("/").status_code == 200


def test_capitals_of_the_address_do_not_matter(visitor: Browser) -> None:
    assert visitor.sign_in("OLIVE").status_code == 303


def test_the_cookie_cannot_be_read_by_scripts_nor_sent_by_other_sites(visitor: Browser) -> None:
    cookie = visitor.sign_in("olive").headers["set-cookie"]
    assert cookie.startswith("telecare_session=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie


def test_behind_https_cookies_are_secure_and_bound_to_the_host(open_browser: Open) -> None:
    browser = open_browser(public_url="https://testserver")
    answer = browser.sign_in("olive")
    assert answer.headers["set-cookie"].startswith("__Host-telecare_session=")
    assert "Secure" in answer.headers["set-cookie"]
    assert "Strict-Transport-Security" in answer.headers
    assert browser.get("/").status_code == 200


def test_the_database_keeps_no_token_and_no_password(visitor: Browser, conn: Conn) -> None:
    visitor.sign_in("olive")
    token = visitor.wire.cookies["telecare_session"]
    kept = conn.execute("SELECT token_hash FROM session").fetchall()
    assert [len(row[0]) for row in kept] == [32]
    assert token.encode() not in bytes(kept[0][0])
    assert conn.execute("SELECT password_hash FROM staff LIMIT 1").fetchall()[0][0].startswith("$argon2id$")


def test_a_wrong_password_and_an_unknown_address_get_the_same_words(visitor: Browser) -> None:
    known, unknown = visitor.sign_in("olive", password="wrong"), visitor.sign_in("nobody", password="wrong")
    assert known.status_code == unknown.status_code == 422
    assert WRONG in known.text
    assert WRONG in unknown.text
    assert visitor.get("/").status_code == 303


def test_wrong_passwords_of_one_account_are_limited_also_for_whoever_then_has_the_right_one(
    open_browser: Open, conn: Conn, world: World
) -> None:
    for number in range(10):
        answer = open_browser(address=f"198.51.100.{number}").sign_in("olive", password="wrong")
        assert answer.status_code == 422
    late = open_browser()
    answer = late.sign_in("olive")
    assert answer.status_code == 429
    assert "Too many wrong passwords. Try again in 15 min" in answer.text
    assert 0 < int(answer.headers["retry-after"]) <= 15 * 60 + 1
    assert late.sign_in("clara").status_code == 303  # others are not locked out with her
    assert open_browser(later=timedelta(minutes=16)).sign_in("olive").status_code == 303
    refused = audit_entries(conn, action=Action.SIGN_IN_REFUSED, since=world.now - timedelta(days=1))
    assert len(refused) == 11


def test_attempts_that_were_refused_do_not_make_the_wait_longer(open_browser: Open) -> None:
    browser = open_browser(login_limit_account=3)
    for _ in range(8):
        browser.sign_in("olive", password="wrong")
    later = open_browser(login_limit_account=3, later=timedelta(minutes=14))
    assert later.sign_in("olive").status_code == 429
    assert open_browser(login_limit_account=3, later=timedelta(minutes=16)).sign_in("olive").status_code == 303


def test_guesses_from_one_address_are_limited_whatever_the_account(open_browser: Open) -> None:
    browser = open_browser(login_limit_address=4)
    statuses = [browser.sign_in(f"nobody{number}", password="x").status_code for number in range(6)]
    assert statuses == [422, 422, 422, 422, 429, 429]
    assert open_browser(login_limit_address=4, address="192.0.2.77").sign_in("olive").status_code == 303


def test_the_right_password_lets_the_account_start_afresh(visitor: Browser) -> None:
    for _ in range(9):
        visitor.sign_in("olive", password="wrong")
    assert visitor.sign_in("olive").status_code == 303
    assert visitor.sign_in("olive", password="wrong").status_code == 422


def test_signing_in_makes_a_new_session_and_ends_the_old_one(visitor: Browser, conn: Conn) -> None:
    visitor.sign_in("olive")
    old = visitor.wire.cookies["telecare_session"]
    visitor.sign_in("olive")
    assert visitor.wire.cookies["telecare_session"] != old
    assert conn.execute("SELECT count(*) FROM session").fetchall() == [(1,)]


def test_signing_out_ends_the_session_on_the_server_too(olive: Browser, open_browser: Open) -> None:
    token = olive.wire.cookies["telecare_session"]
    assert olive.submit("/sign-out").headers["location"] == "/sign-in"
    thief = open_browser()
    thief.wire.cookies.set("telecare_session", token)
    assert thief.get("/").status_code == 303


def test_a_session_ends_when_nobody_uses_it(olive: Browser, open_browser: Open) -> None:
    assert open_browser(keep=olive, later=timedelta(hours=7)).get("/").status_code == 200
    assert open_browser(keep=olive, later=timedelta(hours=16)).get("/").status_code == 303


def test_a_session_ends_after_its_limit_however_busy(olive: Browser, open_browser: Open) -> None:
    for hours in (4, 8, 12):
        assert open_browser(keep=olive, later=timedelta(hours=hours)).get("/").status_code == 200
    assert open_browser(keep=olive, later=timedelta(hours=13, minutes=1)).get("/").status_code == 303


def test_a_board_that_refreshes_by_itself_does_not_keep_a_session_alive(olive: Browser, open_browser: Open) -> None:
    by_itself = {"X-Telecare-Refresh": "1"}
    for hours in (3, 6):
        board = open_browser(keep=olive, later=timedelta(hours=hours))
        assert board.get("/board", headers=by_itself).status_code == 200
    answer = open_browser(keep=olive, later=timedelta(hours=8, minutes=1)).get("/board", headers=by_itself)
    assert answer.status_code == 401  # the script then says so, loudly


def test_who_has_left_is_out_at_once(olive: Browser, conn: Conn, world: World) -> None:
    deactivate_staff(conn, world.ours.staff[Role.OPERATOR])
    conn.commit()
    assert olive.get("/").status_code == 303
    assert WRONG in olive.sign_in("olive").text


def test_a_new_password_ends_the_sessions_of_the_old_one(olive: Browser, conn: Conn, world: World) -> None:
    set_password(conn, world.ours.staff[Role.OPERATOR], HASHER.hash("another long password"))
    conn.commit()
    assert olive.get("/").status_code == 303
    assert olive.sign_in("olive", password="another long password").status_code == 303


def test_a_sign_in_form_that_was_not_ours_is_refused(visitor: Browser) -> None:
    fields = {"email": "olive@example.org", "password": PASSWORD}
    assert visitor.post("/sign-in", fields).status_code == 403
    other = FORM_TOKEN.search(visitor.get("/sign-in").text)
    assert other is not None
    visitor.get("/sign-in")  # a newer form
    assert visitor.post("/sign-in", {**fields, "form_token": other[1]}).status_code == 403


def test_what_is_missing_is_said_beside_its_field(visitor: Browser) -> None:
    token = FORM_TOKEN.search(visitor.get("/sign-in").text)
    assert token is not None
    page = visitor.post("/sign-in", {"form_token": token[1]})
    assert page.status_code == 422
    assert '<a href="#email">Enter your e-mail address</a>' in page.text
    assert '<a href="#password">Enter your password</a>' in page.text
    assert "<title>Error: Sign in" in page.text


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\t/evil.example",
        "/%0d%0aSet-Cookie:x=1\r\n",
        "evil.example",
        "",
        "/sign-in",
        "/sign-out",
    ],
)
def test_no_other_site_is_a_place_to_return_to(target: str) -> None:
    assert safe_return(target) == "/"


def test_nobody_is_led_to_another_site_after_signing_in(visitor: Browser) -> None:
    assert 'name="next" value="/"' in visitor.get("/sign-in?next=https://evil.example").text
    assert visitor.sign_in("olive", next="//evil.example").headers["location"] == "/"


def test_a_path_of_ours_with_a_question_is_kept() -> None:
    assert safe_return("/homes/K7?weeks=2") == "/homes/K7?weeks=2"


def test_the_page_one_wanted_is_remembered_on_the_way_to_the_form(visitor: Browser) -> None:
    answer = visitor.get("/a/4F2Q")
    assert answer.headers["location"] == "/sign-in?next=%2Fa%2F4F2Q"
    assert 'name="next" value="/a/4F2Q"' in visitor.get(answer.headers["location"]).text


def test_passwords_are_kept_with_full_strength_and_short_ones_refused() -> None:
    kept = hash_password("a long enough password")
    assert "$argon2id$v=19$m=65536,t=3,p=4$" in kept
    assert Passwords().is_right("a long enough password", kept)
    with pytest.raises(ValueError, match="12 to 256 characters"):
        hash_password("short")


def test_a_weakly_hashed_password_is_hashed_anew_when_it_is_next_given(conn: Conn, world: World) -> None:
    strong = Passwords()
    weak = HASHER.hash(PASSWORD)
    assert strong.is_right(PASSWORD, weak)
    renewed = strong.renewed(PASSWORD, weak)
    assert renewed is not None
    assert strong.renewed(PASSWORD, renewed) is None
