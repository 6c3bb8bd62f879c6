"""`/courrier/`: the mails and SMS of the demonstration, read from one folder; demo only."""

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

from config.demo_data import one_time_code

SHOWN = 200


@dataclass(frozen=True)
class Letter:
    """One mail of the folder."""

    key: str
    message: EmailMessage

    @property
    def subject(self) -> str:
        """Its subject."""
        return str(self.message["Subject"] or "")

    @property
    def to(self) -> str:
        """Whom it is for."""
        return str(self.message["To"] or "")

    @property
    def sender(self) -> str:
        """Who it is from."""
        return str(self.message["From"] or "")

    @property
    def at(self) -> datetime | None:
        """Its date, aware."""
        found = self.message["Date"]
        return found.datetime if found is not None else None

    @property
    def plain(self) -> str:
        """Its text part."""
        return self.part("plain")

    @property
    def has_layout(self) -> bool:
        """Whether it has an HTML part: an SMS has none."""
        return self.message.get_body(preferencelist=("html",)) is not None

    def part(self, kind: str) -> str:
        """The text of its `plain` or `html` part, "" when there is none."""
        body = self.message.get_body(preferencelist=(kind,))
        return str(body.get_content()) if body is not None else ""


def _read(file: Path) -> Letter:
    message = email.message_from_bytes(
        file.read_bytes(), _class=EmailMessage, policy=email.policy.default
    )
    return Letter(file.stem, message)


def _find(key: str) -> Letter:
    for file in Path(settings.MAIL_SPOOL).glob("*.eml"):
        if file.stem == key:
            return _read(file)
    raise Http404


@never_cache
@require_safe
def letters(request: HttpRequest) -> HttpResponse:
    """The last mails, newest first, and the code that the staff's second factor asks for."""
    files = sorted(Path(settings.MAIL_SPOOL).glob("*.eml"), reverse=True)[:SHOWN]
    context = {"letters": [_read(file) for file in files], "code": one_time_code()}
    return render(request, "demo/letters.html", context)


@never_cache
@require_safe
def letter(request: HttpRequest, key: str) -> HttpResponse:
    """One mail as text, with a link to its other form."""
    return render(request, "demo/letter.html", {"letter": _find(key)})


@csp_replace({"style-src": ["'unsafe-inline'"]})  # type: ignore[arg-type]  # typed for views without arguments
@never_cache
@require_safe
def as_html(request: HttpRequest, key: str) -> HttpResponse:
    """The HTML part as a mail program shows it: styles inside, nothing fetched."""
    return HttpResponse(_find(key).part("html"))


urlpatterns = [
    path("", letters, name="mailbox"),
    path("<str:key>/", letter, name="mailbox_letter"),
    path("<str:key>/html/", as_html, name="mailbox_html"),
]
