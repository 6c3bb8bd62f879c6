"""The first day (T16): four screens from the invitation to a bookable slot, then the link to share.

Each screen saves what an ordinary page of the dashboard saves: one may leave, skip and come back.
"""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from booking.beginnings import OTHER, Beginning, recognised
from booking.forms.dashboard.first_day import FirstPlaceForm, MotifTemplatesForm, ProfessionForm
from booking.forms.dashboard.week import WeekForm, hours_typed
from booking.models import AppointmentType, Location, OpeningHours, Practitioner
from booking.qr_code import svg_of
from booking.services import hours, motifs
from booking.services.first_day import Progress, Step, progress
from booking.services.hours import Range
from booking.services.practice import save_practice
from booking.views.dashboard.access import DashboardRequest, actor, requires
from booking.views.dashboard.hours import editor_act, editor_context
from booking.views.dashboard.motifs import fitting, place_initial
from booking.views.dashboard.pages import show
from booking.views.dashboard.preview import first_days
from tenants.accounts.permissions import Operation

PAGES = {
    Step.PROFESSION: "first_profession",
    Step.PLACE: "first_place",
    Step.HOURS: "first_hours",
    Step.MOTIFS: "first_motifs",
}
READY = "first_ready"


@requires(Operation.EDIT_PRACTICE, methods=("GET", "HEAD"))
def resume(_request: DashboardRequest) -> HttpResponse:
    """Lead to the first screen that is left, or to the end."""
    following = progress().next
    return redirect(f"dashboard:{PAGES[following] if following else READY}")


@requires(Operation.EDIT_PRACTICE)
def profession(request: DashboardRequest) -> HttpResponse:
    """Screen 1: the model to begin with, guessed from the order."""
    practice = request.practice
    guessed = recognised(practice.profession, practice.kind)
    initial = {"profession": practice.profession, "start": guessed.key if guessed else None}
    form = ProfessionForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        save_practice(values=form.values, actor=actor(request), now=request.now)
        return _after(Step.PROFESSION)
    return _screen(request, Step.PROFESSION, {"form": form})


@requires(Operation.EDIT_PRACTICE)
def place(request: DashboardRequest) -> HttpResponse:
    """Screen 2: where; the empty place of the order is filled in, not added to."""
    held = Location.objects.filter(is_active=True).first()
    form = FirstPlaceForm(
        request.POST if request.method == "POST" else None, initial=_place_initial(request, held)
    )
    if form.is_valid():
        motifs.save_place(
            place=held, values=form.cleaned_data, actor=actor(request), now=request.now
        )
        return _after(Step.PLACE)
    return _screen(request, Step.PLACE, {"form": form})


@requires(Operation.EDIT_PRACTICE)
def week(request: DashboardRequest) -> HttpResponse:
    """Screen 3: the usual week of the profession, to be corrected beside its preview."""
    who, where = _who(request), Location.objects.filter(is_active=True).first()
    if who is None or where is None:
        messages.info(request, _("Donnez d’abord un lieu à votre cabinet."))
        return redirect(f"dashboard:{PAGES[Step.PLACE]}")
    rows = _first_week(who)
    act = editor_act(request)
    if request.method == "POST" and act is None:
        form = WeekForm(request.POST, practitioner=who)
        if form.is_valid():
            hours.save_week(
                practitioner=who,
                pattern=form.pattern,
                ranges=form.ranges,
                replaces=[row.pk for row in rows],
                actor=actor(request),
                now=request.now,
            )
            return _after(Step.HOURS)
        context = editor_context(request, who, rows, form)
    else:
        usual = [
            Range(day, starts, ends) for day in range(5) for starts, ends in _model(request).hours
        ]
        typed = {"place": where.ref, "every": 1} | hours_typed(usual)
        context = editor_context(request, who, rows, None, begin=typed)
    return _screen(request, Step.HOURS, {**context, "is_guided": True}, fragment=act is not None)


@requires(Operation.EDIT_PRACTICE)
def motif(request: DashboardRequest) -> HttpResponse:
    """Screen 4: the motifs of the profession that fit the places, ticked, to be corrected."""
    who = _who(request)
    form = MotifTemplatesForm(
        request.POST if request.method == "POST" else None,
        templates=fitting(_model(request)),
        is_first=not AppointmentType.objects.exists(),
    )
    if form.is_valid():
        motifs.add_from_templates(
            chosen=form.chosen,
            practitioners=[who] if who else [],
            actor=actor(request),
            now=request.now,
        )
        return _after(Step.MOTIFS)
    existing = AppointmentType.objects.filter(is_active=True)
    return _screen(request, Step.MOTIFS, {"form": form, "existing": existing[:20]})


@requires(Operation.EDIT_PRACTICE, methods=("GET", "HEAD"))
def ready(request: DashboardRequest) -> HttpResponse:
    """The end: the link and the code to share, the first slots, and what lib-rdv still waits for."""
    who = _who(request)
    offered = AppointmentType.objects.filter(
        is_active=True, channel=AppointmentType.Channel.ONLINE, practitioners=who
    ).first()
    where = offered.locations.filter(is_active=True).first() if offered else None
    days, count = first_days(request, motif=offered, who=who, place=where) if who else ([], 0)
    context = {
        "address": request.build_absolute_uri("/"),
        "preview": {"motif": offered, "days": days, "count": count},
        "progress": progress(),
        "steps": _steps(progress(), None),
        "offers_google": bool(settings.GOOGLE_CLIENT_ID),
    }
    return show(request, "first_ready", context, tab="first_day")


@requires(Operation.EDIT_PRACTICE, methods=("GET", "HEAD"))
def share_code(request: DashboardRequest) -> HttpResponse:
    """The QR code of the patients' page, drawn here."""
    answer = HttpResponse(
        svg_of(request.build_absolute_uri("/")), content_type="image/svg+xml; charset=utf-8"
    )
    if "telecharger" in request.GET:
        answer["Content-Disposition"] = 'attachment; filename="rendez-vous-qr.svg"'
    return answer


def _model(request: DashboardRequest) -> Beginning:
    practice = request.practice
    return recognised(practice.profession, practice.kind) or OTHER


def _who(request: DashboardRequest) -> Practitioner | None:
    """Return whose agenda is opened: one's own, else the first."""
    own = [one for one in request.practitioners if one.user_id == request.user.pk]
    return next(iter([*own, *request.practitioners]), None)


def _first_week(who: Practitioner) -> list[OpeningHours]:
    row = (
        OpeningHours.objects.filter(practitioner=who)
        .select_related("location")
        .prefetch_related("appointment_types")
        .first()
    )
    return hours.week_of(row) if row else []


def _place_initial(request: DashboardRequest, held: Location | None) -> dict[str, Any]:
    """What is known: the place of the order, and the address of the seat when there is one."""
    initial = place_initial(held, request)
    practice = request.practice
    if not initial.get("street"):
        known = {
            "street": practice.street,
            "postcode": practice.postcode,
            "town": practice.legal_town or practice.town,
        }
        initial |= {name: value for name, value in known.items() if value}
    return initial


def _after(step: Step) -> HttpResponse:
    """Lead to the screen after this one."""
    return redirect(f"dashboard:{_following(step)}")


def _following(step: Step) -> str:
    later = list(Step)[list(Step).index(step) + 1 :]
    return PAGES[later[0]] if later else READY


def _screen(
    request: DashboardRequest, step: Step, context: dict[str, Any], *, fragment: bool = False
) -> HttpResponse:
    form = context["form"]
    status = 422 if form.is_bound and form.errors and not fragment else 200
    template = PAGES[step]
    if fragment and request.htmx:
        template = context["fragment"]
    done = progress()
    shared = {
        "progress": done,
        "steps": _steps(done, step),
        "number": list(Step).index(step) + 1,
        "skip_to": reverse(f"dashboard:{_following(step)}"),
    }
    return show(request, template, {**shared, **context}, tab="first_day", status=status)


def _steps(done: Progress, here: Step | None) -> list[dict[str, Any]]:
    return [
        {
            "label": step.label,
            "url": reverse(f"dashboard:{PAGES[step]}"),
            "is_done": step in done.done,
            "is_here": step is here,
        }
        for step in Step
    ]
