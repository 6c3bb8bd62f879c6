"""The link of a video place: an https address that the practice has chosen (B-14)."""

from urllib.parse import urlsplit, urlunsplit

LONGEST = 300
"""Characters of a link, the length of its column."""
_FORBIDDEN = frozenset("<>\"'`\\{}|^")


def read_video_link(typed: str) -> str:
    """Return the link as it is stored, its host in lower case.

    Raises ValueError for anything but an https address of a named host: for other schemes, a user name before
    the host, a port, a host without a dot, and characters that end a link inside a message.
    """
    link = typed.strip()
    if len(link) > LONGEST or not link.isascii() or not link.isprintable() or " " in link:
        raise ValueError("not a link")
    if _FORBIDDEN & set(link):
        raise ValueError("a character that ends a link")
    parts = urlsplit(link)
    host = parts.netloc.lower()
    if parts.scheme != "https" or host != parts.hostname:
        raise ValueError("not an https address of a host")
    labels = host.split(".")
    is_named = len(labels) > 1 and all(labels) and not labels[-1].isdigit()
    if not is_named or not all(_is_label(label) for label in labels):
        raise ValueError("not the name of a host")
    return urlunsplit(parts._replace(netloc=host))


def _is_label(label: str) -> bool:
    return label.replace("-", "").isalnum() and not label.startswith("-")
