"""The short code by which people name an alert in an SMS. Pure."""

import random
from collections.abc import Callable

# No letter that is read as a digit or as another (0 O D Q, 1 I L, 2 Z, 5 S, 6 G, 8 B, U V), no vowel, so that a code is
# no word; and none of the digits that responders answer with, so that "14F7K" can be read in one way only.
ALPHABET = "479CFHJKMNPRTVWXY"
CODE_LENGTHS = range(4, 9)  # what the schema takes
_TRIES_PER_LENGTH = 20


def new_code(source: random.Random, *, is_taken: Callable[[str], bool]) -> str:
    """A code nobody has; a longer one when those of four characters run short."""
    for length in CODE_LENGTHS:
        for _ in range(_TRIES_PER_LENGTH):
            code = "".join(source.choices(ALPHABET, k=length))
            if not is_taken(code):
                return code
    raise RuntimeError("no free alert code found")
