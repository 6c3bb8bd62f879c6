"""The mails to oneself (T10): the digest of the day, its hour for the practice, visits that are handed over."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from booking.notifications import digests
from booking.practice.agendas import agenda_of, choose_received_message
from booking.web.dashboard.access import (
    DashboardRequest,
    actor,
    requires,
)
from booking.web.dashboard.messages.forms import DigestForm
from booking.web.dashboard.pages import show
from tenants.accounts.permissions import Operation


@requires(Operation.SEE_AGENDA)
def digest(request: DashboardRequest) -> HttpResponse:
    """Turn the mails to the user on or off; a user with the right to edit messages also sets the digest's hour."""
    agenda = agenda_of(request.user)
    form = DigestForm(
        request.POST if request.method == "POST" else None,
        subject=request.practice,
        stored=lambda: {
            "wants_digest": digests.wants_digest(request.user),
            "minute": request.practice.digest_minute,
            "notifies_received": agenda is not None and agenda.notifies_received,
        },
        can_choose_hour=request.access.allows(Operation.EDIT_MESSAGES),
        has_agenda=agenda is not None,
    )
    if form.is_valid():
        _save(form, request)
        if agenda is not None:
            choose_received_message(
                practitioner=agenda,
                is_wanted=form.cleaned_data["notifies_received"],
                actor=actor(request),
                now=request.now,
            )
        messages.success(request, _("C’est enregistré."))
        return redirect("dashboard:digest")
    context = {"form": form, "email": request.user.email}
    return show(request, "messages/digest", context, tab="messages", status=form.status)


def _save(form: DigestForm, request: DashboardRequest) -> None:
    staff_actor, now = actor(request), request.now
    minute = form.cleaned_data.get("minute")
    # The hour is saved first, so that a digest turned on by the same form uses it.
    if minute is not None and minute != request.practice.digest_minute:
        digests.choose_hour(minute=minute, actor=staff_actor, now=now)
    if form.cleaned_data["wants_digest"]:
        digests.subscribe(user=request.user, actor=staff_actor, now=now)
    else:
        digests.unsubscribe(user=request.user, actor=staff_actor, now=now)
