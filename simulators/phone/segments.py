"""How many SMS a text takes: GSM-7 when every character is in that alphabet, else UCS-2. Pure.

After 3GPP TS 23.038. One character outside the alphabet (a curly quote) shortens the first segment from 160 to 70.
"""

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("\f^{}\\[~]|€")  # an escape and a character: two septets

GSM7_ALONE, GSM7_JOINED = 160, 153  # septets in a single text; in each part of a longer one
UCS2_ALONE, UCS2_JOINED = 70, 67  # 16-bit units


def is_gsm7(text: str) -> bool:
    """True if the whole text fits the GSM-7 alphabet."""
    return all(character in BASIC or character in EXTENDED for character in text)


def count_segments(text: str) -> int:
    """The number of SMS the text is sent as; an empty text is one."""
    if is_gsm7(text):
        sizes = [2 if character in EXTENDED else 1 for character in text]
        return _parts(sizes, alone=GSM7_ALONE, joined=GSM7_JOINED)
    sizes = [2 if ord(character) > 0xFFFF else 1 for character in text]
    return _parts(sizes, alone=UCS2_ALONE, joined=UCS2_JOINED)


def _parts(sizes: list[int], *, alone: int, joined: int) -> int:
    """An escape sequence or a surrogate pair is never split, so a part may end one unit early."""
    if sum(sizes) <= alone:
        return 1
    parts, filled = 1, 0
    for size in sizes:
        if filled + size > joined:
            parts, filled = parts + 1, 0
        filled += size
    return parts
