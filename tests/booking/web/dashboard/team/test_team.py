"""The team: roles change and end at once, agendas are entrusted, each one's acts are shown without a name."""

import re
import uuid
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import reverse

from booking.models import GoogleAccount, Practitioner
from booking.practice import team
from tenants.accounts.models import Invitation, Membership, MembershipScope, Role, User
from tenants.accounts.services.invitations import accept, token_of
from tenants.accounts.services.memberships import Terms, access_of, give_role
from tenants.audit.models import AuditEvent
from tests.accounts import PASSWORD, browser, make_member, memberships_of, sign_in
from tests.factories import NOW, Cabinet, make_appointment, make_link, make_practitioner
from tests.page_text import collapsed

REQUESTS: dict[str, dict[str, str]] = {"plain": {}, "htmx": {"HX-Request": "true"}}


@pytest.fixture
def owner(cabinet: Cabinet, host: str) -> Client:
    """Return the owner's browser."""
    return browser(host, make_member(Role.OWNER))


def page(name: str, *refs: uuid.UUID) -> str:
    """Return the address of a page of the dashboard."""
    return reverse(f"dashboard:{name}", args=refs)


def of(user: User) -> Membership:
    """Return the one role of somebody."""
    return memberships_of(user)[0]


def sessions_of(user: User) -> int:
    """Return how many sessions of somebody the schema holds."""
    return sum(
        session.get_decoded().get("_auth_user_id") == str(user.pk)
        for session in Session.objects.all()
    )


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_revoked_colleague_is_signed_out_mid_use(owner: Client, host: str, kind: str) -> None:
    colleague = make_member(Role.SECRETARY)
    office, phone = browser(host, colleague), browser(host, colleague)
    opened = [client.get(page("today")).status_code for client in (office, phone)]

    owner.post(page("revoke", of(colleague).ref))

    left = sessions_of(colleague)
    after = [client.get(page("today"), headers=REQUESTS[kind]) for client in (office, phone)]
    assert (opened, left) == ([200, 200], 0)
    # A fragment cannot show a sign-in page: it sends the whole page there.
    where = "HX-Redirect" if REQUESTS[kind] else "Location"
    assert [answer[where].split("?")[0] for answer in after] == ["/connexion/"] * 2
    assert owner.get(page("team")).status_code == 200


def test_a_revoked_colleague_cannot_finish_what_was_begun(
    owner: Client, host: str, cabinet: Cabinet
) -> None:
    colleague = make_member(Role.SECRETARY)
    appointment = make_appointment(cabinet, NOW + timedelta(days=2))
    client = browser(host, colleague)
    form = client.get(page("cancel", appointment.ref))

    owner.post(page("revoke", of(colleague).ref))
    answer = client.post(page("cancel", appointment.ref), {"notify": "on", "reason": "practice"})

    appointment.refresh_from_db()
    assert (form.status_code, answer.status_code, appointment.is_cancelled) == (200, 302, False)


def test_with_another_role_left_the_person_signs_in_again_with_it(
    owner: Client, host: str, cabinet: Cabinet
) -> None:
    colleague = make_member(Role.SECRETARY)
    give_role(
        user=colleague,
        role=Role.PRACTITIONER,
        practitioner_refs=[cabinet.practitioner.ref],
        actor="system",
        now=NOW,
    )
    client = browser(host, colleague)
    client.get(page("today"))

    owner.post(page("revoke", of(colleague).ref))

    out = client.get(page("today")).status_code
    back = sign_in(client, colleague.email)
    assert (out, back["Location"]) == (302, page("today"))
    assert client.get(page("today")).status_code == 200


def test_a_role_whose_dates_are_over_keeps_no_account_open(owner: Client) -> None:
    colleague = make_member(Role.SECRETARY)
    give_role(
        user=colleague,
        role=Role.SECRETARY,
        until_on=NOW.date() - timedelta(days=1),
        actor="system",
        now=NOW,
    )

    owner.post(page("revoke", of(colleague).ref))

    assert not User.objects.get(pk=colleague.pk).is_active


def test_closing_ones_own_access_signs_out(owner: Client, host: str) -> None:
    me = User.objects.get()
    make_member(Role.OWNER, "autre@example.org")
    asked = owner.get(page("revoke", of(me).ref)).text

    answer = owner.post(page("revoke", of(me).ref), follow=True)

    assert "votre propre accès" in asked
    assert answer.redirect_chain[-1][0] == "/connexion/"
    assert "Votre accès est fermé" in answer.text
    assert owner.get(page("today")).status_code == 302


@pytest.mark.parametrize(
    "typed",
    [
        {"role": "secretary"},
        {"role": "owner", "until_on": "2027-01-01"},
        {"role": "owner", "from_on": "2026-11-11"},
    ],
)
@pytest.mark.parametrize("other", ["nobody", "closed", "ending", "later"])
def test_the_last_owner_is_neither_demoted_nor_given_an_end(
    owner: Client, typed: dict[str, str], other: str
) -> None:
    me = User.objects.get()
    if other != "nobody":
        dates: dict[str, Any] = {
            "ending": {"until_on": NOW.date() + timedelta(days=9)},
            "later": {"from_on": NOW.date() + timedelta(days=9)},
        }.get(other, {})
        second = make_member(Role.OWNER, "autre@example.org", **dates)
        User.objects.filter(pk=second.pk).update(is_active=other != "closed")

    answer = owner.post(page("member_edit", of(me).ref), typed)
    closed = owner.post(page("revoke", of(me).ref), follow=True)

    appointment = of(me)
    assert answer.status_code == 422
    assert "Il faut au moins un titulaire" in answer.text
    assert "Il faut au moins un titulaire" in closed.text
    assert (
        appointment.role,
        appointment.until_on,
        appointment.from_on,
        appointment.revoked_at,
    ) == ("owner", None, None, None)


def test_an_owner_is_demoted_when_another_one_stands(owner: Client) -> None:
    other = make_member(Role.OWNER, "autre@example.org")

    owner.post(page("member_edit", of(other).ref), {"role": "secretary", "reach": "tous"})

    assert of(other).role == Role.SECRETARY
    assert AuditEvent.objects.filter(verb="role.changed", ref=of(other).ref).exists()


def test_a_link_that_ends_with_the_access_is_said_before(owner: Client, cabinet: Cabinet) -> None:
    colleague = make_member(Role.PRACTITIONER)
    pages = [page("revoke", of(colleague).ref), page("member_edit", of(colleague).ref)]
    free = [owner.get(path).text for path in pages]
    link = make_link(cabinet.practitioner)
    to_take = [owner.get(path).text for path in (pages[1], page("invite"))]
    Practitioner.objects.update(user=colleague)
    warned = [owner.get(path).text for path in pages]

    owner.post(pages[0], {"agenda": "keep"})

    expected = "L’agenda de Maite Exemple est relié à un compte Google."
    assert [expected in text for text in free] == [False, False]
    assert [expected in text for text in to_take] == [True, True]
    assert [expected in text for text in warned] == [True, True]
    assert "Cette connexion se termine aussi." in warned[0]
    link.refresh_from_db()
    assert link.state == GoogleAccount.LinkState.DISCONNECTING


def test_entrusted_agendas_hold_from_the_next_page_on(
    owner: Client, host: str, cabinet: Cabinet
) -> None:
    other = make_practitioner("Hugo Fictif")
    secretary = make_member(Role.SECRETARY)
    appointment = make_appointment(cabinet, NOW + timedelta(days=2))
    client = browser(host, secretary)
    before = client.get(page("appointment", appointment.ref)).status_code

    refused = owner.post(page("member_edit", of(secretary).ref), role(reach="choisis"))
    owner.post(
        page("member_edit", of(secretary).ref), role(reach="choisis", agendas=[str(other.ref)])
    )
    after = client.get(page("appointment", appointment.ref)).status_code
    owner.post(page("member_edit", of(secretary).ref), role(reach="tous"))

    assert (before, refused.status_code, after) == (200, 422, 404)
    assert "Cochez au moins un agenda" in refused.text
    assert client.get(page("appointment", appointment.ref)).status_code == 200
    assert not MembershipScope.objects.exists()


def test_each_role_says_which_agendas_it_sees_and_when_it_is_not_held(
    owner: Client, cabinet: Cabinet
) -> None:
    colleague = make_practitioner("Hugo Fictif", user=make_member(Role.PRACTITIONER))
    entrusted = [cabinet.practitioner.ref, colleague.ref]
    make_member(Role.SECRETARY)
    make_member(Role.SECRETARY, "b@example.org", entrusted=entrusted, from_on=date(2027, 1, 1))
    make_member(Role.SECRETARY, "c@example.org", entrusted=entrusted[:1], until_on=date(2020, 1, 1))

    shown = collapsed(owner.get(page("team")).text)
    own = (
        collapsed(owner.get(page("member", of(colleague.user).ref)).text) if colleague.user else ""
    )

    assert shown.count("tous les agendas") == 2
    assert f"confiés : {cabinet.practitioner.name}, Hugo Fictif" in shown
    assert shown.count("Pas encore ouvert") == 1
    assert shown.count("Terminé") == 1
    assert "Son agenda : Hugo Fictif" in own


def role(name: str = "secretary", **fields: Any) -> dict[str, Any]:
    """Return what the form of a role sends."""
    return {"role": name, **fields}


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (role("practitioner"), "Choisissez l’agenda de ce praticien"),
        (role("replacement"), "Cochez l’agenda que tient ce remplaçant"),
        (role("replacement"), "un premier et un dernier jour"),
        (role(from_on="2026-12-02", until_on="2026-12-01"), "vient avant la première"),
        (role("chef"), "Sélectionnez un choix valide"),
    ],
)
def test_a_role_that_cannot_be_is_refused_in_words(
    owner: Client, typed: dict[str, str], expected: str
) -> None:
    colleague = make_member(Role.SECRETARY)

    answer = owner.post(page("member_edit", of(colleague).ref), typed)

    assert answer.status_code == 422
    assert expected in answer.text
    assert of(colleague).role == Role.SECRETARY


def test_the_form_of_a_role_shows_what_is_held(owner: Client, cabinet: Cabinet) -> None:
    colleague = make_member(
        Role.SECRETARY, entrusted=[cabinet.practitioner.ref], until_on=NOW.date()
    )

    shown = owner.get(page("member_edit", of(colleague).ref)).text

    assert re.search(rf'name="agendas" value="{cabinet.practitioner.ref}"[^>]* checked', shown)
    assert re.search(r'name="reach" value="choisis"[^>]* checked', shown)
    assert 'value="2026-11-10"' in shown


def test_an_agenda_follows_its_role(owner: Client, cabinet: Cabinet) -> None:
    first = make_member(Role.PRACTITIONER)
    Practitioner.objects.update(user=first)
    second = make_member(Role.SECRETARY)
    mine = str(cabinet.practitioner.ref)

    taken = owner.post(page("member_edit", of(second).ref), role("practitioner", practitioner=mine))
    owner.post(page("revoke", of(first).ref), {"agenda": "keep"})
    passed = owner.post(
        page("member_edit", of(second).ref), role("practitioner", practitioner=mine)
    )

    assert (taken.status_code, passed.status_code) == (422, 302)
    assert Practitioner.objects.get().user == second


def test_an_agenda_taken_meanwhile_leaves_the_role_as_it_was(cabinet: Cabinet) -> None:
    first, second = make_member(Role.PRACTITIONER), make_member(Role.SECRETARY)
    Practitioner.objects.update(user=first)

    with pytest.raises(team.AgendaTaken):
        team.change(
            membership=of(second),
            terms=Terms(role=Role.PRACTITIONER),
            agenda=cabinet.practitioner,
            actor="system",
            on=NOW.date(),
            now=NOW,
        )

    assert of(second).role == Role.SECRETARY


def test_several_agendas_are_entrusted_by_an_invitation(owner: Client, cabinet: Cabinet) -> None:
    others = [make_practitioner(name) for name in ("Hugo Fictif", "Léa Modèle")]
    refs = {other.ref for other in others}
    typed = role(name="secretary", reach="choisis", agendas=[str(ref) for ref in refs]) | {
        "name": "Nadia Témoin",
        "email": "nadia@example.org",
    }

    owner.post(page("invite"), typed)
    invitation = Invitation.objects.get()
    came = accept(token=token_of(invitation), password=PASSWORD, name="Nadia Témoin", now=NOW)

    access = access_of(user=came.user, own=[], on=NOW.date())
    assert {grant.entrusted for grant in access.grants} == {frozenset(refs)}


def test_the_page_of_a_member_says_what_they_did_without_a_name(
    owner: Client, host: str, cabinet: Cabinet
) -> None:
    secretary = make_member(Role.SECRETARY)
    appointment = make_appointment(cabinet, NOW + timedelta(days=2))
    browser(host, secretary).post(page("mark", appointment.ref), {"mark": "absent"})

    shown = owner.get(page("member", of(secretary).ref)).text

    assert "Personne notée absente" in shown
    assert appointment.spoken_ref in shown
    assert page("appointment", appointment.ref) in shown
    assert "Spécimen" not in shown
    assert "Camille" not in shown


def test_ones_own_acts_link_only_to_agendas_within_reach(
    owner: Client, host: str, cabinet: Cabinet
) -> None:
    secretary = make_member(Role.SECRETARY)
    other = make_practitioner("Hugo Fictif")
    appointment = make_appointment(cabinet, NOW + timedelta(days=2))
    client = browser(host, secretary)
    client.post(page("mark", appointment.ref), {"mark": "came"})
    near = client.get(page("my_history")).text

    owner.post(
        page("member_edit", of(secretary).ref), role(reach="choisis", agendas=[str(other.ref)])
    )
    far = client.get(page("my_history")).text

    assert page("appointment", appointment.ref) in near
    assert "Personne notée venue" in far
    assert page("appointment", appointment.ref) not in far
    assert appointment.spoken_ref not in far


def test_nobody_sees_the_acts_of_somebody_else_without_the_right(host: str, owner: Client) -> None:
    secretary = make_member(Role.SECRETARY)

    answer = browser(host, secretary).get(page("member", of(secretary).ref))

    assert answer.status_code == 403


def test_many_members_and_many_acts_cost_the_same(
    owner: Client, count_queries: Callable[[], Any]
) -> None:
    secretary = make_member(Role.SECRETARY)

    def cost(address: str) -> int:
        with count_queries() as seen:
            owner.get(address)
        return len(seen)

    owner.get(page("team"))
    event = {"actor": f"user:{secretary.pk}", "verb": "role.given", "at": NOW}
    AuditEvent.objects.create(**event, ref=uuid.uuid4())
    few = [cost(page("team")), cost(page("member", of(secretary).ref))]
    for number in range(40):
        make_member(Role.SECRETARY, f"s{number}@example.org", entrusted=[uuid.uuid4()])
    AuditEvent.objects.bulk_create(
        [AuditEvent(**event, ref=uuid.uuid4()) for _number in range(200)]
    )
    many = [cost(page("team")), cost(page("member", of(secretary).ref))]

    assert many == few
    assert "1 à 50 sur" in owner.get(page("member", of(secretary).ref)).text
