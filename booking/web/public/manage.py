"""P4, P5 and P9: the pages behind the link of one appointment. GET shows, POST changes (B-29)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property, wraps
from typing import Any, NotRequired, TypedDict, Unpack
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _

from booking.abuse import limits
from booking.appointments import (
    erasure_requests,
    lateness,
    rights,
)
from booking.appointments.cancel import cancel as cancel_appointment
from booking.appointments.change_limits import change_until
from booking.appointments.move import move as move_appointment
from booking.erasure import deadlines
from booking.formats import french
from booking.formats.calendar_file import Method, calendar_file
from booking.messages import appointment_messages
from booking.models import Appointment, PatientContact
from booking.models.appointment import LATE_MINUTES
from booking.notifications import appointment_delivery, ledger
from booking.patients import contacts, links
from booking.patients.external_calendar import calendars
from booking.rules import erasure, kinds
from booking.rules.errors import (
    AlreadyCancelled,
    BeyondPromise,
    BookingError,
    ChangedMeanwhile,
    SlotTaken,
    TooLate,
)
from booking.rules.persons import Person
from booking.scheduling.catalogue import region_of, substitute_of
from booking.scheduling.slots import ResolvedSlot, is_still_given, resolved_slot_of
from booking.waiting_list import waiting_entries
from booking.web.person_fields import PERSON_COLUMNS, questions_about, stored_values
from booking.web.public import (
    action_results,
    practice,
    privacy_notice,
    search,
)
from booking.web.public.forms import (
    CorrectionForm,
    ErasureForm,
    LateForm,
    PersonForm,
)
from booking.web.public.page import (
    Site,
    patient_view,
    personal,
    refusal,
    show,
    too_many,
    unknown_link,
)
from tenants.audit import receipts
from tenants.audit import services as audit
from tenants.edit_form import VERSION
from tenants.outbox.kinds import OutboxKind
from tenants.query_parameters import parameters_of

DONE_SHOWN_FOR = timedelta(hours=1)
"""The time after the booking during which its page shows the name (security 4.6)."""
_PROBLEMS: dict[type[BookingError], str] = {
    SlotTaken: "taken",
    BeyondPromise: "beyond",
    TooLate: "late",
    AlreadyCancelled: "late",
}


_MESSAGES_OF: dict[str, tuple[OutboxKind[Any], ...]] = {
    "deplace": (kinds.MOVED,),
    "adresse": (kinds.CONFIRMATION,),
    "nouvelle-adresse": (kinds.CONFIRMATION,),
    "retard": (kinds.LATE,),
}
"""The kinds of messages that an act announces, by the value of ``?fait=``."""


@dataclass(frozen=True)
class Visit:
    """One appointment behind its link, in the zone of its place."""

    appointment: Appointment
    token: str
    site: Site
    contact: PatientContact | None

    @property
    def zone(self) -> ZoneInfo:
        """The zone of the place."""
        return ZoneInfo(self.appointment.location.time_zone)

    @property
    def starts_at(self) -> datetime:
        """The start, on the clock of the place."""
        return self.appointment.starts_at.astimezone(self.zone)

    @property
    def today(self) -> date:
        """Today, there."""
        return self.site.today(self.zone)

    @property
    def change_until(self) -> datetime:
        """Until when it can be moved or cancelled online, on the clock of the place."""
        return change_until(self.appointment).astimezone(self.zone)

    @property
    def can_change(self) -> bool:
        """Whether moving and cancelling online are still possible."""
        return self.site.now < self.change_until and not self.appointment.is_cancelled

    @cached_property
    def can_move(self) -> bool:
        """Whether slots can be offered: the practice still gives this type, with this person, at this place."""
        return self.can_change and is_still_given(resolved_slot_of(self.appointment))

    @property
    def possible_actions(self) -> str:
        """What the person can do online, in words."""
        return _("déplacer ou annuler") if self.can_move else _("annuler")

    @property
    def is_past(self) -> bool:
        """Whether the link has done its service: it dies at the start."""
        return self.site.now >= self.appointment.starts_at

    @property
    def can_announce_lateness(self) -> bool:
        """Whether the visit is near enough to announce a delay."""
        return lateness.can_announce(self.appointment, now=self.site.now)

    @property
    def is_erased(self) -> bool:
        """Whether the person of this appointment has been erased."""
        return self.contact is None

    @property
    def expects_reminder(self) -> bool:
        """Whether a reminder will leave, or would if the person can be reached."""
        due = deadlines.reminder_at(
            appointment=self.appointment,
            settings=self.site.practice,
            booked_at=self.appointment.booked_at or self.site.now,
        )
        is_ahead = due is not None and due > self.site.now
        return is_ahead and self.appointment.has_reminder and not self.is_erased

    @property
    def zone_mention(self) -> str:
        """The name of the hour where it is not that of Paris (B-19)."""
        is_paris = self.zone.key == "Europe/Paris"
        return "" if is_paris else french.zone_name(self.zone.key)

    @property
    def substitute(self) -> str:
        """The substitute of the practitioner on that day (B-15)."""
        return substitute_of(self.appointment)

    def person(self) -> Person | None:
        """Open the contact."""
        return contacts.open_contact(self.contact) if self.contact else None


LinkView = Callable[[HttpRequest, Visit], HttpResponseBase]


def link_view(*methods: str) -> Callable[[LinkView], Callable[..., HttpResponseBase]]:
    """Mark a view behind a link: finds the appointment, counts the links that lead nowhere."""

    def decorate(view: LinkView) -> Callable[..., HttpResponseBase]:
        @patient_view(*methods)
        @wraps(view)
        def answer(request: HttpRequest, site: Site, token: str) -> HttpResponseBase:
            appointment = links.find_by_token(token)
            if appointment is None:
                page = refusal(request, site, "booking/link_unknown.html", 404)
                return unknown_link(request, site, page)
            visit = Visit(appointment, token, site, contacts.contact_of(appointment))
            if visit.is_past:
                return _expired_page(request, visit)
            return view(request, visit)

        return answer

    return decorate


@link_view("GET")
def confirmation(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show the confirmation (P4) for one hour; afterwards the link shows no name."""
    booked_at = visit.appointment.booked_at
    person = visit.person()
    is_fresh = booked_at is not None and visit.site.now - booked_at < DONE_SHOWN_FOR
    if not is_fresh or person is None or visit.appointment.status != Appointment.Status.BOOKED:
        return _back(visit)
    network = limits.network_of(request)
    limits.record_seen(network, visit.appointment.ref.hex, now=visit.site.now)
    context = _context(visit) | {
        "person": person,
        "masked_email": masked_email(person.email),
        "short_url": request.build_absolute_uri(
            reverse("booking:short", args=[links.short_token(visit.appointment)])
        ),
        "gets_message": _gets_messages(visit, person),
        "is_held_back": ledger.was_held_back(visit.appointment, (kinds.CONFIRMATION,)),
    }
    return show(request, visit.site, "booking/done.html", context, is_personal=True)


@link_view("GET")
def manage(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show the appointment and its actions."""
    return _manage(request, visit, done=parameters_of(request).get("fait", ""))


@link_view("GET", "POST")
def move(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show other dates, ask to confirm the chosen slot (GET ``creneau``), or move to it (POST)."""
    if not visit.can_change or visit.is_erased:
        return _manage(request, visit)
    if not visit.can_move:
        return _manage(request, visit, problem="by_phone", status=409)
    appointment = visit.appointment
    if request.method != "POST":
        chosen = search.read_value(
            parameters_of(request).get("creneau", ""), appointment.appointment_type.ref.hex
        )
        return _confirm_move(request, visit, chosen) if chosen else _other_dates(request, visit)
    slot = search.read_value(request.POST.get("slot", ""), appointment.appointment_type.ref.hex)
    if slot is None:
        return refusal(request, visit.site, "booking/errors/400.html", 400)
    stays = (appointment.starts_at, appointment.practitioner_id)
    if (slot.starts_at, slot.practitioner.pk) != stays:
        try:
            move_appointment(
                appointment=appointment,
                selection=slot.selection,
                by_patient=True,
                actor=audit.PATIENT,
                now=visit.site.now,
            )
        except BookingError as error:
            problem = _PROBLEMS[type(error)]
            return _manage(request, visit, problem=problem, status=409)
    return _back(visit, done="deplace")


@link_view("POST")
def cancel(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Cancel; a second click finds the appointment cancelled and shows the same page."""
    person = visit.person()
    try:
        cancel_appointment(
            appointment=visit.appointment, by_patient=True, actor=audit.PATIENT, now=visit.site.now
        )
    except TooLate:
        return _manage(request, visit, problem="late", status=409)
    except AlreadyCancelled:
        return _back(visit)
    _let_book_again(request, visit, person)
    return _back(visit)


@link_view("POST")
def correct(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Replace the phone number or the e-mail address; the old address is notified without the new one.

    ``all`` shows everything that the person gave: POST only, because GET shows no name (B-29). Such a form has a
    version, and replaces each field.
    """
    is_full = VERSION in request.POST
    if request.POST.get("all") and not is_full and not visit.is_erased:
        return _person_page(request, visit, _person_form(visit))
    wait = limits.seconds_to_wait(limits.CONTACT, visit.appointment.ref.hex, now=visit.site.now)
    if wait:
        return too_many(request, visit.site, seconds=wait)
    if is_full and not visit.is_erased:
        return _correct_all(request, visit)
    form = _correction_form(visit, request.POST)
    if visit.is_erased or not form.is_valid():
        return _manage(request, visit, correction=form, status=422)
    before = visit.person() or Person()
    corrected = contacts.correct(
        appointment=visit.appointment,
        phone=form.cleaned_data["phone"] or None,
        email=form.cleaned_data["email"] or None,
        actor=audit.PATIENT,
        now=visit.site.now,
    )
    return _corrected(visit, before, corrected)


def _corrected(visit: Visit, before: Person, corrected: Person | None) -> HttpResponse:
    if corrected is None or not corrected.email or corrected.email == before.email:
        return _back(visit, done="coordonnees")
    return _back(visit, done="nouvelle-adresse" if before.email else "adresse")


def _correct_all(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Replace what the person gave, unless somebody changed it after the form was shown."""
    form = _person_form(visit, request.POST)
    if not form.is_valid():
        return _person_page(request, visit, form)
    cleaned, before = form.cleaned_data, visit.person() or Person()
    try:
        corrected = contacts.correct(
            appointment=visit.appointment,
            **{column: str(cleaned[name]) for name, column in PERSON_COLUMNS.items()},
            answers=form.answers,
            seen=form.read_version,
            actor=audit.PATIENT,
            now=visit.site.now,
        )
    except ChangedMeanwhile:
        # The practice saved between the reading of the form and the lock of the contact.
        form = _person_form(visit, request.POST)
        form.full_clean()
        form.add_error(
            None, _("Le cabinet vient de changer ces coordonnées. Enregistrez de nouveau.")
        )
        return _person_page(request, visit, form)
    return _corrected(visit, before, corrected)


def _person_form(visit: Visit, data: Any = None) -> PersonForm:
    """Return the form with the stored person; a sent one reads it under its lock."""
    read = {"version": ""}
    before = visit.person() or Person()

    def stored() -> dict[str, str]:
        contact = contacts.contact_of(visit.appointment)
        person = (contacts.open_contact(contact) if contact else None) or Person()
        read["version"] = contacts.version_of(contact) if contact else ""
        return stored_values(person)

    location = visit.appointment.location
    form = PersonForm(
        data,
        subject=f"contact|{visit.appointment.ref}",
        stored=stored,
        location=location,
        region=region_of(location),
        extra_fields=questions_about(location, before.extras),
        answers=before.extras,
        practice_phone=visit.site.phone,
    )
    form.read_version = read["version"]
    return form


def _person_page(request: HttpRequest, visit: Visit, form: PersonForm) -> HttpResponse:
    context = _context(visit) | {"form": form}
    return show(
        request, visit.site, "booking/correct.html", context, status=form.status, is_personal=True
    )


@link_view("POST")
def erase(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Erase the person now; the appointment is kept or cancelled, as they chose."""
    appointment, now = visit.appointment, visit.site.now
    if appointment.is_cancelled:
        erasure_requests.erase_cancelled(appointment=appointment, now=now)
        return _back(visit)
    form = ErasureForm(request.POST)
    if not form.is_valid():
        return _manage(request, visit, erasure_form=form, status=422)
    if form.cleaned_data["outcome"] == ErasureForm.KEEP:
        erasure_requests.erase_and_keep(appointment=appointment, now=now)
        return _back(visit, done="efface")
    person = visit.person()
    try:
        erasure_requests.erase_and_cancel(appointment=appointment, now=now)
    except TooLate:
        return _manage(request, visit, problem="late", status=409)
    except AlreadyCancelled:
        erasure_requests.erase_cancelled(appointment=appointment, now=now)
    else:
        _let_book_again(request, visit, person)
    return _back(visit)


@link_view("POST")
def late(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Tell the practitioner that one will be late."""
    form = LateForm(request.POST)
    if not form.is_valid():
        return _manage(request, visit, late_form=form, status=422)
    try:
        lateness.announce_lateness(
            appointment=visit.appointment,
            minutes=form.cleaned_data["minutes"],
            now=visit.site.now,
        )
    except (AlreadyCancelled, TooLate):
        return _manage(request, visit, problem="late", status=409)
    return _back(visit, done="retard")


@link_view("GET", "POST")
def reminder(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Show the button that stops the reminder, or stop it (B-44; RFC 8058 posts here too)."""
    if request.method == "POST":
        contacts.stop_reminders(
            appointment=visit.appointment, actor=audit.PATIENT, now=visit.site.now
        )
        return _back(visit, done="rappel")
    context = _context(visit) | {"privacy_notice": _privacy_notice(visit)}
    return show(request, visit.site, "booking/reminder.html", context, is_personal=True)


@link_view("POST")
def export(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Return the recorded data. POST only: link scanners must not read them."""
    is_json = request.POST.get("format") == "json"
    body = rights.export(visit.appointment, visit.contact, zone=visit.zone, as_json=is_json)
    kind, extension = (
        ("application/json", "json") if is_json else ("text/plain; charset=utf-8", "txt")
    )
    file = HttpResponse(body, content_type=kind)
    file.headers["Content-Disposition"] = f'attachment; filename="mon-rendez-vous.{extension}"'
    return personal(file)


@link_view("GET")
def calendar(request: HttpRequest, visit: Visit) -> HttpResponseBase:
    """Hand over the .ics file: the same UID for ever, CANCEL once cancelled."""
    file = HttpResponse(
        _calendar_bytes(request, visit), content_type="text/calendar; charset=utf-8"
    )
    file.headers["Content-Disposition"] = 'attachment; filename="rendez-vous.ics"'
    return personal(file)


def masked_email(email: str) -> str:
    """Return "c•••••@example.org": enough to see a mistake, not enough to learn an address."""
    name, at, domain = email.rpartition("@")
    return f"{name[:1]}•••••{at}{domain}" if at else ""


class ManagePage(TypedDict):
    """The page of an appointment after an action: its result, or the form with its errors.

    ``done`` and ``problem`` are codes of ``action_results``.
    """

    done: NotRequired[str]
    problem: NotRequired[str]
    correction: NotRequired[CorrectionForm]
    erasure_form: NotRequired[ErasureForm]
    late_form: NotRequired[LateForm]


def _manage(
    request: HttpRequest, visit: Visit, *, status: int = 200, **page: Unpack[ManagePage]
) -> HttpResponse:
    shared = _context(visit)
    announced = shared["privacy_notice"]
    context = shared | {
        "done": action_results.succeeded(
            page.get("done", ""),
            practitioner=visit.appointment.practitioner.name,
            moment=announced.moment if announced else "",
            is_held_back=_is_held_back(visit, page.get("done", "")),
        ),
        "problem": action_results.refused(page.get("problem", "")),
        "correction": page.get("correction") or _correction_form(visit),
        "erasure_form": page.get("erasure_form") or ErasureForm(),
        "late_form": page.get("late_form") or LateForm(),
        "late_choices": LATE_MINUTES,
        "nearest": _nearest(visit) if visit.can_move and not visit.is_erased else [],
        "waits_by": _place_on_the_list(visit),
        "can_wait": visit.site.is_open and bool(visit.site.practice.waiting_minutes),
    }
    if visit.is_erased or visit.appointment.is_cancelled:
        return show(
            request, visit.site, "booking/erased.html", context, status=status, is_personal=True
        )
    return show(
        request, visit.site, "booking/manage.html", context, status=status, is_personal=True
    )


def _is_held_back(visit: Visit, done: str) -> bool:
    """Return whether the message of an act that has just succeeded does not leave."""
    causes = _MESSAGES_OF.get(done)
    return causes is not None and ledger.was_held_back(visit.appointment, causes)


def _place_on_the_list(visit: Visit) -> str:
    """Return the token of the entry that waits for an earlier slot, or nothing."""
    if not visit.can_change or visit.is_erased:
        return ""
    entry = waiting_entries.of_appointment(visit.appointment)
    return waiting_entries.link_of(entry) if entry else ""


def _expired_page(request: HttpRequest, visit: Visit) -> HttpResponse:
    return show(
        request, visit.site, "booking/link_over.html", _context(visit), status=410, is_personal=True
    )


def _context(visit: Visit) -> dict[str, Any]:
    receipt = receipts.find(visit.appointment.ref) if visit.is_erased else None
    shown = _privacy_notice(visit)
    return {
        "visit": visit,
        "appointment": visit.appointment,
        "starts_at": visit.starts_at,
        "today": visit.today,
        "receipt": receipt,
        "receipt_at": receipt.at.astimezone(visit.zone) if receipt else None,
        "privacy_notice": shown,
        "calendar_sentences": _calendar_sentences(visit, shown),
    }


def _privacy_notice(visit: Visit) -> privacy_notice.Notice | None:
    person = visit.person()
    if visit.contact is None or person is None:
        return None
    return privacy_notice.for_appointment(
        visit.appointment,
        visit.site,
        known=privacy_notice.Known(
            erase_at=visit.contact.erase_at,
            retention_days=visit.contact.retention_days,
            has_phone=bool(person.phone),
            is_reminded=_gets_messages(visit, person),
        ),
    )


def _calendar_sentences(visit: Visit, shown: privacy_notice.Notice | None) -> Sequence[str]:
    """Return the sentences on external calendars; they are shown for an erased person too."""
    if visit.appointment.is_cancelled:
        return ()
    if shown is not None:
        return shown.calendar_sentences
    return [
        calendar.sentence
        for calendar in calendars(practitioner_id=visit.appointment.practitioner_id)
    ]


def _let_book_again(request: HttpRequest, visit: Visit, person: Person | None) -> None:
    """Take a cancelled booking out of what this person has booked today from this network."""
    if person is not None and visit.appointment.origin == Appointment.Origin.PATIENT:
        network = limits.network_of(request)
        limits.give_back_person(network, person.addresses, now=visit.site.now)


def _back(visit: Visit, *, done: str = "") -> HttpResponse:
    path = reverse("booking:manage", args=[visit.token])
    return personal(HttpResponseRedirect(f"{path}?fait={done}" if done else path))


def _nearest(visit: Visit) -> list[search.SlotButton]:
    offer = search.search_around(
        _search_of(visit),
        visit.starts_at,
        now=visit.site.now,
        until_on=_last_day(visit),
        ignore_appointment=visit.appointment.pk,
    )
    return offer.nearest(visit.starts_at, without=visit.starts_at)


def _other_dates(request: HttpRequest, visit: Visit) -> HttpResponse:
    same = _search_of(visit)
    context = practice.week_context(
        same,
        asked=parameters_of(request) or {"semaine": visit.starts_at.date().isoformat()},
        site=visit.site,
        until=_last_day(visit),
        ignore_appointment=visit.appointment.pk,
    )
    return show(
        request, visit.site, "booking/move.html", _context(visit) | context, is_personal=True
    )


def _confirm_move(request: HttpRequest, visit: Visit, chosen: ResolvedSlot) -> HttpResponse:
    """Show the present time and the chosen one, and one button: a thumb that slips moves nothing."""
    context = {
        "slot": parameters_of(request)["creneau"],
        "new_starts_at": chosen.starts_at.astimezone(visit.zone),
        "practitioner": chosen.practitioner
        if chosen.practitioner != visit.appointment.practitioner
        else None,
    }
    return show(
        request,
        visit.site,
        "booking/move_confirm.html",
        _context(visit) | context,
        is_personal=True,
    )


def _last_day(visit: Visit) -> date:
    """Return the last date a move may take: the appointment type's horizon and the promise of one year (B-22)."""
    return erasure.last_bookable_on(
        now=visit.site.now,
        booked_at=visit.appointment.booked_at or visit.site.now,
        zone=visit.zone,
        horizon_days=visit.appointment.appointment_type.horizon_days,
        retention_days=visit.site.practice.retention_days,
    )


def _search_of(visit: Visit) -> search.Search:
    appointment = visit.appointment
    return search.search_for(
        appointment.appointment_type, appointment.location, appointment.practitioner
    )


def _correction_form(visit: Visit, data: Any = None) -> CorrectionForm:
    person = visit.person() or Person()
    phone = _("Celui que nous avons se termine par %(end)s. Laissez vide pour le garder.") % {
        "end": person.phone[-2:]
    }
    email = _("Celui que nous avons : %(masked)s. Laissez vide pour le garder.") % {
        "masked": masked_email(person.email)
    }
    nothing = _("Nous n'en avons pas.")
    return CorrectionForm(
        data,
        region=region_of(visit.appointment.location),
        phone_hint=phone if person.phone else nothing,
        email_hint=email if person.email else nothing,
    )


def _calendar_bytes(request: HttpRequest, visit: Visit) -> bytes:
    appointment = visit.appointment
    event = appointment_messages.calendar_event(
        appointment_messages.MessageVisit(
            ref=appointment.ref,
            sequence=appointment.sequence,
            starts_at=appointment.starts_at,
            ends_at=appointment.ends_at,
            zone=visit.zone,
            practitioner=appointment.practitioner.name,
            substitute=visit.substitute,
            practice_phone=visit.site.practice.phone,
            **appointment_delivery.practical_facts(appointment),
            base_url=request.build_absolute_uri("/").rstrip("/"),
            manage_url=request.build_absolute_uri(reverse("booking:manage", args=[visit.token])),
        )
    )
    method = Method.CANCEL if appointment.is_cancelled else Method.PUBLISH
    return calendar_file(event, method=method, now=visit.site.now)


def _gets_messages(visit: Visit, person: Person) -> bool:
    return bool(person.email) or (visit.site.sends_sms and french.is_mobile(person.phone))
