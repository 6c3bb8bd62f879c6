"""The page of feeds: opened, copied, changed and closed by whoever may connect a calendar."""

import html
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from booking.feeds import publication
from booking.models import Feed, Practitioner
from booking.rules.erasure import Level
from tenants.accounts.models import Role
from tenants.audit.models import AuditEvent
from tests.accounts import browser, make_member
from tests.factories import Cabinet, make_practitioner

PAGE = reverse("dashboard:feeds")


@pytest.fixture
def owner(cabinet: Cabinet, host: str) -> Client:
    return browser(host, make_member(Role.OWNER))


def change(
    practitioner: Practitioner, action: str, **fields: object
) -> tuple[str, dict[str, object]]:
    """Return where a form of an agenda goes, and what it sends."""
    prefix = f"f{practitioner.ref.hex[:8]}"
    data = {f"{prefix}-{name}": value for name, value in fields.items()}
    return reverse("dashboard:feed_change", args=[practitioner.ref]), {"action": action, **data}


def verbs() -> list[str]:
    return list(AuditEvent.objects.filter(verb__startswith="feed.").values_list("verb", flat=True))


def test_a_feed_is_opened_and_its_address_shown_to_be_copied(
    owner: Client, cabinet: Cabinet, host: str
) -> None:
    owner.post(*change(cabinet.practitioner, "save", level="0"))

    shown = owner.get(PAGE).text
    address = f"http://{host}/agenda/{publication.token_of(Feed.objects.get())}.ics"
    assert f'value="{address}"' in shown
    assert f'href="webcal://{address.removeprefix("http://")}"' in shown
    assert "Ouvert, sans aucun nom" in shown
    assert browser(host).get(address.removeprefix(f"http://{host}")).status_code == 200


def test_the_page_says_who_can_read(owner: Client) -> None:
    shown = owner.get(PAGE).text

    assert "Qui a l’adresse lit le flux." in shown
    assert "Aucun mot de passe n’est demandé." in shown
    assert "/agenda/" not in shown  # none is open


def test_the_most_discreet_answer_is_the_one_that_is_chosen_first(
    owner: Client, cabinet: Cabinet
) -> None:
    shown = owner.get(PAGE).text

    chosen = shown.partition("checked")[0].rpartition("<input")[2]
    assert 'value="0"' in chosen
    assert shown.count("checked") == 1


def test_names_without_the_box_are_refused_beside_it(owner: Client, cabinet: Cabinet) -> None:
    answer = owner.post(*change(cabinet.practitioner, "save", level="2"))
    shown = html.unescape(answer.text)

    assert answer.status_code == 422
    assert "1 point à corriger" in shown
    assert shown.count("Cochez cette case pour y mettre les noms") == 2
    chosen = shown.partition("checked")[0].rpartition("<input")[2]
    assert 'value="2"' in chosen  # nothing chosen is lost
    assert not Feed.objects.exists()


@pytest.mark.parametrize("level", ["", "3", "-1", "x", "é", "2.0"])
def test_a_level_that_is_none_is_refused(owner: Client, cabinet: Cabinet, level: str) -> None:
    answer = owner.post(*change(cabinet.practitioner, "save", level=level))

    assert answer.status_code == 422
    assert not Feed.objects.exists()


def test_names_on_instruction_are_recorded_in_the_audit_trail(
    owner: Client, cabinet: Cabinet
) -> None:
    owner.post(*change(cabinet.practitioner, "save", level="2", is_instructed="on"))

    assert Feed.objects.get().level == Level.NAMED
    assert verbs() == ["feed.opened", "feed.instructed"]
    assert "Ouvert, avec les noms" in owner.get(PAGE).text


def test_another_address_and_closing(owner: Client, cabinet: Cabinet) -> None:
    practitioner = cabinet.practitioner
    owner.post(*change(practitioner, "save", level="1"))
    first = publication.token_of(Feed.objects.get())

    owner.post(*change(practitioner, "renew"))
    second = publication.token_of(Feed.objects.get())
    owner.post(*change(practitioner, "close"))

    assert first != second
    assert not Feed.objects.exists()
    assert verbs() == ["feed.opened", "feed.changed", "feed.revoked"]


@pytest.mark.parametrize("action", ["renew", "close"])
def test_what_is_closed_already_stays_so(owner: Client, cabinet: Cabinet, action: str) -> None:
    answer = owner.post(*change(cabinet.practitioner, action))

    assert answer.status_code == 302
    assert verbs() == []


def test_an_act_that_is_none_is_unknown(owner: Client, cabinet: Cabinet) -> None:
    assert owner.post(*change(cabinet.practitioner, "x")).status_code == 404


def test_a_practitioner_opens_their_own_feed_only(cabinet: Cabinet, host: str) -> None:
    user = make_member(Role.PRACTITIONER)
    colleague = make_practitioner("Hugo Fictif")
    cabinet.practitioner.user = user
    cabinet.practitioner.save(update_fields=["user"])
    client = browser(host, user)

    answers = [
        client.post(*change(practitioner, "save", level="0")).status_code
        for practitioner in (cabinet.practitioner, colleague)
    ]

    assert answers == [302, 404]
    assert "Hugo Fictif" not in client.get(PAGE).text


@pytest.mark.parametrize("role", [Role.SECRETARY, Role.REPLACEMENT])
def test_who_keeps_an_agenda_opens_no_feed_of_it(cabinet: Cabinet, host: str, role: Role) -> None:
    client = browser(host, make_member(role, entrusted=[cabinet.practitioner.ref]))

    assert client.get(PAGE).status_code == 403
    assert client.post(*change(cabinet.practitioner, "save", level="0")).status_code == 403


def test_many_agendas_cost_as_many_questions_as_one(
    owner: Client, cabinet: Cabinet, count_queries: Callable[[], Any]
) -> None:
    owner.post(*change(cabinet.practitioner, "save", level="0"))
    with count_queries() as few:
        owner.get(PAGE)
    for number in range(5):
        owner.post(*change(make_practitioner(f"Docteur {number}"), "save", level="0"))

    with count_queries() as many:
        owner.get(PAGE)

    assert len(many) == len(few)


def test_the_agenda_leads_there(owner: Client) -> None:
    assert f'href="{PAGE}"' in owner.get(reverse("dashboard:week")).text
