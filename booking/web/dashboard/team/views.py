"""The people of the practice (T7): roles, invitations, agendas, replacements."""

import uuid
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth import logout
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from booking.agenda import member_history
from booking.models import Practitioner
from booking.practice import agendas, ordered_rows, replacements, team
from booking.web.dashboard.access import (
    DashboardRequest,
    actor,
    reach,
    requires,
)
from booking.web.dashboard.badges import Badge
from booking.web.dashboard.pages import show
from booking.web.dashboard.team.forms import (
    ALL,
    SOME,
    AgendaAfterForm,
    InviteForm,
    PractitionerForm,
    ReplacementForm,
    RoleForm,
)
from tenants.accounts.errors import (
    InvitationClosedError,
    LastOwnerError,
    MessageLimitError,
    RoleGoneError,
)
from tenants.accounts.models import Invitation, Membership, Role, User
from tenants.accounts.permissions import Operation
from tenants.accounts.services import invitations, memberships
from tenants.query_parameters import parameters_of

PER_PAGE = 50
LAST_OWNER = gettext_lazy(
    "Il faut au moins un titulaire, sans date de fin. Donnez d’abord ce rôle à une autre personne."
)
TOO_MANY_INVITATIONS = gettext_lazy(
    "Assez d’invitations sont parties aujourd’hui vers cette adresse, ou du cabinet. "
    "Recommencez dans 24 heures."
)

_NOT_YET = Badge(gettext_lazy("Pas encore ouvert"), "warn", "clock")
_ENDED = Badge(gettext_lazy("Terminé"))


@requires(Operation.EDIT_TEAM, methods=("GET", "HEAD"))
def overview(request: DashboardRequest) -> HttpResponse:
    """List the members, the invitations, the agendas and the replacements."""
    ordered = memberships.unrevoked().order_by("user__name", "id")
    page = Paginator(ordered, PER_PAGE).get_page(parameters_of(request).get("page"))
    known = list(agendas.agendas_with_visits(now=request.now))
    context = {
        "page": page,
        "members": [_Member(membership, known, request.today) for membership in page],
        "invitations": [
            (invitation, invitation.is_open(now=request.now))
            for invitation in invitations.pending()[:PER_PAGE]
        ],
        "replacements": replacements.ending_from(request.today)[:PER_PAGE],
        "agendas": known,
    }
    return show(request, "team/index", context, tab="team")


@dataclass(frozen=True)
class _Member:
    """A role as the pages of the team show it."""

    membership: Membership
    agendas: list[Practitioner]
    today: date

    @property
    def badge(self) -> Badge | None:
        """That the role begins later, or has ended; None while it is held."""
        membership = self.membership
        if membership.from_on and membership.from_on > self.today:
            return _NOT_YET
        return _ENDED if membership.until_on and membership.until_on < self.today else None

    @property
    def own(self) -> str:
        """The name of the person's own agenda, when the role has one."""
        if Role(self.membership.role) not in team.WITH_AGENDA:
            return ""
        mine = (agenda.name for agenda in self.agendas if agenda.user_id == self.membership.user_id)
        return next(mine, "")

    @property
    def entrusted(self) -> list[str]:
        """The names of the agendas entrusted, in the practice's order."""
        refs = {scope.practitioner_ref for scope in self.membership.scopes.all()}
        return [agenda.name for agenda in self.agendas if agenda.ref in refs]

    @property
    def sees_all(self) -> bool:
        """Whether every agenda is within reach."""
        role = Role(self.membership.role)
        is_free = role is Role.SECRETARY and not self.membership.scopes.all()
        return role is Role.OWNER or is_free

    @property
    def agendas_label(self) -> str:
        """The agendas that the member sees: all, or their own and the entrusted ones."""
        own = {"own": self.own}
        if self.sees_all:
            mine = _(", dont le sien : %(own)s") % own if self.own else ""
            return _("tous les agendas") + mine
        found = [_("son agenda : %(own)s") % own] if self.own else []
        if self.entrusted:
            found.append(_("confiés : %(names)s") % {"names": ", ".join(self.entrusted)})
        return " · ".join(found) or _("aucun agenda")


@requires(Operation.EDIT_TEAM, methods=("GET", "HEAD"))
def member(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Show one member: the role, and the audit events of the person."""
    membership = get_object_or_404(memberships.unrevoked(), ref=ref)
    context = {
        "member": _Member(membership, team.agendas(), request.today),
        **_audit_context(request, membership.user),
    }
    return show(request, "team/member", context, tab="team")


@requires(Operation.EDIT_TEAM)
def change_member(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Change a role, its dates and its agendas: they hold from the next page on."""
    membership = get_object_or_404(memberships.unrevoked(), ref=ref)
    data = request.POST if request.method == "POST" else None
    form = RoleForm(
        data,
        user=membership.user,
        subject=membership,
        stored=lambda: _terms_of(membership),
    )
    if form.is_valid() and _is_changed(request, membership, form):
        messages.success(request, _("C’est changé. Cela vaut dès la page suivante."))
        return redirect("dashboard:member", ref=ref)
    links = [*team.links_of(membership.user), *team.links_to_take()]
    context = {"form": form, "membership": membership, "links": links}
    return show(request, "team/member_edit", context, tab="team", status=form.status)


def _is_changed(request: DashboardRequest, membership: Membership, form: RoleForm) -> bool:
    try:
        team.change(
            membership=membership,
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
def my_history(request: DashboardRequest) -> HttpResponse:
    """Show the user the audit events of their own account."""
    return show(request, "team/my_audit_events", _audit_context(request, request.user), tab="")


def _audit_context(request: DashboardRequest, user: User) -> dict[str, Any]:
    page = Paginator(member_history.events_of(user), PER_PAGE).get_page(
        parameters_of(request).get("page")
    )
    seen = [practitioner.ref for practitioner in reach(request, Operation.SEE_AGENDA)]
    return {"page": page, "history": member_history.lines(list(page), seen=seen)}


def _terms_of(membership: Membership) -> dict[str, Any]:
    scopes = [scope.practitioner_ref for scope in membership.scopes.all()]
    own = team.agenda_of(membership.user)
    return {
        "role": membership.role,
        "practitioner": own.ref if own else None,
        "reach": SOME if scopes else ALL,
        "agendas": scopes,
        "from_on": membership.from_on,
        "until_on": membership.until_on,
    }


@requires(Operation.EDIT_TEAM)
def invite(request: DashboardRequest) -> HttpResponse:
    """Invite a person by e-mail; no password is sent."""
    form = InviteForm(request.POST if request.method == "POST" else None)
    if form.is_valid() and _is_invited(request, form):
        messages.success(
            request, _("L’invitation part. Son lien sert une fois, pendant sept jours.")
        )
        return redirect("dashboard:team")
    status = 422 if form.is_bound else 200
    context = {"form": form, "links": team.links_to_take()}
    return show(request, "team/invite", context, tab="team", status=status)


def _is_invited(request: DashboardRequest, form: InviteForm) -> bool:
    try:
        invitations.invite(
            invited=form.invited, invited_by=request.user, actor=actor(request), now=request.now
        )
    except MessageLimitError:
        form.add_error("email", TOO_MANY_INVITATIONS)
        return False
    return True


@requires(Operation.EDIT_TEAM, methods=("POST",))
def change_invitation(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Send a new link, or close the invitation."""
    invitation = get_object_or_404(Invitation, ref=ref)
    if request.POST.get("action") == "resend":
        try:
            invitations.renew(invitation=invitation, actor=actor(request), now=request.now)
        except InvitationClosedError:
            messages.error(request, _("Cette invitation a déjà servi."))
        except MessageLimitError:
            messages.error(request, TOO_MANY_INVITATIONS)
        else:
            messages.success(request, _("Un nouveau lien part. L’ancien ne sert plus."))
    else:
        invitations.revoke_invitation(invitation=invitation, actor=actor(request), now=request.now)
        messages.success(request, _("L’invitation est fermée."))
    return redirect("dashboard:team")


@requires(Operation.EDIT_TEAM)
def revoke(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Ask once; then take a role back: the person's sessions end in this very request."""
    membership = get_object_or_404(memberships.unrevoked(), ref=ref)
    is_mine = membership.user_id == request.user.pk
    own = agendas.agenda_of(membership.user)
    form = None
    if own is not None:
        data = request.POST if request.method == "POST" else None
        form = AgendaAfterForm(data, colleagues=agendas.colleagues_of(own))
    if request.method != "POST" or (form is not None and not form.is_valid()):
        return _revoke_page(request, membership, own, form)
    try:
        team.revoke(membership=membership, actor=actor(request), on=request.today, now=request.now)
    except LastOwnerError:
        messages.error(request, LAST_OWNER)
        return redirect("dashboard:team")
    if own is not None and form is not None:
        _apply_choice(request, own, form)
    if is_mine:
        logout(request)
        messages.success(request, _("Votre accès est fermé."))
        return redirect("account_login")
    messages.success(request, _("L’accès est fermé, ses sessions aussi."))
    return redirect("dashboard:team")


def _revoke_page(
    request: DashboardRequest,
    membership: Membership,
    own: Practitioner | None,
    form: AgendaAfterForm | None,
) -> HttpResponse:
    ending = team.ending_with(membership, on=request.today)
    context = {
        "membership": membership,
        "is_mine": membership.user_id == request.user.pk,
        "links": ending.links,
        "ending": ending,
        "form": form,
        "own": own,
        **_visits(request, own),
    }
    status = 422 if form is not None and form.is_bound else 200
    return show(request, "team/revoke", context, tab="team", status=status)


def _visits(request: DashboardRequest, practitioner: Practitioner | None) -> dict[str, Any]:
    """Return the first visits to come of an agenda, each with its local start, and how many there are."""
    if practitioner is None:
        return {"visits": [], "count": 0}
    found = agendas.visits_to_come(practitioner, now=request.now)
    return {
        "visits": [
            (visit, visit.starts_at.astimezone(ZoneInfo(visit.location.time_zone)))
            for visit in found[:PER_PAGE]
        ],
        "count": found.count(),
    }


def _apply_choice(request: DashboardRequest, own: Practitioner, form: AgendaAfterForm) -> None:
    """Do with an agenda what was chosen, and say it."""
    choice = form.cleaned_data["agenda"]
    if choice == AgendaAfterForm.CLOSE:
        agendas.set_open(practitioner=own, is_open=False, actor=actor(request), now=request.now)
        messages.success(request, _("L’agenda est fermé aux nouveaux rendez-vous."))
    elif choice == AgendaAfterForm.HAND_OVER:
        colleague = form.cleaned_data["colleague"]
        done = agendas.hand_over(
            practitioner=own, colleague=colleague, actor=actor(request), now=request.now
        )
        messages.success(
            request,
            ngettext(
                "%(n)s rendez-vous passe à %(name)s.",
                "%(n)s rendez-vous passent à %(name)s.",
                done.moved,
            )
            % {"n": done.moved, "name": colleague.name},
        )
        if done.left:
            messages.warning(
                request,
                ngettext(
                    "%(n)s rendez-vous reste à traiter : voyez l’agenda fermé, en bas de la liste.",
                    "%(n)s rendez-vous restent à traiter : voyez l’agenda fermé, en bas de la liste.",
                    done.left,
                )
                % {"n": done.left},
            )


@requires(Operation.EDIT_TEAM, methods=("POST",))
def change_agenda(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Move an agenda up or down, close it to new bookings, or open it again."""
    practitioner = get_object_or_404(Practitioner, ref=ref)
    action = request.POST.get("action", "")
    if action in {"up", "down"}:
        ordered_rows.move_row(
            row=practitioner, up=action == "up", actor=actor(request), now=request.now
        )
    elif action in {"archive", "restore"}:
        agendas.set_open(
            practitioner=practitioner,
            is_open=action == "restore",
            actor=actor(request),
            now=request.now,
        )
        messages.success(request, _("C’est fait. Les rendez-vous déjà pris restent prévus."))
    else:
        raise Http404
    return redirect("dashboard:team")


@requires(Operation.EDIT_TEAM)
def agenda(request: DashboardRequest, ref: uuid.UUID | None = None) -> HttpResponse:
    """Add an agenda, or change the name that patients see."""
    practitioner = get_object_or_404(Practitioner, ref=ref) if ref else None
    form = PractitionerForm(
        request.POST if request.method == "POST" else None,
        subject=practitioner,
        stored=partial(_agenda_values, practitioner) if practitioner else None,
    )
    if form.is_valid():
        team.save_agenda(
            practitioner=practitioner,
            name=form.cleaned_data["name"],
            title=form.cleaned_data["title"],
            actor=actor(request),
            now=request.now,
        )
        messages.success(request, _("L’agenda est enregistré."))
        return redirect("dashboard:team")
    return show(
        request,
        "team/agenda",
        {"form": form, "practitioner": practitioner, **_visits(request, practitioner)},
        tab="team",
        status=form.status,
    )


def _agenda_values(practitioner: Practitioner) -> dict[str, Any]:
    return {"name": practitioner.name, "title": practitioner.title}


@requires(Operation.EDIT_REPLACEMENTS)
def add_replacement(request: DashboardRequest) -> HttpResponse:
    """Announce a replacement of a practitioner."""
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
        except MessageLimitError:
            form.add_error("email", TOO_MANY_INVITATIONS)
        else:
            messages.success(request, _("Le remplacement est annoncé."))
            return redirect("dashboard:today")
    status = 422 if form.is_bound else 200
    return show(request, "team/replacement", {"form": form}, tab="team", status=status)


@requires(Operation.EDIT_REPLACEMENTS, methods=("POST",))
def remove_replacement(request: DashboardRequest, ref: uuid.UUID) -> HttpResponse:
    """Take a replacement back."""
    found = get_object_or_404(replacements.with_practitioner(), ref=ref)
    if not request.access.allows(Operation.SEE_AGENDA, found.practitioner.ref):
        raise Http404
    if not request.access.allows(Operation.EDIT_REPLACEMENTS, found.practitioner.ref):
        raise PermissionDenied
    replacements.remove(replacement=found, actor=actor(request), on=request.today, now=request.now)
    messages.success(request, _("Le remplacement est retiré."))
    return redirect(
        "dashboard:team" if request.access.allows(Operation.EDIT_TEAM) else "dashboard:today"
    )
