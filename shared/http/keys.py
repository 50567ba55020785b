"""The one key that opens what not everybody may see, until there are identities."""

import hmac

_SCHEME = "bearer "


def holds_key(key: str | None, authorization: str | None) -> bool:
    """Whether the header carries the key, compared in constant time. Everybody does when there is none."""
    if key is None:
        return True
    sent = authorization or ""
    given = sent[len(_SCHEME) :] if sent[: len(_SCHEME)].lower() == _SCHEME else ""
    # A header is bytes that the framework has read as Latin-1; a key with other characters was sent in UTF-8.
    return hmac.compare_digest(given.encode("latin-1"), key.encode())
