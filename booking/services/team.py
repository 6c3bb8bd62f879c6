"""The people of a practice: who comes in by an invitation, and whose agenda it opens."""

from datetime import datetime

from booking.models import Practitioner
from tenants.accounts.models import Role
from tenants.accounts.services import invitations
from tenants.accounts.services.invitations import Accepted

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
