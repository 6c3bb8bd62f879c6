"""The pages `/courrier/` of the demonstration: mails and SMS from the folder MAIL_SPOOL."""

import email
import email.policy
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path

from csp.decorators import csp_replace
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config.devtools.demo_data import one_time_code

SHOWN = 200


@dataclass(frozen=True)
class SpooledMessage:
    """One mail or SMS of the folder."""

    key: str
    message: EmailMessage

    @property
    def subject(self) -> str:
        """The Subject header."""
        return str(self.message["Subject"] or "")

    @property
    def to(self) -> str:
        """The To header."""
        return str(self.message["To"] or "")

    @property
    def sender(self) -> str:
        """The From header."""
        return str(self.message["From"] or "")

    @property
    def at(self) -> datetime | None:
        """The Date header as an aware datetime; None without one."""
        found = self.message["Date"]
        return found.datetime if found is not None else None

    @property
    def plain(self) -> str:
        """The text part."""
        return self.part("plain")

    @property
    def has_layout(self) -> bool:
        """Whether the message has an HTML part; an SMS has none."""
        return self.message.get_body(preferencelist=("html",)) is not None

    def part(self, kind: str) -> str:
        """Return the text of the `plain` or `html` part, "" without one."""
        body = self.message.get_body(preferencelist=(kind,))
        return str(body.get_content()) if body is not None else ""


def _read(file: Path) -> SpooledMessage:
    message = email.message_from_bytes(
        file.read_bytes(), _class=EmailMessage, policy=email.policy.default
    )
    return SpooledMessage(file.stem, message)


def _find(key: str) -> SpooledMessage:
    for file in Path(settings.MAIL_SPOOL).glob("*.eml"):
        if file.stem == key:
            return _read(file)
    raise Http404


@never_cache
@require_safe
def message_list(request: HttpRequest) -> HttpResponse:
    """List the last 200 messages, the newest first, with the current code of the staff's second factor."""
    files = sorted(Path(settings.MAIL_SPOOL).glob("*.eml"), reverse=True)[:SHOWN]
    context = {"mails": [_read(file) for file in files], "code": one_time_code()}
    return render(request, "demo/messages.html", context)


@never_cache
@require_safe
def message_detail(request: HttpRequest, key: str) -> HttpResponse:
    """Show the text part of a message, with a link to its HTML part."""
    return render(request, "demo/message.html", {"mail": _find(key)})


@csp_replace({"style-src": ["'unsafe-inline'"]})  # type: ignore[arg-type]  # typed for views without arguments
@never_cache
@require_safe
def as_html(request: HttpRequest, key: str) -> HttpResponse:
    """Show the HTML part as a mail program does: inline styles, no external resources."""
    return HttpResponse(_find(key).part("html"))


urlpatterns = [
    path("", message_list, name="mailbox"),
    path("<str:key>/", message_detail, name="mailbox_message"),
    path("<str:key>/html/", as_html, name="mailbox_html"),
]
