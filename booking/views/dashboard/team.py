"""The people of the practice: roles, invitations, agendas, replacements; and the practice's settings."""

import uuid

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _

from booking.forms.dashboard.settings import PracticeForm
from booking.forms.dashboard.team import InviteForm, PractitionerForm, ReplacementForm
from booking.models import Location, Practitioner, Replacement
from booking.services import replacements, team
from booking.services.practice import save_practice
from booking.views.dashboard.access import DashboardRequest, actor, reach, requires
from booking.views.dashboard.pages import show
from tenants.accounts.errors import InvitationClosedError, LastOwnerError
from tenants.accounts.models import Invitation, Membership
from tenants.accounts.permissions import Operation
from tenants.accounts.services import invitations
from tenants.accounts.services.memberships import revoke as revoke_role

PER_PAGE = 50


@requires(Operation.EDIT_TEAM, methods=("GET", "HEAD"))
def overview(request: DashboardRequest) -> HttpResponse:
    """List who has a role, who is invited, the agendas and the replacements."""
    members = Membership.objects.filter(revoked_at__isnull=True).select_related("user")
    page = Paginator(members.order_by("user__name", "id"), PER_PAGE).get_page(
        request.GET.get("page")
    )
    pending = Invitation.objects.filter(accepted_at__isnull=True, revoked_at__isnull=True)
    coming = Replacement.objects.filter(to_on__gte=request.today).select_related("practitioner")
    context = {
        "page": page,
        "invitations": [(one, one.is_open(now=request.now)) for one in pending[:PER_PAGE]],
        "replacements": coming[:PER_PAGE],
        "agendas": Practitioner.objects.select_related("user"),
    }
    return show(request, "team", context, tab="team")


@requires(Operation.EDIT_TEAM)
def invite(request: DashboardRequest) -> HttpResponse:
    """Invite somebody by mail; no password is sent."""
    form = InviteForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        invitations.invite(
            invited=form.invited, invited_by=request.user, actor=actor(request), now=request.now
        )
        messages.success(
            request, _("L’invitation part. Son lien sert une fois, pendant sept jours.")
        )
        return redirect("dashboard:team")
    status = 422 if form.is_bound else 200
    return show(request, "invite", {"form": form}, tab="team", status=status)


@requires(Operation.EDIT_TEAM, methods=("POST",))
def change_invitation(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Send a new link, or close the invitation."""
    invitation = get_object_or_404(Invitation, ref=ref)
    if request.POST.get("acte") == "renvoyer":
        try:
            invitations.renew(invitation=invitation, actor=actor(request), now=request.now)
        except InvitationClosedError:
            messages.error(request, _("Cette invitation a déjà servi."))
        else:
            messages.success(request, _("Un nouveau lien part. L’ancien ne sert plus."))
    else:
        invitations.revoke_invitation(invitation=invitation, actor=actor(request), now=request.now)
        messages.success(request, _("L’invitation est fermée."))
    return redirect("dashboard:team")


@requires(Operation.EDIT_TEAM)
def revoke(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Ask once; then take a role back: open sessions end at the next page."""
    membership = get_object_or_404(
        Membership.objects.select_related("user"), ref=ref, revoked_at__isnull=True
    )
    if request.method != "POST":
        return show(request, "revoke", {"membership": membership}, tab="team")
    try:
        revoke_role(membership=membership, actor=actor(request), now=request.now)
    except LastOwnerError:
        messages.error(
            request,
            _("Il faut au moins un titulaire. Donnez d’abord ce rôle à une autre personne."),
        )
    else:
        messages.success(request, _("L’accès est fermé."))
    return redirect("dashboard:team")


@requires(Operation.EDIT_TEAM)
def agenda(request: DashboardRequest, ref: uuid.UUID | None = None) -> HttpResponse:
    """Add an agenda, or change the name that patients see."""
    who = get_object_or_404(Practitioner, ref=ref) if ref else None
    initial = {"name": who.name, "title": who.title} if who else {}
    form = PractitionerForm(request.POST if request.method == "POST" else None, initial=initial)
    if form.is_valid():
        team.save_agenda(
            practitioner=who,
            name=form.cleaned_data["name"],
            title=form.cleaned_data["title"],
            actor=actor(request),
            now=request.now,
        )
        messages.success(request, _("L’agenda est enregistré."))
        return redirect("dashboard:team")
    status = 422 if form.is_bound else 200
    return show(request, "agenda", {"form": form, "who": who}, tab="team", status=status)


@requires(Operation.EDIT_REPLACEMENTS)
def add_replacement(request: DashboardRequest) -> HttpResponse:
    """Announce who receives in whose place."""
    form = ReplacementForm(
        request.POST if request.method == "POST" else None,
        practitioners=reach(request, Operation.EDIT_REPLACEMENTS),
    )
    if form.is_valid():
        try:
            replacements.add(
                announced=form.announced, by=request.user, actor=actor(request), now=request.now
            )
        except replacements.AlreadyReplaced:
            form.add_error("from_on", _("Quelqu’un remplace déjà pendant ces jours."))
        else:
            messages.success(request, _("Le remplacement est annoncé."))
            return redirect("dashboard:today")
    status = 422 if form.is_bound else 200
    return show(request, "replacement", {"form": form}, tab="team", status=status)


@requires(Operation.EDIT_REPLACEMENTS, methods=("POST",))
def remove_replacement(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Take a replacement back."""
    found = get_object_or_404(Replacement.objects.select_related("practitioner"), ref=ref)
    if not request.access.allows(Operation.SEE_AGENDA, found.practitioner.ref):
        raise Http404
    if not request.access.allows(Operation.EDIT_REPLACEMENTS, found.practitioner.ref):
        raise PermissionDenied
    replacements.remove(replacement=found, actor=actor(request), now=request.now)
    messages.success(request, _("Le remplacement est retiré."))
    return redirect(
        "dashboard:team" if request.access.allows(Operation.EDIT_TEAM) else "dashboard:today"
    )


@requires(Operation.EDIT_PRACTICE)
def practice(request: DashboardRequest) -> HttpResponse:
    """Change the practice: what patients see, its legal identity, its choices."""
    held = request.practice
    place = Location.objects.filter(is_active=True).first()
    form = PracticeForm(
        request.POST if request.method == "POST" else None,
        initial={name: getattr(held, name) for name in PracticeForm.base_fields},
        retention_days=held.retention_days,
        region=(place.territory if place else "") or "FR",
    )
    if form.is_valid():
        save_practice(values=form.cleaned_data, actor=actor(request), now=request.now)
        messages.success(request, _("Les réglages sont enregistrés."))
        return redirect("dashboard:practice")
    status = 422 if form.is_bound else 200
    return show(request, "practice", {"form": form}, tab="practice", status=status)
