"""Only Twilio's own posts to the address we configured are genuine."""

import pytest
from twilio.request_validator import RequestValidator

from alerts.signature import is_signed

TOKEN, URL, PATH, QUERY = "secret", "https://t.example.org", "/webhooks/twilio/status", "notification=7"
FORM = {"MessageSid": "SM1", "MessageStatus": "delivered", "Empty": ""}


def sign(url: str, form: dict[str, str], token: str = TOKEN) -> str:
    return str(RequestValidator(token).compute_signature(url, form))


def genuine(signature: str | None, *, form: dict[str, str] = FORM, token: str = TOKEN, query: str = QUERY) -> bool:
    return is_signed(auth_token=token, public_url=URL + "/", path=PATH, query=query, form=form, signature=signature)


def test_what_was_signed_over_our_address_is_genuine() -> None:
    assert genuine(sign(f"{URL}{PATH}?{QUERY}", FORM))
    assert genuine(sign(f"{URL}{PATH}", FORM), query="")


@pytest.mark.parametrize("signature", [None, "", "x", sign(f"{URL}{PATH}?{QUERY}", FORM, token="another")])
def test_an_absent_or_forged_signature_is_not(signature: str | None) -> None:
    assert not genuine(signature)


def test_one_changed_field_or_another_address_is_not() -> None:
    signature = sign(f"{URL}{PATH}?{QUERY}", FORM)
    assert not genuine(signature, form=FORM | {"MessageStatus": "failed"})
    assert not genuine(signature, query="notification=8")
    assert not genuine(sign(f"https://evil.example{PATH}?{QUERY}", FORM))


def test_without_a_token_of_ours_nothing_is_genuine() -> None:
    assert not genuine(sign(f"{URL}{PATH}?{QUERY}", FORM, token=""), token="")
