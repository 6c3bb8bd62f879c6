"""The overview: each trouble is red and leads to its clients, and ten thousand clients cost no more than one."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from billing.clients import troubles
from billing.clients.kinds import SEED, TENANT
from billing.clients.overview import duration_text
from billing.clients.troubles import Trouble
from tenants.heartbeat import Duty
from tenants.models import Domain, Health, Heartbeat, Tenant
from tenants.outbox.models import OutboxEntry
from tests.staff import address, make_all_healthy, make_client, make_healthy

TROUBLES = [
    ("effacements", {"overdue_erasures": 2}),
    ("rappels", {"reminders_at_risk": 2}),
    ("messages", {"failed_messages": 2}),
    ("file", {"waiting_since": timedelta(minutes=-6)}),
    ("releve", {"checked_at": timedelta(minutes=-31)}),
]


@pytest.fixture(autouse=True)
def all_healthy(staff: Client) -> None:
    """Begin with nothing to do."""
    make_all_healthy()


def red(page: str) -> list[str]:
    """Return the board's red tiles."""
    return [part.split("</li>")[0] for part in page.split('<li class="bad">')[1:]]


def test_when_all_is_well_every_tile_is_green(staff: Client) -> None:
    answer = staff.get(address("desk:overview"))

    shown = answer.text
    assert red(shown) == []
    assert shown.count('<li class="ok">') == len(answer.context["tiles"]) > 12
    assert "Rien : chaque cabinet va bien." in shown


@pytest.mark.parametrize(("name", "fields"), TROUBLES)
def test_each_trouble_is_red_and_leads_to_its_clients(
    staff: Client, name: str, fields: dict[str, Any]
) -> None:
    make_healthy(make_client(name="Anne Calque"), **fields)
    make_healthy(make_client(name="Bruno Tracé"))

    tiles = red(staff.get(address("desk:overview")).text)
    listed = staff.get(address("clients:list"), {"souci": name}).text

    assert len(tiles) == 1
    assert f"?souci={name}" in tiles[0]
    assert name == "file" or str(troubles.LABELS[Trouble(name)]) in tiles[0]
    assert ("Anne Calque" in listed, "Bruno Tracé" in listed) == (True, False)
    assert '<span class="badge bad">' in listed


def test_what_must_be_done_names_the_worst_first(staff: Client) -> None:
    make_healthy(make_client(name="Anne Calque"), failed_messages=3)
    make_healthy(make_client(name="Bruno Tracé"), overdue_erasures=1)

    listed = staff.get(address("desk:overview")).text.split("À faire, dans cet ordre")[1]

    assert listed.index("Bruno Tracé") < listed.index("Anne Calque")
    assert "Effacements en retard" in listed


@pytest.mark.parametrize(
    "fields",
    [
        {"state": Tenant.State.ORDERED, "last_error": "22012"},
        {"state": Tenant.State.PROVISIONING, "created_at": datetime(2026, 1, 5, tzinfo=UTC)},
    ],
)
def test_a_tenant_that_is_not_built_in_time_is_red(staff: Client, fields: dict[str, Any]) -> None:
    tenant = make_client(name="Anne Calque")
    Tenant.objects.filter(pk=tenant.pk).update(**{"created_at": datetime.now(UTC), **fields})

    tiles = red(staff.get(address("desk:overview")).text)

    assert len(tiles) == 1
    assert "Espaces en construction" in tiles[0]


def test_a_tenant_with_an_old_schema_is_red(staff: Client) -> None:
    tenant = make_healthy(make_client())
    Tenant.objects.filter(pk=tenant.pk).update(schema_version="old")

    assert "Espaces à mettre à jour" in red(staff.get(address("desk:overview")).text)[0]


@pytest.mark.parametrize("duty", list(Duty))
def test_a_duty_that_no_longer_runs_is_red(staff: Client, duty: Duty) -> None:
    Heartbeat.objects.filter(duty=duty).update(at=datetime.now(UTC) - timedelta(hours=40))
    late = red(staff.get(address("desk:overview")).text)
    Heartbeat.objects.filter(duty=duty).delete()
    never = red(staff.get(address("desk:overview")).text)

    assert len(late) == len(never) == 1
    assert "40\u00a0h" in late[0]
    assert "jamais" in never[0]


def test_the_queue_in_public_counts_too(staff: Client) -> None:
    now = datetime.now(UTC)
    OutboxEntry.objects.create(
        kind=SEED,
        subject_type=TENANT,
        subject_id=1,
        due_at=now - timedelta(minutes=7),
        created_at=now,
    )

    tiles = red(staff.get(address("desk:overview")).text)

    assert "7\u00a0min" in tiles[0]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"), (3600, "1 h"), (172800, "2 j")],
)
def test_a_duration_is_written_in_one_unit(seconds: int, text: str) -> None:
    assert duration_text(seconds) == text.replace(" ", "\u00a0")


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
            cost(address("desk:overview")),
            cost(address("clients:list"), q="calque", etat="live", souci="messages"),
        ]

    staff.get(address("clients:list"))
    make_healthy(make_client(name="Anne Calque"), failed_messages=1)
    few = costs()
    now = datetime.now(UTC)
    made = Tenant.objects.bulk_create(
        [
            Tenant(name=f"Calque {number:05}", state=Tenant.State.LIVE, created_at=now)
            for number in range(10_000)
        ]
    )
    Domain.objects.bulk_create(
        [Domain(domain=f"c{tenant.pk}.lib-rdv.localhost", tenant=tenant) for tenant in made]
    )
    Health.objects.bulk_create(
        [Health(tenant=tenant, checked_at=now, failed_messages=1) for tenant in made]
    )

    many = costs()
    last = staff.get(address("clients:list"), {"q": "calque", "page": "201"}).text

    assert many == few
    assert "10001" in last.replace("\u202f", "").replace("\u00a0", "")
