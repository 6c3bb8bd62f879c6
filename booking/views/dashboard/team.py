"""The people of the practice: roles, invitations, agendas, replacements; and the practice's settings."""

import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from booking.forms.dashboard.settings import PracticeForm
from booking.forms.dashboard.team import (
    ALL,
    SOME,
    InviteForm,
    PractitionerForm,
    ReplacementForm,
    RoleForm,
)
from booking.models import Location, Practitioner, Replacement
from booking.regions import region_of
from booking.services import acts, replacements, team
from booking.services.practice import save_practice
from booking.views.dashboard.access import DashboardRequest, actor, reach, requires
from booking.views.dashboard.pages import show
from tenants.accounts.errors import InvitationClosedError, LastOwnerError, RoleGoneError
from tenants.accounts.models import Invitation, Membership, Role, User
from tenants.accounts.permissions import Operation
from tenants.accounts.services import invitations

PER_PAGE = 50
LAST_OWNER = gettext_lazy(
    "Il faut au moins un titulaire, sans date de fin. Donnez d’abord ce rôle à une autre personne."
)


@requires(Operation.EDIT_TEAM, methods=("GET", "HEAD"))
def overview(request: DashboardRequest) -> HttpResponse:
    """List who has a role, who is invited, the agendas and the replacements."""
    held = _members().order_by("user__name", "id")
    page = Paginator(held, PER_PAGE).get_page(request.GET.get("page"))
    agendas = list(Practitioner.objects.select_related("user"))
    pending = Invitation.objects.filter(accepted_at__isnull=True, revoked_at__isnull=True)
    coming = Replacement.objects.filter(to_on__gte=request.today).select_related("practitioner")
    context = {
        "page": page,
        "members": [_Member(one, agendas, request.today) for one in page],
        "invitations": [(one, one.is_open(now=request.now)) for one in pending[:PER_PAGE]],
        "replacements": coming[:PER_PAGE],
        "agendas": agendas,
    }
    return show(request, "team", context, tab="team")


@dataclass(frozen=True)
class _Member:
    """A role as the pages of the team show it."""

    membership: Membership
    agendas: list[Practitioner]
    today: date

    @property
    def when(self) -> str:
        """Whether the role is held today, not yet, or no longer."""
        held = self.membership
        if held.from_on and held.from_on > self.today:
            return "later"
        return "over" if held.until_on and held.until_on < self.today else "now"

    @property
    def own(self) -> str:
        """The name of the person's own agenda, when the role has one."""
        if Role(self.membership.role) not in team.WITH_AGENDA:
            return ""
        mine = (one.name for one in self.agendas if one.user_id == self.membership.user_id)
        return next(mine, "")

    @property
    def entrusted(self) -> list[str]:
        """The names of the agendas entrusted, in the practice's order."""
        refs = {scope.practitioner_ref for scope in self.membership.scopes.all()}
        return [one.name for one in self.agendas if one.ref in refs]

    @property
    def sees_all(self) -> bool:
        """Whether every agenda is within reach."""
        role = Role(self.membership.role)
        is_free = role is Role.SECRETARY and not self.membership.scopes.all()
        return role is Role.OWNER or is_free


@requires(Operation.EDIT_TEAM, methods=("GET", "HEAD"))
def member(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Show one role, and what the person has done."""
    held = get_object_or_404(_members(), ref=ref)
    context = {
        "member": _Member(held, list(Practitioner.objects.all()), request.today),
        **_acts(request, held.user),
    }
    return show(request, "member", context, tab="team")


@requires(Operation.EDIT_TEAM)
def change_member(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Change a role, its dates and its agendas: they hold from the next page on."""
    held = get_object_or_404(_members(), ref=ref)
    data = request.POST if request.method == "POST" else None
    form = RoleForm(data, user=held.user, initial=_terms_of(held))
    if form.is_valid() and _is_changed(request, held, form):
        messages.success(request, _("C’est changé. Cela vaut dès la page suivante."))
        return redirect("dashboard:member", ref=ref)
    links = [*team.links_of(held.user), *team.links_to_take()]
    context = {"form": form, "membership": held, "links": links}
    status = 422 if form.is_bound else 200
    return show(request, "member_edit", context, tab="team", status=status)


def _is_changed(request: DashboardRequest, held: Membership, form: RoleForm) -> bool:
    try:
        team.change(
            membership=held,
            terms=form.terms,
            agenda=form.agenda,
            actor=actor(request),
            on=request.today,
            now=request.now,
        )
    except LastOwnerError:
        form.add_error("role", LAST_OWNER)
    except RoleGoneError:
        form.add_error(None, _("Cet accès vient d’être fermé par quelqu’un d’autre."))
    except team.AgendaTaken:
        form.add_error("practitioner", _("Cet agenda a maintenant un autre compte."))
    else:
        return True
    return False


@requires(Operation.SEE_AGENDA, methods=("GET", "HEAD"))
def my_acts(request: DashboardRequest) -> HttpResponse:
    """Show somebody their own acts."""
    return show(request, "my_acts", _acts(request, request.user), tab="")


def _members() -> QuerySet[Membership]:
    held = Membership.objects.filter(revoked_at__isnull=True)
    return held.select_related("user").prefetch_related("scopes")


def _acts(request: DashboardRequest, user: User) -> dict[str, Any]:
    page = Paginator(acts.acts_of(user), PER_PAGE).get_page(request.GET.get("page"))
    seen = [one.ref for one in reach(request, Operation.SEE_AGENDA)]
    return {"page": page, "acts": acts.lines(list(page), seen=seen)}


def _terms_of(held: Membership) -> dict[str, Any]:
    scopes = [scope.practitioner_ref for scope in held.scopes.all()]
    own = Practitioner.objects.filter(user=held.user).first()
    return {
        "role": held.role,
        "practitioner": own.ref if own else None,
        "reach": SOME if scopes else ALL,
        "agendas": scopes,
        "from_on": held.from_on,
        "until_on": held.until_on,
    }


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
    context = {"form": form, "links": team.links_to_take()}
    return show(request, "invite", context, tab="team", status=status)


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
    """Ask once; then take a role back: the person's sessions end in this very request."""
    membership = get_object_or_404(_members(), ref=ref)
    is_mine = membership.user_id == request.user.pk
    if request.method != "POST":
        links = team.links_of(membership.user)
        context = {"membership": membership, "is_mine": is_mine, "links": links}
        return show(request, "revoke", context, tab="team")
    try:
        team.revoke(membership=membership, actor=actor(request), on=request.today, now=request.now)
    except LastOwnerError:
        messages.error(request, LAST_OWNER)
        return redirect("dashboard:team")
    if is_mine:
        logout(request)
        messages.success(request, _("Votre accès est fermé."))
        return redirect("account_login")
    messages.success(request, _("L’accès est fermé, ses sessions aussi."))
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
        region=region_of(place),
    )
    if form.is_valid():
        save_practice(values=form.cleaned_data, actor=actor(request), now=request.now)
        messages.success(request, _("Les réglages sont enregistrés."))
        return redirect("dashboard:practice")
    status = 422 if form.is_bound else 200
    return show(request, "practice", {"form": form}, tab="practice", status=status)
