"""The words that a practice adds to our messages (T10), with what they will look like."""

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

from booking import sms
from booking.forms.dashboard.messages import TextForm
from booking.messages import Kind, Recipient, Visit, render_mail, render_sms, sms_size
from booking.models import Location, MessageText
from booking.services.message_texts import save_text
from booking.services.notices import place_lines
from booking.views.dashboard.access import DashboardRequest, actor, requires
from booking.views.dashboard.pages import show
from booking.wording import PLACEHOLDERS
from tenants.accounts.permissions import Operation

SHOWN_AS = {
    MessageText.Kind.CONFIRMATION: Kind.CONFIRMATION,
    MessageText.Kind.REMINDER: Kind.REMINDER,
    MessageText.Kind.MOVED: Kind.MOVED,
    MessageText.Kind.CANCELLED: Kind.CANCELLED_BY_PRACTITIONER,
}
"""The message by which each text is previewed."""
SAMPLE = Recipient(first_name="Camille", email="camille@example.org")
LONG_FIRST_NAME = "Maximilienne"
"""What the placeholder of a first name must leave room for in an SMS."""


@dataclass(frozen=True)
class Preview:
    """One message as it will be read."""

    subject: str
    body: str
    sms: str
    septets: int


@requires(Operation.EDIT_MESSAGES, methods=("GET", "HEAD"))
def texts(request: DashboardRequest) -> HttpResponse:
    """List the messages and what is added to each."""
    added = {one.kind: one for one in MessageText.objects.all()}
    context = {"kinds": [(kind, kind.label, added.get(kind)) for kind in MessageText.Kind]}
    return show(request, "texts", context, tab="letters")


@requires(Operation.EDIT_MESSAGES)
def text(request: DashboardRequest, kind: str) -> HttpResponse:
    """Write what is added to one kind of message, look at it, or go back to ours."""
    if kind not in MessageText.Kind.values:
        raise Http404
    wanted = MessageText.Kind(kind)
    if request.POST.get("acte") == "retirer":
        save_text(kind=wanted, text="", sms_text="", actor=actor(request), now=request.now)
        messages.success(request, _("Notre texte part de nouveau seul."))
        return redirect("dashboard:texts")
    kept = MessageText.objects.filter(kind=wanted).first() or MessageText(kind=wanted)
    visit = _sample(request)
    form = TextForm(
        request.POST if request.method == "POST" else None,
        initial={"text": kept.text, "sms_text": kept.sms_text},
        has_sms=request.practice.sms_enabled,
        size_of=partial(_size, SHOWN_AS[wanted], visit),
    )
    is_valid = form.is_valid()
    if is_valid and request.POST.get("acte") != "apercu":
        typed = form.cleaned_data
        save_text(
            kind=wanted,
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
        "label": wanted.label,
        "kept": kept if kept.pk else None,
        "placeholders": [f"{{{name}}}" for name in PLACEHOLDERS],
        "is_new": is_valid,
        "shown": _preview(
            SHOWN_AS[wanted], visit, words["text"], words.get("sms_text", ""), now=request.now
        ),
    }
    return show(
        request,
        "text",
        context,
        tab="letters",
        status=422 if form.is_bound and not is_valid else 200,
    )


def _size(kind: Kind, visit: Visit, typed: str) -> int:
    return sms_size(kind, visit=visit, added=typed, first_name=LONG_FIRST_NAME)


def _preview(kind: Kind, visit: Visit, added: str, sms_added: str, *, now: datetime) -> Preview:
    mail = render_mail(
        kind, visit=visit, recipient=SAMPLE, key=UUID(int=0), now=now, visits=[visit], added=added
    )
    try:
        said = render_sms(kind, visit=visit, added=sms_added, first_name=SAMPLE.first_name)
    except ValueError:
        said = ""
    return Preview(str(mail.subject), str(mail.body), said, sms.septets(said) or 0)


def _sample(request: DashboardRequest) -> Visit:
    """An invented visit tomorrow at this practice."""
    place = Location.objects.filter(is_active=True).first()
    zone = ZoneInfo(place.time_zone) if place else request.zone
    starts = (request.now.astimezone(zone) + timedelta(days=1)).replace(
        hour=14, minute=30, second=0, microsecond=0
    )
    names = sorted((who.name for who in request.practitioners), key=len)
    base = request.build_absolute_uri("/").rstrip("/")
    return Visit(
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
