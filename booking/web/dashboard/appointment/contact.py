"""Correcting what is stored about the person of an appointment, or adding it after a booking without one (T3)."""

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from booking.agenda.rows import row_of
from booking.models import Appointment
from booking.patients import contacts
from booking.rules import errors
from booking.rules.persons import Person
from booking.scheduling.catalogue import region_of
from booking.web.dashboard.access import DashboardRequest, actor, requires
from booking.web.dashboard.appointment.forms import ContactForm
from booking.web.dashboard.appointment.hints import hint_about_address, hint_about_email
from booking.web.dashboard.appointment.views import (
    appointment_or_404,
    back_to,
    changed_context,
    facts_of,
)
from booking.web.dashboard.pages import show
from booking.web.person_fields import (
    EXTRA_PREFIX,
    PERSON_COLUMNS,
    questions_about,
    stored_values,
)
from tenants.accounts.permissions import Operation


@requires(Operation.SEE_CONTACT)
def correct(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Correct the data of a person who is not erased, or add those of a visit that was booked without any."""
    found = appointment_or_404(request, ref, Operation.SEE_CONTACT)
    row = row_of(found)
    if row.person is None and not row.can_be_named(now=request.now):
        messages.info(request, _("Les coordonnées sont déjà effacées."))
        return redirect("dashboard:appointment", ref=ref)
    facts = facts_of(row, request=request)
    form = _form(request, found)
    if not form.is_valid():
        return _page(request, form, facts, found)
    try:
        _save(form, request, found)
    except errors.ChangedMeanwhile:
        # The person changed between the reading of the form and the lock of the contact.
        form = _form(request, found)
        form.full_clean()
        form.add_error(
            None, _("Quelqu’un a changé ces coordonnées à l’instant. Enregistrez de nouveau.")
        )
        return _page(request, form, facts, found)
    messages.success(request, _("Coordonnées enregistrées."))
    hint_about_email(request, form.cleaned_data.get("email", ""))
    hint_about_address(
        request, location=found.location, extra_fields=form.extra_fields, answers=form.answers
    )
    return back_to(request, ref, facts["starts"])


def _form(request: DashboardRequest, found: Appointment) -> ContactForm:
    """Return the form; a sent one reads the stored person under its lock."""
    read: dict[str, str] = {}

    def stored() -> dict[str, str]:
        contact = contacts.contact_of(found)
        person = (contacts.open_contact(contact) if contact else None) or Person()
        read["version"] = contacts.version_of(contact) if contact else ""
        return stored_values(person)

    before = _person(found).extras
    form = ContactForm(
        request.POST if request.method == "POST" else None,
        subject=f"contact|{found.ref}",
        stored=stored,
        region=region_of(found.location),
        extra_fields=questions_about(found.location, before),
        answers=before,
    )
    form.read_version = read["version"]
    return form


def _person(found: Appointment) -> Person:
    contact = contacts.contact_of(found)
    return (contacts.open_contact(contact) if contact else None) or Person()


def _page(
    request: DashboardRequest, form: ContactForm, facts: dict[str, Any], found: Appointment
) -> HttpResponse:
    context = {**facts, "form": form}
    if form.is_outdated:
        context |= changed_context(found, request)
    return show(request, "appointment/correct", context, tab="week", status=form.status)


def _save(form: ContactForm, request: DashboardRequest, found: Appointment) -> None:
    """Store the fields that were sent; a field that was not keeps its value. Raises ChangedMeanwhile."""
    sent = request.POST
    typed = {
        column: str(form.cleaned_data[name])
        for name, column in PERSON_COLUMNS.items()
        if name in sent
    }
    answers = {
        key: answer for key, answer in form.answers.items() if f"{EXTRA_PREFIX}{key}" in sent
    }
    if not form.read_version:
        extras = {key: answer for key, answer in answers.items() if answer}
        person = Person(**typed, extras=extras)
        contacts.add(appointment=found, person=person, actor=actor(request), now=request.now)
        return
    contacts.correct(
        appointment=found,
        **{column: typed.get(column) for column in PERSON_COLUMNS.values()},
        answers=answers,
        seen=form.read_version,
        actor=actor(request),
        now=request.now,
    )
