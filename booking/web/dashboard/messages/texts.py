"""The texts that a practice adds to the messages (T10), with a preview."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from booking.formats import sms
from booking.messages.appointment_messages import (
    MessageKind,
    MessageVisit,
    Recipient,
    render_mail,
    render_sms,
    sms_size,
)
from booking.models import MessageText
from booking.notifications.appointment_delivery import place_lines
from booking.notifications.message_texts import all_texts, save_text, text_of
from booking.rules.placeholders import PLACEHOLDERS
from booking.scheduling.catalogue import first_active_location
from booking.web.dashboard.access import (
    DashboardRequest,
    actor,
    requires,
)
from booking.web.dashboard.messages.forms import TextForm
from booking.web.dashboard.pages import show
from tenants.accounts.permissions import Operation

SHOWN_AS = {
    MessageText.TextKind.CONFIRMATION: MessageKind.CONFIRMATION,
    MessageText.TextKind.REMINDER: MessageKind.REMINDER,
    MessageText.TextKind.MOVED: MessageKind.MOVED,
    MessageText.TextKind.CANCELLED: MessageKind.CANCELLED_BY_PRACTITIONER,
}
"""The message by which each text is previewed."""
SAMPLE = Recipient(first_name="Camille", email="camille@example.org")
LONG_FIRST_NAME = "Maximilienne"
"""The first name by whose length the size of an SMS is checked."""


@dataclass(frozen=True)
class MessagePreview:
    """One message as it will be read."""

    subject: str
    body: str
    sms: str
    septets: int


@requires(Operation.EDIT_MESSAGES, methods=("GET", "HEAD"))
def texts(request: DashboardRequest) -> HttpResponse:
    """List the kinds of message with the practice's text of each."""
    added = all_texts()
    context = {"kinds": [(kind, kind.label, added.get(kind)) for kind in MessageText.TextKind]}
    return show(request, "messages/texts", context, tab="messages")


@requires(Operation.EDIT_MESSAGES)
def text(request: DashboardRequest, kind: str) -> HttpResponse:
    """Edit, preview or remove the text that is added to one kind of message."""
    if kind not in MessageText.TextKind.values:
        raise Http404
    text_kind = MessageText.TextKind(kind)
    if request.POST.get("action") == "remove":
        save_text(kind=text_kind, text="", sms_text="", actor=actor(request), now=request.now)
        messages.success(request, _("Notre texte part de nouveau seul."))
        return redirect("dashboard:texts")
    visit = _sample(request)
    form = TextForm(
        request.POST if request.method == "POST" else None,
        subject=f"message.{text_kind}",
        stored=lambda: {name: getattr(text_of(text_kind), name) for name in ("text", "sms_text")},
        has_sms=request.practice.sms_enabled,
        size_of=partial(_size, SHOWN_AS[text_kind], visit),
    )
    kept = text_of(text_kind)
    is_valid = form.is_valid()
    if is_valid and request.POST.get("action") != "preview":
        typed = form.cleaned_data
        save_text(
            kind=text_kind,
            text=typed["text"],
            sms_text=typed.get("sms_text", kept.sms_text),
            actor=actor(request),
            now=request.now,
        )
        messages.success(request, _("Votre texte part avec les prochains messages."))
        return redirect("dashboard:texts")
    words = form.cleaned_data if is_valid else {"text": kept.text, "sms_text": kept.sms_text}
    context = {
        "form": form,
        "label": text_kind.label,
        "kept": kept if kept.pk else None,
        "placeholders": [f"{{{name}}}" for name in PLACEHOLDERS],
        "is_new": is_valid,
        "shown": _preview(
            SHOWN_AS[text_kind], visit, words["text"], words.get("sms_text", ""), now=request.now
        ),
    }
    return show(
        request,
        "messages/text",
        context,
        tab="messages",
        status=form.status,
    )


def _size(kind: MessageKind, visit: MessageVisit, typed: str) -> int:
    return sms_size(kind, visit=visit, added=typed, first_name=LONG_FIRST_NAME)


def _preview(
    kind: MessageKind, visit: MessageVisit, added: str, sms_added: str, *, now: datetime
) -> MessagePreview:
    mail = render_mail(
        kind, visit=visit, recipient=SAMPLE, key=UUID(int=0), now=now, visits=[visit], added=added
    )
    try:
        sms_body = render_sms(kind, visit=visit, added=sms_added, first_name=SAMPLE.first_name)
    except ValueError:
        sms_body = ""
    return MessagePreview(str(mail.subject), str(mail.body), sms_body, sms.septets(sms_body) or 0)


def _sample(request: DashboardRequest) -> MessageVisit:
    """An invented visit tomorrow at this practice."""
    place = first_active_location()
    zone = ZoneInfo(place.time_zone) if place else request.zone
    starts = (request.now.astimezone(zone) + timedelta(days=1)).replace(
        hour=14, minute=30, second=0, microsecond=0
    )
    names = sorted((practitioner.name for practitioner in request.practitioners), key=len)
    base = request.build_absolute_uri("/").rstrip("/")
    return MessageVisit(
        ref=UUID(int=0),
        sequence=0,
        starts_at=starts,
        ends_at=starts + timedelta(minutes=45),
        zone=zone,
        practitioner=names[-1] if names else request.practice.name,
        base_url=base,
        manage_url=base + reverse("booking:manage", args=["x" * 12]),
        short_url=base + reverse("booking:short", args=["x" * 22]),
        place=place_lines(place) if place else (),
        town=request.practice.town,
        practice_phone=request.practice.phone,
        spoken_ref="ABC-123",
        reminder_at=request.now,
        limit_at=request.now + timedelta(days=request.practice.retention_days),
        previous_starts_at=starts - timedelta(days=7),
    )
