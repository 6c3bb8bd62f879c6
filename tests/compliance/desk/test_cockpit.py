"""The cockpit and the list: each trouble red, linked, and found again; thousands of clients cost no more."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from compliance.desk import cockpit
from compliance.desk.cockpit import span
from tenants.heartbeat import Duty
from tenants.models import Domain, Health, Heartbeat, ProvisioningStep, Tenant
from tenants.outbox.models import OutboxEntry
from tenants.provisioning.template import CURRENT_VERSION
from tenants.schema import Unit
from tenants.trail.models import Act
from tests.accounts import add_totp, browser, make_user
from tests.compliance.desk.test_desk import address, make_client

TROUBLES = [
    ("effacements", {"overdue_erasures": 2}),
    ("rappels", {"reminders_at_risk": 2}),
    ("messages", {"failed_messages": 2}),
    ("file", {"waiting_since": timedelta(minutes=-6)}),
    ("releve", {"checked_at": timedelta(minutes=-31)}),
]


@pytest.fixture
def staff(public: Unit, public_host: str) -> Client:
    """Return the browser of a member of staff; the house is well."""
    user = make_user("iban@example.org", is_staff=True, name="Iban Fictif")
    add_totp(user)
    Health.objects.all().delete()
    OutboxEntry.objects.all().delete()
    for tenant in Tenant.objects.all():
        well(tenant)
    for duty in Duty:
        Heartbeat.objects.update_or_create(duty=duty, defaults={"at": datetime.now(UTC)})
    return browser(public_host, user)


def well(tenant: Tenant, **fields: Any) -> Tenant:
    """Note that a client is well, except for what is said."""
    now = datetime.now(UTC)
    values = {
        name: now + value if isinstance(value, timedelta) else value
        for name, value in fields.items()
    }
    Health.objects.update_or_create(tenant=tenant, defaults={"checked_at": now, **values})
    Tenant.objects.filter(pk=tenant.pk).update(schema_version=CURRENT_VERSION)
    return tenant


def red(page: str) -> list[str]:
    """Return the board's red tiles."""
    return [part.split("</li>")[0] for part in page.split('<li class="bad">')[1:]]


def test_when_all_is_well_every_tile_is_green(staff: Client) -> None:
    shown = staff.get(address("cockpit")).text

    assert red(shown) == []
    assert shown.count('<li class="ok">') == 10
    assert "Rien : chaque cabinet va bien." in shown


@pytest.mark.parametrize(("name", "fields"), TROUBLES)
def test_each_trouble_is_red_and_leads_to_its_clients(
    staff: Client, name: str, fields: dict[str, Any]
) -> None:
    well(make_client(name="Anne Calque"), **fields)
    well(make_client(name="Bruno Tracé"))

    tiles = red(staff.get(address("cockpit")).text)
    listed = staff.get(address("clients"), {"souci": name}).text

    assert len(tiles) == 1
    assert f"?souci={name}" in tiles[0]
    assert name == "file" or str(cockpit.TROUBLES[name]) in tiles[0]
    assert ("Anne Calque" in listed, "Bruno Tracé" in listed) == (True, False)
    assert '<span class="badge bad">' in listed


def test_what_must_be_done_names_the_worst_first(staff: Client) -> None:
    well(make_client(name="Anne Calque"), failed_messages=3)
    well(make_client(name="Bruno Tracé"), overdue_erasures=1)

    listed = staff.get(address("cockpit")).text.split("À faire, dans cet ordre")[1]

    assert listed.index("Bruno Tracé") < listed.index("Anne Calque")
    assert "Effacements en retard" in listed


@pytest.mark.parametrize(
    "fields",
    [
        {"state": Tenant.State.ORDERED, "last_error": "22012"},
        {"state": Tenant.State.PROVISIONING, "created_at": datetime(2026, 1, 5, tzinfo=UTC)},
    ],
)
def test_a_space_that_is_not_built_in_time_is_red(staff: Client, fields: dict[str, Any]) -> None:
    tenant = make_client(name="Anne Calque")
    Tenant.objects.filter(pk=tenant.pk).update(**{"created_at": datetime.now(UTC), **fields})

    tiles = red(staff.get(address("cockpit")).text)

    assert len(tiles) == 1
    assert "Espaces en construction" in tiles[0]


def test_a_space_behind_the_code_is_red(staff: Client) -> None:
    tenant = well(make_client())
    Tenant.objects.filter(pk=tenant.pk).update(schema_version="old")

    assert "Espaces à mettre à jour" in red(staff.get(address("cockpit")).text)[0]


@pytest.mark.parametrize("duty", list(Duty))
def test_a_duty_that_no_longer_runs_is_red(staff: Client, duty: Duty) -> None:
    Heartbeat.objects.filter(duty=duty).update(at=datetime.now(UTC) - timedelta(hours=1))
    late = red(staff.get(address("cockpit")).text)
    Heartbeat.objects.filter(duty=duty).delete()
    never = red(staff.get(address("cockpit")).text)

    assert len(late) == len(never) == 1
    assert "1\u00a0h" in late[0]
    assert "jamais" in never[0]


def test_the_houses_own_queue_counts_too(staff: Client) -> None:
    now = datetime.now(UTC)
    OutboxEntry.objects.create(
        kind="desk.settle", object_id=1, due_at=now - timedelta(minutes=7), created_at=now
    )

    tiles = red(staff.get(address("cockpit")).text)

    assert "7\u00a0min" in tiles[0]


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (172800, "2 j")],
)
def test_a_span_is_said_in_one_unit(seconds: int, said: str) -> None:
    assert span(seconds) == said.replace(" ", "\u00a0")


def test_ten_thousand_clients_cost_the_same(
    staff: Client, count_queries: Callable[[], Any]
) -> None:
    def cost(path: str, **query: str) -> int:
        with count_queries() as seen:
            answer = staff.get(path, query)
        assert answer.status_code == 200
        return len(seen)

    def costs() -> list[int]:
        return [
            cost(address("cockpit")),
            cost(address("clients"), q="calque", etat="live", souci="messages"),
        ]

    staff.get(address("clients"))
    well(make_client(name="Anne Calque"), failed_messages=1)
    few = costs()
    now = datetime.now(UTC)
    made = Tenant.objects.bulk_create(
        [
            Tenant(name=f"Calque {number:05}", state=Tenant.State.LIVE, created_at=now)
            for number in range(10_000)
        ]
    )
    Domain.objects.bulk_create(
        [Domain(domain=f"c{one.pk}.lib-rdv.localhost", tenant=one) for one in made]
    )
    Health.objects.bulk_create(
        [Health(tenant=one, checked_at=now, failed_messages=1) for one in made]
    )

    many = costs()
    last = staff.get(address("clients"), {"q": "calque", "page": "201"}).text

    assert many == few
    assert "10001" in last.replace("\u202f", "").replace("\u00a0", "")


def test_the_page_of_a_client_shows_its_health_and_its_log(staff: Client) -> None:
    tenant = well(make_client(), overdue_erasures=1, owner_invitation="open")
    Health.objects.update(owner_invited_until=datetime.now(UTC))
    now = datetime.now(UTC)
    ProvisioningStep.objects.create(tenant=tenant, name="failed", error="22012", at=now)
    staff.post(address("suspend", tenant), {"reason": "Deux factures impayées"})

    shown = staff.get(address("client", tenant)).text

    assert "1 en retard" in shown
    assert "22012" in shown
    assert "Suspendu" in shown
    assert "Iban Fictif" in shown
    assert "Envoyer un nouveau lien" in shown


def test_an_old_look_is_said_to_be_old(staff: Client) -> None:
    tenant = well(make_client(), checked_at=timedelta(minutes=-31))

    assert "Ce relevé est ancien" in staff.get(address("client", tenant)).text


@pytest.mark.parametrize("name", ["ouvrir", "reprendre", "preparer", "renvoyer", "retirer"])
def test_each_act_says_what_it_will_do_and_looking_does_nothing(staff: Client, name: str) -> None:
    tenant = make_client()
    before = Act.objects.count()

    page = reverse("desk:ask", args=[tenant.ref, name], urlconf="config.urls_public")
    answer = staff.get(page)

    assert answer.status_code == 200
    assert f'value="{name}"' in answer.text
    assert "Ne rien changer" in answer.text
    assert Act.objects.count() == before


@pytest.mark.parametrize("name", ["verifier", "effacer"])
def test_nothing_else_is_asked(staff: Client, name: str) -> None:
    page = reverse("desk:ask", args=[make_client().ref, name], urlconf="config.urls_public")

    assert staff.get(page).status_code == 404


@pytest.mark.parametrize("act", ["renvoyer", "retirer"])
def test_the_owners_link_is_a_workers_affair(staff: Client, act: str) -> None:
    tenant = make_client()

    staff.post(address("act", tenant), {"acte": act})

    asked = OutboxEntry.objects.get(kind="desk.invite")
    assert (asked.object_id, asked.audience) == (
        tenant.pk,
        {"renvoyer": "resend", "retirer": "withdraw"}[act],
    )


def test_no_invitation_for_a_space_that_is_not_built(staff: Client) -> None:
    tenant = make_client(Tenant.State.ORDERED)

    answer = staff.post(address("act", tenant), {"acte": "renvoyer"}, follow=True)

    assert "pas possible dans l’état actuel" in answer.text
    assert not OutboxEntry.objects.filter(kind="desk.invite").exists()
