"""What clients add to the sheet of a client (A2). No section shows data of patients: ``public`` holds none."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from billing.clients import queries
from billing.clients.files.queries import file_of
from billing.clients.files.statements import open_statement
from billing.clients.health import InvitationState, is_stale
from billing.clients.history import history_of
from billing.clients.kinds import CHECK, INVITE, SEED
from tenants.desk.client_sheet import ClientSection, SheetColumn
from tenants.desk.fragments import Fragment
from tenants.models import Health, Tenant
from tenants.outbox.models import OutboxEntry

EntryState = OutboxEntry.EntryState


@dataclass(frozen=True)
class SetupStep:
    """A step from the order to the opening: its instant when that is recorded, else its progress in words."""

    label: str
    at: datetime | None = None
    progress: str = ""
    is_pending: bool = False


def setup(client: Tenant, now: datetime) -> Fragment:
    """Return the steps from the order to the opening."""
    seeding = queries.last_entry(client, SEED)
    context = {
        "client": client,
        "steps": _steps(client, seeding),
        "is_seeding_failed": seeding is not None
        and seeding.state in {EntryState.FAILED, EntryState.NOT_SENT},
    }
    return Fragment("clients/sections/setup.html", context)


def readiness(client: Tenant, now: datetime) -> Fragment:
    """Return the go-live checks with their last results."""
    context = {
        "client": client,
        "report": queries.check_report(client),
        "is_checking": _is_pending(queries.last_entry(client, CHECK)),
    }
    return Fragment("clients/sections/readiness.html", context)


def health(client: Tenant, now: datetime) -> Fragment:
    """Return the health that was last collected."""
    found = _health_of(client)
    context = {
        "health": found,
        "is_stale": is_stale(found, client, now=now),
        "is_served": client.state in Tenant.SERVED,
    }
    return Fragment("clients/sections/health.html", context)


def history(client: Tenant, now: datetime) -> Fragment:
    """Return what happened to the client, the newest first."""
    return Fragment("clients/sections/history.html", {"lines": history_of(client)})


def contract(client: Tenant, now: datetime) -> Fragment:
    """Return the owner and what the client attested (G-03)."""
    return Fragment("clients/sections/contract.html", {"client": client})


def client_file(client: Tenant, now: datetime) -> Fragment:
    """Return the link to the client's file, or to the page that opens one."""
    context = {
        "practice": client,
        "file": file_of(client),
        "statement": open_statement(client),
    }
    return Fragment("clients/sections/file.html", context)


def invitation(client: Tenant, now: datetime) -> Fragment | None:
    """Return the state of the owner's invitation; None while the tenant is not served."""
    if client.state not in Tenant.SERVED:
        return None
    found = _health_of(client)
    context = {
        "client": client,
        "health": found,
        "is_open": found is not None and found.owner_invitation == InvitationState.OPEN,
        "is_accepted": found is not None and found.owner_invitation == InvitationState.ACCEPTED,
        "is_changing": _is_pending(queries.last_entry(client, INVITE)),
    }
    return Fragment("clients/sections/invitation.html", context)


def patient_data(client: Tenant, now: datetime) -> Fragment:
    """Return the sentence that staff pages hold no data of patients."""
    return Fragment("clients/sections/patient_data.html", {})


SECTIONS = (
    ClientSection("setup", order=10, read=setup),
    ClientSection("readiness", order=20, read=readiness),
    ClientSection("health", order=30, read=health),
    ClientSection("history", order=90, read=history),
    ClientSection("contract", order=10, read=contract, column=SheetColumn.SIDE),
    ClientSection("file", order=15, read=client_file, column=SheetColumn.SIDE),
    ClientSection("invitation", order=20, read=invitation, column=SheetColumn.SIDE),
    ClientSection("patient_data", order=90, read=patient_data, column=SheetColumn.SIDE),
)


def _health_of(client: Tenant) -> Health | None:
    found: Health | None = getattr(client, "health", None)
    return found


def _is_pending(entry: OutboxEntry | None) -> bool:
    return entry is not None and entry.state == EntryState.PENDING


def _steps(client: Tenant, seeding: OutboxEntry | None) -> list[SetupStep]:
    is_building = client.state in {Tenant.State.ORDERED, Tenant.State.PROVISIONING}
    return [
        SetupStep(_("Commandé"), at=client.created_at),
        SetupStep(
            _("Espace et clés créés"),
            progress=_("en cours") if is_building else _("fait"),
            is_pending=is_building,
        ),
        SetupStep(_("Titulaire invité"), progress=_invitation_progress(client, seeding)),
        SetupStep(_("En ligne"), at=client.live_at, progress=_("à faire")),
    ]


def _invitation_progress(client: Tenant, seeding: OutboxEntry | None) -> str:
    if client.live_at or (seeding is not None and seeding.state == EntryState.SENT):
        return _("fait")
    if seeding is None:
        return _("à faire")
    return _("en cours") if seeding.state == EntryState.PENDING else _("échec")
