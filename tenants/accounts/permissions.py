"""Who may do what to whose agenda: one table, read by pages and by the API alike (G-12).

A cell is (role, operation, whose). What is not in the table is refused. Roles hold between their dates
only; somebody with several roles has the sum of them.
"""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from tenants.accounts.models import Role


class Operation(StrEnum):
    """What can be done in a practice's space."""

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
    EDIT_MOTIFS = "edit_motifs"
    EDIT_PLACES = "edit_places"
    EDIT_PRACTICE = "edit_practice"
    EDIT_MESSAGES = "edit_messages"
    EDIT_SITE = "edit_site"
    EDIT_TEAM = "edit_team"
    SEE_STATISTICS = "see_statistics"
    EXPORT = "export"
    MANAGE_KEYS = "manage_keys"


class Whose(StrEnum):
    """To whom the thing belongs, seen from the person who acts."""

    OWN = "own"
    """Their own agenda."""
    ENTRUSTED = "entrusted"
    """An agenda entrusted to them: a secretary's, or the one a replacement keeps."""
    OTHER = "other"
    """Somebody else's agenda."""
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
class Grant:
    """A role held today. ``entrusted`` None means every agenda of the practice."""

    role: Role
    entrusted: frozenset[uuid.UUID] | None = frozenset()

    def whose(self, practitioner_ref: uuid.UUID | None, own: frozenset[uuid.UUID]) -> Whose:
        """Say what an agenda is to the holder of this role; no ref: the practice."""
        if practitioner_ref is None:
            return Whose.PRACTICE
        if practitioner_ref in own and self.role is not Role.SECRETARY:
            return Whose.OWN
        if self.entrusted is None or practitioner_ref in self.entrusted:
            return Whose.ENTRUSTED
        return Whose.OTHER


@dataclass(frozen=True)
class Access:
    """The roles somebody holds today and the agendas that are their own."""

    grants: tuple[Grant, ...] = ()
    own: frozenset[uuid.UUID] = frozenset()

    @property
    def roles(self) -> frozenset[Role]:
        """The roles held today."""
        return frozenset(grant.role for grant in self.grants)

    def allows(self, operation: Operation, practitioner_ref: uuid.UUID | None = None) -> bool:
        """Return whether one of the roles allows it on this agenda, or on the practice."""
        return any(
            operation in RIGHTS[grant.role][grant.whose(practitioner_ref, self.own)]
            for grant in self.grants
        )

    def allows_somewhere(self, operation: Operation) -> bool:
        """Return whether one of the roles allows it on at least one agenda, or on the practice."""
        return any(
            operation in RIGHTS[grant.role][whose]
            for grant in self.grants
            for whose in self._reach(grant)
        )

    def _reach(self, grant: Grant) -> set[Whose]:
        reach = {Whose.PRACTICE}
        if self.own:
            reach.add(Whose.OWN)
        if grant.entrusted is None or grant.entrusted:
            reach.add(Whose.ENTRUSTED)
        return reach | ({Whose.OTHER} if grant.role is Role.OWNER else set())


def allowed(
    access: Access, operation: Operation, *, practitioner_ref: uuid.UUID | None = None
) -> bool:
    """Return whether ``access`` may do ``operation``; without a practitioner, to the practice."""
    return access.allows(operation, practitioner_ref)
