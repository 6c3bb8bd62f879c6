"""Reading clients for the staff pages, inside the unit ``public``."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.http import urlencode

from billing.clients.readiness import checks
from billing.clients.troubles import LABELS, Trouble, in_any_trouble, in_trouble, troubles_of
from tenants.models import Domain, Tenant
from tenants.outbox.kinds import OutboxKind
from tenants.outbox.models import OutboxEntry

PER_PAGE = 50


@dataclass(frozen=True)
class ClientFilter:
    """What the list of clients is filtered by; an empty or unknown value filters nothing."""

    text: str = ""
    state: str = ""
    trouble: str = ""

    @property
    def is_set(self) -> bool:
        """Return whether one value at least is given."""
        return bool(self.text or self.state or self.trouble)

    @property
    def query(self) -> str:
        """Return the query string that gives this filter, without a page."""
        return urlencode({"q": self.text, "etat": self.state, "souci": self.trouble})


@dataclass(frozen=True)
class ClientRow:
    """A client with the labels of its troubles."""

    client: Tenant
    troubles: Sequence[str]


@dataclass(frozen=True)
class CheckResult:
    """A go-live check with its last result; ``is_met`` is None when it never ran."""

    label: Promise | str
    is_met: bool | None


@dataclass(frozen=True)
class CheckReport:
    """The registered go-live checks, and when they last ran; ``checked_at`` is None when they never did."""

    results: Sequence[CheckResult]
    checked_at: datetime | None


def find_client(ref: uuid.UUID) -> Tenant | None:
    """Return the client with its ``health``, or None."""
    return Tenant.objects.select_related("health").filter(ref=ref).first()


def client_page(*, chosen: ClientFilter, number: str | None, now: datetime) -> Page[Tenant]:
    """Return a page of the list by name, with health and host names; a wrong number is the nearest page."""
    found = Tenant.objects.select_related("health").prefetch_related("domains")
    if chosen.text:
        found = found.filter(_matches(chosen.text)).distinct()
    if chosen.state in Tenant.State.values:
        found = found.filter(state=chosen.state)
    if chosen.trouble in LABELS:
        found = found.filter(in_trouble(Trouble(chosen.trouble), now=now))
    return Paginator(found.order_by("name", "id"), PER_PAGE).get_page(number)


def rows_of(clients: Page[Tenant] | Sequence[Tenant], *, now: datetime) -> list[ClientRow]:
    """Return clients with their troubles; they were read with their ``health``."""
    return [ClientRow(client, troubles_of(client, now=now)) for client in clients]


def clients_matching(text: str, *, limit: int) -> list[Tenant]:
    """Return at most ``limit`` clients by name whose name, owner's name or host name holds the text."""
    found = Tenant.objects.prefetch_related("domains").filter(_matches(text)).distinct()
    return list(found.order_by("name", "id")[:limit])


def clients_in_trouble(*, limit: int, now: datetime) -> list[Tenant]:
    """Return at most ``limit`` clients that staff must act on, the worst first, with their ``health``."""
    found = Tenant.objects.select_related("health").filter(in_any_trouble(now=now))
    worst = found.order_by(
        "-health__overdue_erasures", "-health__reminders_at_risk", "-health__failed_messages"
    )
    return list(worst[:limit])


def clients_changed_since(at: datetime) -> QuerySet[Tenant]:
    """Return the clients that were ordered, opened or suspended since an instant, by name."""
    return Tenant.objects.filter(
        Q(created_at__gte=at) | Q(live_at__gte=at) | Q(suspended_at__gte=at)
    ).order_by("name", "id")


def primary_domain(client: Tenant) -> Domain | None:
    """Return the primary host name of a client."""
    return client.domains.filter(is_primary=True).first()


def is_host_taken(host: str) -> bool:
    """Return whether a client has this host name."""
    return Domain.objects.filter(domain=host).exists()


def last_entry(client: Tenant, kind: OutboxKind[Any]) -> OutboxEntry | None:
    """Return the newest outbox entry of a kind for a client: what was requested last, and its state."""
    return OutboxEntry.objects.filter(kind=kind, subject_id=client.pk).order_by("-id").first()


def check_report(client: Tenant) -> CheckReport:
    """Return the registered go-live checks of a client with their last results, with one query."""
    recorded = {row.name: row for row in client.readiness.all()}
    results = [
        CheckResult(check.label, recorded[check.name].is_met if check.name in recorded else None)
        for check in checks()
    ]
    first = next(iter(recorded.values()), None)
    return CheckReport(results, first.checked_at if first else None)


def _matches(text: str) -> Q:
    return (
        Q(name__icontains=text) | Q(owner_name__icontains=text) | Q(domains__domain__icontains=text)
    )
