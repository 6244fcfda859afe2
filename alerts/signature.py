"""Is this webhook really from Twilio? Signed over the address we configured, whatever a proxy's headers claim."""

from collections.abc import Mapping

from twilio.request_validator import RequestValidator


def is_signed(
    *, auth_token: str, public_url: str, path: str, query: str, form: Mapping[str, str], signature: str | None
) -> bool:
    """True if `signature` (header X-Twilio-Signature) fits the request.

    `path` begins with a slash; `query` is the raw query string, without question mark; `form` are the posted fields.
    Without a token of ours nothing is genuine.
    """
    if not auth_token or not signature:
        return False
    url = public_url.rstrip("/") + path + (f"?{query}" if query else "")
    return bool(RequestValidator(auth_token).validate(url, dict(form), signature))
