"""What the API refuses, in Twilio's own codes and words. Pure."""

from typing import Any

# code: (HTTP status, sentence)
REFUSALS = {
    20001: (400, "{detail}"),
    20003: (401, "Authenticate"),
    20004: (405, "Method not allowed"),
    20404: (404, "The requested resource {detail} was not found"),
    20429: (429, "Too Many Requests"),
    20500: (500, "An internal server error has occurred"),
    21211: (400, "The 'To' number {detail} is not a valid phone number."),
    21212: (400, "The 'From' number {detail} is not a valid phone number, shortcode, or alphanumeric sender ID."),
    21266: (400, "'To' and 'From' number cannot be the same: {detail}"),
    21408: (
        400,
        "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {detail}",
    ),
    21602: (400, "Message body is required."),
    21603: (400, "A 'From' phone number is required."),
    21604: (400, "A 'To' phone number is required."),
    21606: (
        400,
        "The From phone number {detail} is not a valid, SMS-capable inbound phone number or short code"
        " for your account.",
    ),
    21609: (400, "The StatusCallback URL {detail} is not a valid URL."),
    21610: (400, "Attempt to send to unsubscribed recipient"),
    21614: (400, "'To' number is not a valid mobile number"),
    21617: (400, "The concatenated message body exceeds the 1600 character limit."),
    21705: (400, "The Messaging Service Sid {detail} is invalid."),
}


class Refused(Exception):
    """The API does not take the request."""

    def __init__(self, code: int, detail: str = "") -> None:
        self.status, sentence = REFUSALS[code]
        super().__init__(sentence.format(detail=detail))
        self.code = code

    def body(self) -> dict[str, Any]:
        """The JSON that Twilio answers with."""
        return {
            "code": self.code,
            "message": str(self),
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }
