"""Calls PostgreSQL's client programs without a password on their command line, which every user may read."""

import os
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit


def without_password(url: str) -> tuple[str, dict[str, str]]:
    """Return the URL without its password, and the environment by which libpq finds it (PGPASSWORD).

    The environment is that of this process, with the password of the URL only: none of an earlier one is kept.
    """
    parts = urlsplit(url)
    user, separator, host = parts.netloc.rpartition("@")
    name, _colon, password = user.partition(":")
    query = parse_qsl(parts.query, keep_blank_values=True)
    given = [value for key, value in query if key == "password"] or [unquote(password)]
    kept = urlencode([(key, value) for key, value in query if key != "password"])
    # Not urlunsplit: it drops the slashes of a URL without a host.
    bare = f"{parts.scheme}://{name}{separator}{host}{parts.path}{'?' if kept else ''}{kept}"
    environment = {key: value for key, value in os.environ.items() if key != "PGPASSWORD"}
    if given[-1]:
        environment["PGPASSWORD"] = given[-1]
    return bare, environment
