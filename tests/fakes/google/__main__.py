"""`python -m tests.fakes.google --port N --redirect URL [--account nom@exemple.fr[:workspace]]`."""

import argparse
import signal
import threading

from tests.fakes.google import Google, serving


def main() -> None:
    """Serve until SIGTERM or Ctrl-C."""
    parser = argparse.ArgumentParser(description="Google Agenda's fake server, on the loopback.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--redirect", action="append", default=[], metavar="URL")
    parser.add_argument("--account", action="append", default=[], metavar="ADDRESS[:workspace]")
    parser.add_argument("--client-id", default="fake-client")
    parser.add_argument("--client-secret", default="fake-secret")
    parser.add_argument("--journal-limit", type=int, default=10_000)
    options = parser.parse_args()
    google = Google(
        client_id=options.client_id,
        client_secret=options.client_secret,
        redirects=options.redirect,
        journal_limit=options.journal_limit,
    )
    for text in options.account:
        email, _, kind = text.partition(":")
        google.account(email, workspace=kind == "workspace")
    asked = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: asked.set())
    with serving(google, options.port):
        asked.wait()


if __name__ == "__main__":
    main()
