"""Proof: issued invoices have no gap, are issued once, never change, and forgeries are found (F-03, F-04, F-06).

Many workers issue and credit at once, over fewer connections; a quarter of their transactions is rolled back,
others end by an error of SQL, and backends are killed, some at an unknown moment. Callers compete for one draft,
and credit notes for one invoice. Then every table of the ledger is attacked by the ORM and in SQL, as the
application and as the owner. At last the owner disables the triggers and forges series in several ways after the
nightly duty: `verify_invoices` must name each forged series and no other. Documents are drawn by a stand-in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tests.proofs.counter import CaseCounter
from tests.proofs.environment import open_environment
from tests.proofs.guards import Guard, replace, wrap

PROOF = "invoices"
LOAD, CLICKS, CREDITS, ATTACKS, FORGERIES = "load", "clicks", "credits", "attacks", "forgeries"
SECTIONS = (LOAD, CLICKS, CREDITS, ATTACKS, FORGERIES)


# --- The guards ---------------------------------------------------------------------------------------


def _lock_no_series() -> None:
    from billing.invoicing import series
    from billing.invoicing.models import Series

    def read(kind: str, year: int) -> list[Any]:
        found = Series.objects.filter(code__startswith=kind, code__gte=f"{kind}{year}")
        return list(found.order_by("code"))

    replace(series, "_locked", read)


def _keep_drafts() -> None:
    from billing.invoicing import services

    replace(services, "_delete", lambda draft: None)


def _credit_without_sum() -> None:
    from billing.invoicing import services

    def check(invoice: Any, *, gross: Any) -> None:
        return None

    replace(services, "check_credit", check)


def _compare_no_row() -> None:
    from billing.invoicing import verification

    replace(verification, "_faults", lambda invoice, prev: iter(()))


def _know_no_recorded_head() -> None:
    from billing.invoicing import verification

    def verify(call: Any, arguments: Any) -> Any:
        return call(recorded=None)

    wrap(verification, "verify_series", verify, uses=["recorded"])


def _without_trigger(table: str, name: str) -> Callable[[Any, Any], None]:
    """Return the removal of a trigger; the environment enables all of them again when it is cleared."""

    def remove(environment: Any, dataset: Any) -> None:
        environment.owner(f"ALTER TABLE public.{table} DISABLE TRIGGER {name}")

    return remove


def _grant_changes(environment: Any, dataset: Any) -> None:
    environment.owner("GRANT UPDATE, DELETE ON public.invoicing_invoice TO librdv_public")


def _allow_forks(environment: Any, dataset: Any) -> None:
    environment.owner("ALTER TABLE public.invoicing_invoice DROP CONSTRAINT invoice_no_fork")


GUARDS: Mapping[str, Guard] = {
    "series_lock": Guard("a number is given under the lock", (LOAD,), process=_lock_no_series),
    "draft_deleted": Guard("issuing deletes the draft", (CLICKS,), process=_keep_drafts),
    "credit_sum": Guard(
        "credit notes do not exceed their invoice", (CREDITS,), process=_credit_without_sum
    ),
    "update_trigger": Guard(
        "the owner changes no document",
        (ATTACKS,),
        database=_without_trigger("invoicing_invoice", "frozen_update"),
    ),
    "delete_trigger": Guard(
        "the owner deletes no document",
        (ATTACKS,),
        database=_without_trigger("invoicing_invoice", "frozen_delete"),
    ),
    "series_trigger": Guard(
        "a series moves by one only",
        (ATTACKS,),
        database=_without_trigger("invoicing_series", "series_step"),
    ),
    "privileges": Guard(
        "the application may only insert documents", (ATTACKS,), database=_grant_changes
    ),
    "no_fork": Guard("a document has one successor", (ATTACKS,), database=_allow_forks),
    "row_check": Guard("each row is compared with its hash", (FORGERIES,), process=_compare_no_row),
    "recorded_head": Guard(
        "the last documents are known outside the database",
        (FORGERIES,),
        process=_know_no_recorded_head,
    ),
}


def run(*, short: bool, sabotage: str | None) -> dict[str, Any]:
    """Issue under load, attack and forge the ledger; return the report."""
    guard = GUARDS[sabotage] if sabotage else None
    counter = CaseCounter(guard)
    figures: dict[str, Any] = {}
    with open_environment(proof=PROOF, sabotage=sabotage) as environment:
        from tests.proofs import invoices_ledger as ledger  # apps must be ready

        parts: dict[str, Callable[[], dict[str, Any] | None]] = {
            LOAD: lambda: ledger.issue_under_load(environment, counter, short=short),
            CLICKS: lambda: ledger.click_at_once(counter, drafts=4 if short else 40),
            CREDITS: lambda: ledger.credit_at_once(counter, callers=10 if short else 40),
            ATTACKS: lambda: ledger.attack(environment, counter),
            FORGERIES: lambda: ledger.forge(environment, counter),
        }
        ledger.prepare()
        if guard is not None:
            guard.remove_from_process()
            guard.remove_from_database(environment, None)
        try:
            for section in guard.sections if guard else SECTIONS:
                figures |= parts[section]() or {}
        finally:
            if sabotage == "no_fork":
                environment.owner(
                    "ALTER TABLE public.invoicing_invoice"
                    " ADD CONSTRAINT invoice_no_fork UNIQUE (prev_hash)"
                )
    return counter.report(PROOF, sabotage=sabotage, short=short, **figures)
