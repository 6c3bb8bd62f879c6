"""The table of rights (G-12), cell by cell: role, operation, owner of the agenda; anything else is refused."""

import itertools
import uuid

import pytest

from tenants.accounts.models import Role
from tenants.accounts.permissions import RIGHTS, Access, Operation, RoleGrant, Whose, allowed

O, W, R = Operation, Whose, Role  # noqa: E741  # the table below is read as a table
AGENDA = {O.SEE_AGENDA, O.BOOK, O.MOVE, O.CANCEL, O.MARK, O.SEE_CONTACT}
EXPECTED = {
    (R.OWNER, W.OWN): set(O),
    (R.OWNER, W.ENTRUSTED): set(O),
    (R.OWNER, W.OTHER): set(O),
    (R.OWNER, W.PRACTICE): set(O),
    (R.PRACTITIONER, W.OWN): AGENDA
    | {
        O.BLOCK_TIME,
        O.EDIT_HOURS,
        O.EDIT_REPLACEMENTS,
        O.CONNECT_CALENDAR,
        O.EDIT_SITE,
        O.EXPORT,
        O.SEE_STATISTICS,
    },
    (R.PRACTITIONER, W.ENTRUSTED): AGENDA,
    (R.PRACTITIONER, W.OTHER): set(),
    (R.PRACTITIONER, W.PRACTICE): set(),
    (R.SECRETARY, W.OWN): set(),
    (R.SECRETARY, W.ENTRUSTED): AGENDA | {O.BLOCK_TIME},
    (R.SECRETARY, W.OTHER): set(),
    (R.SECRETARY, W.PRACTICE): set(),
    (R.REPLACEMENT, W.OWN): AGENDA,
    (R.REPLACEMENT, W.ENTRUSTED): AGENDA,
    (R.REPLACEMENT, W.OTHER): set(),
    (R.REPLACEMENT, W.PRACTICE): set(),
}
CELLS = list(itertools.product(Role, Operation, Whose))

MINE, KEPT, THEIRS = uuid.UUID(int=1), uuid.UUID(int=2), uuid.UUID(int=3)
TARGETS = {W.OWN: MINE, W.ENTRUSTED: KEPT, W.OTHER: THEIRS, W.PRACTICE: None}


def test_the_table_has_every_cell() -> None:
    assert {(role, whose) for role, row in RIGHTS.items() for whose in row} == set(EXPECTED)


@pytest.mark.parametrize(("role", "operation", "whose"), CELLS)
def test_each_cell_matches_the_table(role: Role, operation: Operation, whose: Whose) -> None:
    access = Access(grants=(RoleGrant(role, frozenset({KEPT})),), own=frozenset({MINE}))

    answer = allowed(access, operation, practitioner_ref=TARGETS[whose])

    assert answer == (operation in EXPECTED[role, whose])


@pytest.mark.parametrize("operation", list(Operation))
def test_a_user_without_a_role_has_no_right(operation: Operation) -> None:
    assert not Access(own=frozenset({MINE})).allows_somewhere(operation)


def test_a_secretary_without_scope_reaches_every_agenda() -> None:
    access = Access(grants=(RoleGrant(Role.SECRETARY, None),))

    assert allowed(access, O.BOOK, practitioner_ref=THEIRS)
    assert not allowed(access, O.EXPORT, practitioner_ref=THEIRS)


def test_two_roles_have_the_union_of_their_rights() -> None:
    access = Access(
        grants=(RoleGrant(Role.PRACTITIONER), RoleGrant(Role.SECRETARY, frozenset({THEIRS}))),
        own=frozenset({MINE}),
    )

    assert allowed(access, O.EDIT_HOURS, practitioner_ref=MINE)
    assert allowed(access, O.BOOK, practitioner_ref=THEIRS)
    assert not allowed(access, O.EDIT_HOURS, practitioner_ref=THEIRS)


def test_a_practitioner_without_an_agenda_has_no_right() -> None:
    access = Access(grants=(RoleGrant(Role.PRACTITIONER),))

    assert not access.allows_somewhere(O.SEE_AGENDA)
