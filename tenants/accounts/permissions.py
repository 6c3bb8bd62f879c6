"""The table of rights by role, operation and owner of the agenda, for pages and for the API (G-12).

A pair (role, ownership) lists its operations; anything else is refused. A role counts between its dates
only. A user with several roles has the union of their rights.
"""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from tenants.accounts.models import Role


class Operation(StrEnum):
    """The operations of a practice that need a right."""

    SEE_AGENDA = "see_agenda"
    BOOK = "book"
    MOVE = "move"
    CANCEL = "cancel"
    MARK = "mark"
    SEE_CONTACT = "see_contact"
    BLOCK_TIME = "block_time"
    EDIT_HOURS = "edit_hours"
    EDIT_REPLACEMENTS = "edit_replacements"
    CONNECT_CALENDAR = "connect_calendar"
    EDIT_APPOINTMENT_TYPES = "edit_appointment_types"
    EDIT_PLACES = "edit_places"
    EDIT_PRACTICE = "edit_practice"
    EDIT_MESSAGES = "edit_messages"
    EDIT_SITE = "edit_site"
    EDIT_TEAM = "edit_team"
    SEE_STATISTICS = "see_statistics"
    EXPORT = "export"
    MANAGE_KEYS = "manage_keys"
    SEE_SUBSCRIPTION = "see_subscription"


class Whose(StrEnum):
    """The owner of an agenda relative to the user."""

    OWN = "own"
    """The user's own agenda."""
    ENTRUSTED = "entrusted"
    """An agenda entrusted to the user as a secretary or as a replacement."""
    OTHER = "other"
    """Another practitioner's agenda."""
    PRACTICE = "practice"
    """The practice as a whole."""


AGENDA_WORK = frozenset(
    {
        Operation.SEE_AGENDA,
        Operation.BOOK,
        Operation.MOVE,
        Operation.CANCEL,
        Operation.MARK,
        Operation.SEE_CONTACT,
    }
)
OWN_SETTINGS = frozenset(
    {
        Operation.BLOCK_TIME,
        Operation.EDIT_HOURS,
        Operation.EDIT_REPLACEMENTS,
        Operation.CONNECT_CALENDAR,
        Operation.EDIT_SITE,
        Operation.EXPORT,
        Operation.SEE_STATISTICS,
    }
)
NONE: frozenset[Operation] = frozenset()
ALL = frozenset(Operation)

RIGHTS: dict[Role, dict[Whose, frozenset[Operation]]] = {
    Role.OWNER: {Whose.OWN: ALL, Whose.ENTRUSTED: ALL, Whose.OTHER: ALL, Whose.PRACTICE: ALL},
    Role.PRACTITIONER: {
        Whose.OWN: AGENDA_WORK | OWN_SETTINGS,
        Whose.ENTRUSTED: AGENDA_WORK,
        Whose.OTHER: NONE,
        Whose.PRACTICE: NONE,
    },
    Role.SECRETARY: {
        Whose.OWN: NONE,
        Whose.ENTRUSTED: AGENDA_WORK | {Operation.BLOCK_TIME},
        Whose.OTHER: NONE,
        Whose.PRACTICE: NONE,
    },
    Role.REPLACEMENT: {
        Whose.OWN: AGENDA_WORK,
        Whose.ENTRUSTED: AGENDA_WORK,
        Whose.OTHER: NONE,
        Whose.PRACTICE: NONE,
    },
}


@dataclass(frozen=True)
class RoleGrant:
    """A role that is valid today. ``entrusted`` None means every agenda of the practice."""

    role: Role
    entrusted: frozenset[uuid.UUID] | None = frozenset()

    def whose(self, practitioner_ref: uuid.UUID | None, own: frozenset[uuid.UUID]) -> Whose:
        """Return the ownership of an agenda for this role; PRACTICE without a ref."""
        if practitioner_ref is None:
            return Whose.PRACTICE
        if practitioner_ref in own and self.role is not Role.SECRETARY:
            return Whose.OWN
        if self.entrusted is None or practitioner_ref in self.entrusted:
            return Whose.ENTRUSTED
        return Whose.OTHER


@dataclass(frozen=True)
class Access:
    """The roles of a user that are valid today, and the refs of the user's own agendas."""

    grants: tuple[RoleGrant, ...] = ()
    own: frozenset[uuid.UUID] = frozenset()

    @property
    def roles(self) -> frozenset[Role]:
        """The roles that are valid today."""
        return frozenset(grant.role for grant in self.grants)

    def allows(self, operation: Operation, practitioner_ref: uuid.UUID | None = None) -> bool:
        """Return whether a role allows the operation on this agenda, or on the practice without a ref."""
        return any(
            operation in RIGHTS[grant.role][grant.whose(practitioner_ref, self.own)]
            for grant in self.grants
        )

    def allows_somewhere(self, operation: Operation) -> bool:
        """Return whether a role allows the operation on at least one agenda, or on the practice."""
        return any(
            operation in RIGHTS[grant.role][whose]
            for grant in self.grants
            for whose in self._reach(grant)
        )

    def _reach(self, grant: RoleGrant) -> set[Whose]:
        reach = {Whose.PRACTICE}
        if self.own:
            reach.add(Whose.OWN)
        if grant.entrusted is None or grant.entrusted:
            reach.add(Whose.ENTRUSTED)
        return reach | ({Whose.OTHER} if grant.role is Role.OWNER else set())


def allowed(
    access: Access, operation: Operation, *, practitioner_ref: uuid.UUID | None = None
) -> bool:
    """Return whether ``access`` allows ``operation`` on an agenda, or on the practice without a ref."""
    return access.allows(operation, practitioner_ref)
