"""Why a message was not taken, in words for whoever has to put it right. The reasons are of `ingest.wire`. Pure."""

_WORDS = {
    "topic": "Published under a topic that we do not know",
    "unknown_dialect": "Published for a protocol that we do not know",
    "wrong_partition": "Published under another partition than the home’s",
    "unknown_home": "Of no home that we know",
    "unknown_sensor": "Of a sensor that this home does not have",
    "too_many_gaps": "Too many gaps before it; the hub sends it again",
    "too_large": "Too large",
    "not_json": "Cannot be read at all",
    "shape": "Something is missing or of the wrong form",
    "value": "Not what this kind of sensor can say",
    "too_old": "Too old to be true",
    "in_future": "From the future: the clock is wrong",
    "store_refused": "The database did not take it",
    "failed": "A mistake of ours; the log has more",
    "": "Counted before reasons were noted",
}


def reason_words(reason: str) -> str:
    """The reason in words; the bare word if it is a new one."""
    return _WORDS.get(reason, reason.replace("_", " ").capitalize())
