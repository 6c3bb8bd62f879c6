"""What practices state of their legal identity, and what staff decide on it. Inside the unit ``public``."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.core.paginator import Page, Paginator

from billing.clients.identity import EI, LegalForm
from billing.clients.models import IdentityStatement
from tenants.audit.services import record
from tenants.models import Tenant

PER_PAGE = 50
_NAMES = ("legal_name", "siren", "vat_number", "street", "postcode", "town")
_EI = (
    "ei",
    "entreprise individuelle",
    "entrepreneur individuel",
    "entrepreneur individuel (ei)",
    "entrepreneure individuelle",
)


@dataclass(frozen=True, slots=True)
class StatedIdentity:
    """The lines of a practice's settings; ``legal_form`` is free text."""

    legal_name: str
    legal_form: str
    siren: str
    vat_number: str
    street: str
    postcode: str
    town: str


def record_statement(*, tenant: Tenant, stated: StatedIdentity, now: datetime) -> None:
    """Keep the statement for staff; nothing changes when an open one says the same."""
    values = {name: getattr(stated, name) for name in (*_NAMES, "legal_form")}
    if IdentityStatement.objects.filter(tenant=tenant, decided_at=None, **values).exists():
        return
    IdentityStatement.objects.update_or_create(
        tenant=tenant,
        defaults={**values, "stated_at": now, "decided_at": None, "is_accepted": None},
    )


def decide_statement(
    *, statement: IdentityStatement, is_accepted: bool, actor: str, now: datetime
) -> bool:
    """Close a statement; return whether it was open and still the practice's last one."""
    closed = IdentityStatement.objects.filter(
        pk=statement.pk, stated_at=statement.stated_at, decided_at__isnull=True
    ).update(decided_at=now, is_accepted=is_accepted)
    if closed:
        verb = "client.statement_accepted" if is_accepted else "client.statement_refused"
        record(verb=verb, ref=statement.tenant.ref, actor=actor, now=now)
    return bool(closed)


def open_statement(
    tenant: Tenant | None, *, version: str | None = None
) -> IdentityStatement | None:
    """Return the statement of a practice that staff have not decided on; with a version, that one only."""
    if tenant is None:
        return None
    found = (
        IdentityStatement.objects.select_related("tenant")
        .filter(tenant=tenant, decided_at__isnull=True)
        .first()
    )
    if found is None or (version is not None and found.version != version):
        return None
    return found


def count_open_statements() -> int:
    """Return how many statements wait for a decision."""
    return IdentityStatement.objects.filter(decided_at__isnull=True).count()


def open_statements(*, number: str | None) -> Page[IdentityStatement]:
    """Return a page of the statements to decide on, the oldest first; a wrong number is the nearest page."""
    found = IdentityStatement.objects.filter(decided_at__isnull=True)
    return Paginator(found.select_related("tenant"), PER_PAGE).get_page(number)


def proposed_values(statement: IdentityStatement | None) -> Mapping[str, str]:
    """Return what a statement proposes for the form of the identity, by field name; nothing it leaves empty."""
    if statement is None:
        return {}
    values = {name: getattr(statement, name) for name in _NAMES}
    form = _form_named(statement.legal_form)
    if form is LegalForm.SOLE_TRADER:
        # The file holds the name alone, documents add the mention (C. com. R.526-27).
        values["legal_name"] = values["legal_name"].removesuffix(f" {EI}")
    values["legal_form"] = form.value if form else ""
    return {name: value for name, value in values.items() if value}


def _form_named(text: str) -> LegalForm | None:
    """Return the legal form that a practice means by its own words; None when unsure."""
    typed = " ".join(text.split()).casefold()
    if typed in _EI:
        return LegalForm.SOLE_TRADER
    return next((form for form in LegalForm if form.value.casefold() == typed), None)
