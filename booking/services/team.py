"""The people of a practice: who comes in by an invitation, and whose agenda it opens."""

from datetime import datetime

from booking.models import Practitioner
from tenants.accounts.models import Role
from tenants.accounts.services import invitations
from tenants.accounts.services.invitations import Accepted
from tenants.trail import services as trail

_WITH_AGENDA = frozenset({Role.OWNER, Role.PRACTITIONER})


def join(*, token: str, password: str, name: str, now: datetime) -> Accepted:
    """Accept an invitation and tie the account to its agenda, once.

    Raises InvitationClosedError. An agenda that already has an account keeps it.
    """
    accepted = invitations.accept(token=token, password=password, name=name, now=now)
    if accepted.practitioner_ref and Role(accepted.membership.role) in _WITH_AGENDA:
        free = Practitioner.objects.filter(ref=accepted.practitioner_ref, user__isnull=True)
        if not Practitioner.objects.filter(user=accepted.user).exists():
            free.update(user=accepted.user)
    return accepted


def save_agenda(
    *, practitioner: Practitioner | None, name: str, title: str, actor: str, now: datetime
) -> Practitioner:
    """Add an agenda after the others, or change its name and title."""
    if practitioner is None:
        practitioner = Practitioner(position=Practitioner.objects.count())
    practitioner.name, practitioner.title = name, title
    practitioner.save()
    trail.record(verb="agenda.saved", ref=practitioner.ref, actor=actor, now=now)
    return practitioner
