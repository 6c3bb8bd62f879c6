"""The sections of the proof of invoices: load, clicks, credit notes, attacks, forgeries."""

from __future__ import annotations

import datetime as dt
import os
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest import mock

import psycopg2
from django.db import DatabaseError, connection, transaction

from billing.clients.models import Client
from billing.invoicing import actors, verification
from billing.invoicing.errors import AlreadyIssued, CreditExceedsInvoice
from billing.invoicing.models import Draft, Invoice, Payment, Series
from billing.invoicing.payments import record_payment
from billing.invoicing.series import open_series
from billing.invoicing.services import credit, issue
from tenants.schema import PUBLIC, inside
from tests.ledger import (
    NOW,
    alter_as_owner,
    draw_nothing,
    make_buyer,
    make_draft,
    make_line,
    open_ledger,
)
from tests.proofs.child_process import run_module
from tests.proofs.counter import CaseCounter
from tests.proofs.isolation_sql import SqlActor, attempt

DENIED, RESTRICT, UNIQUE, LOCKED = "42501", "23001", "23505", "55P03"
ISSUED, ROLLED_BACK, FAILED, KILLED = "issued", "rolled back", "error of SQL", "killed"
UNKNOWN = "killed at an unknown moment"
ENDS = (
    (0.0, 0.25, ROLLED_BACK),
    (0.25, 0.30, FAILED),
    (0.30, 0.35, KILLED),
    (0.35, 0.38, UNKNOWN),
    (0.38, 1.0, ISSUED),
)
"""How a transaction ends, by a random number."""
KILLERS = threading.BoundedSemaphore(5)
TRIES = 10


class GiveUp(Exception):
    """The worker's transaction is rolled back on purpose."""


@dataclass(frozen=True)
class LoadSize:
    """How many workers issue, over how many connections besides the five of killers, how often each."""

    workers: int
    connections: int
    each: int


FULL, SHORT = LoadSize(200, 55, 12), LoadSize(24, 12, 4)


def prepare() -> None:
    """Make the series of 2026 and 2027, the seller, and a client."""
    with inside(PUBLIC):
        open_ledger()
        make_buyer()


def _draft(*prices: str) -> Draft:
    with inside(PUBLIC):
        return make_draft(Client.objects.get(), *(make_line(price) for price in prices))


def _issue(draft: Draft, *, now: dt.datetime = NOW) -> Invoice:
    with inside(PUBLIC):
        return issue(draft_ref=draft.ref, now=now, draw=draw_nothing)


# --- Load -------------------------------------------------------------------------------------------


class LoadRun:
    """What the workers have asked for: the outcome of each draft, by its reference."""

    def __init__(self, size: LoadSize) -> None:
        self.size = size
        self.places = threading.BoundedSemaphore(size.connections)
        self.outcomes: dict[uuid.UUID, str] = {}
        self.errors: list[str] = []
        self.seconds: list[float] = []
        self.retried = 0

    def work(self, seed: int) -> None:
        """Issue and credit by one worker; each document takes a connection anew."""
        chance = random.Random(seed)
        issued: list[uuid.UUID] = []
        for _document in range(self.size.each):
            with self.places:
                try:
                    draft = self._prepared(chance, issued)
                    self._repeat_while_locked(draft, chance)
                    if draft.corrects_id is None and self.outcomes[draft.ref] == ISSUED:
                        issued.append(draft.ref)
                except Exception as error:  # noqa: BLE001  # it is counted as a failure
                    self.errors.append(f"{type(error).__name__}: {error}"[:200])
                finally:
                    connection.close()

    def _repeat_while_locked(self, draft: Draft, chance: random.Random) -> None:
        now = NOW + dt.timedelta(days=chance.randint(0, 3))
        for _try in range(TRIES):
            started = time.perf_counter()
            try:
                self.outcomes[draft.ref] = self._transaction(draft, chance.random(), now)
            except DatabaseError as error:
                if getattr(error.__cause__, "pgcode", "") != LOCKED:
                    raise
                self.retried += 1
                continue
            self.seconds.append(time.perf_counter() - started)
            return

    def _prepared(self, chance: random.Random, issued: list[uuid.UUID]) -> Draft:
        if not issued or chance.random() > 0.25:
            return _draft("29.00", f"{chance.randint(1, 9999) / 100:.2f}")
        with inside(PUBLIC):
            origin = Invoice.objects.get(ref=issued.pop())
            return credit(
                invoice=origin, lines=[make_line("29.00")], reason="Preuve", actor="x", now=NOW
            )

    def _transaction(self, draft: Draft, luck: float, now: dt.datetime) -> str:
        """Issue in a transaction that ends as ``luck`` says, and return its end; 55P03 is raised."""
        (outcome,) = [name for start, end, name in ENDS if start <= luck < end]
        killer: threading.Thread | None = None
        try:
            with inside(PUBLIC):
                if outcome == UNKNOWN:
                    killer = threading.Thread(target=_kill, args=(_backend(),))
                    killer.start()
                issue(draft_ref=draft.ref, now=now, draw=draw_nothing)
                _end(outcome)
        except GiveUp:
            pass
        except DatabaseError as error:
            if outcome == ISSUED or getattr(error.__cause__, "pgcode", "") == LOCKED:
                raise
        finally:
            if killer is not None:
                killer.join()
        return outcome


def _end(outcome: str) -> None:
    if outcome == ROLLED_BACK:
        raise GiveUp
    if outcome == FAILED:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1/0")
    if outcome == KILLED:
        _kill(_backend())
        Series.objects.count()


def _backend() -> int:
    return int(connection.connection.info.backend_pid)


def _kill(backend: int) -> None:
    with KILLERS, closing(psycopg2.connect(os.environ["DATABASE_URL"])) as killer:
        killer.autocommit = True
        with killer.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [backend])


def issue_under_load(environment: Any, counter: CaseCounter, *, short: bool) -> dict[str, Any]:
    """Let the workers issue, then compare the ledger with what they were answered."""
    run = LoadRun(SHORT if short else FULL)
    started = time.perf_counter()
    _at_once([partial(run.work, seed) for seed in range(run.size.workers)])
    seconds = time.perf_counter() - started
    for number, error in enumerate(run.errors):
        counter.count("answer", ("unexpected", number), failed=True, seen=error)
    _judge_outcomes(run, counter)
    _judge_series(counter)
    by = Counter(run.outcomes.values())
    for outcome in (ISSUED, ROLLED_BACK, KILLED):
        counter.control(("load", outcome), failed=not by[outcome], seen=dict(by))
    code, lines = _verify(environment)
    counter.count("verify_invoices", ("after the load",), failed=code != 0, seen=lines)
    run.seconds.sort()
    return {
        "outcomes": dict(by),
        "documents": _count(),
        "retried": run.retried,
        "per_second": round(_count() / seconds, 1),
        "p95_ms": round(run.seconds[int(len(run.seconds) * 0.95)] * 1000),
    }


def _judge_outcomes(run: LoadRun, counter: CaseCounter) -> None:
    with inside(PUBLIC):
        stored = set(Invoice.objects.values_list("ref", flat=True))
        drafts = set(Draft.objects.values_list("ref", flat=True))
    for ref, outcome in run.outcomes.items():
        exists, kept = ref in stored, ref in drafts
        wrong = exists is kept if outcome == UNKNOWN else exists is not (outcome == ISSUED)
        counter.count(
            outcome, (ref,), failed=wrong or exists is kept, seen=f"document {exists} draft {kept}"
        )


def _judge_series(counter: CaseCounter) -> None:
    with inside(PUBLIC):
        for series in Series.objects.all():
            found = sorted(series.documents.values_list("position", flat=True))
            numbers = set(series.documents.values_list("number", flat=True))
            whole = found == list(range(1, series.last + 1)) and len(numbers) == len(found)
            counter.count(
                "series", (series.code,), failed=not whole, seen=(len(found), series.last)
            )
        for report in verification.verify_all(today=NOW.date()):
            counter.count(
                "chain", (report.code,), failed=bool(report.faults), seen=report.faults[:3]
            )


def _count() -> int:
    with inside(PUBLIC):
        return Invoice.objects.count()


def _at_once(calls: Sequence[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# --- Callers that compete -----------------------------------------------------------------------------


def _outcomes(drafts: Sequence[Draft]) -> list[str]:
    """Issue all drafts at once, one caller for each; return what each was answered."""
    start, answers = threading.Barrier(len(drafts)), list[str]()

    def call(draft: Draft) -> None:
        start.wait()
        try:
            _issue(draft)
            answers.append(ISSUED)
        except (AlreadyIssued, CreditExceedsInvoice) as refusal:
            answers.append(type(refusal).__name__)
        except Exception as error:  # noqa: BLE001  # it is judged by the caller
            answers.append(f"{type(error).__name__}: {error}"[:100])
        finally:
            connection.close()

    _at_once([partial(call, draft) for draft in drafts])
    return answers


def click_at_once(counter: CaseCounter, *, drafts: int) -> None:
    """Eight callers issue one draft: one document, and seven are answered that it exists."""
    for number in range(drafts):
        answers = Counter(_outcomes([_draft("29.00")] * 8))
        good = answers == Counter({ISSUED: 1, "AlreadyIssued": 7})
        counter.count("one draft", (number,), failed=not good, seen=dict(answers))


def credit_at_once(counter: CaseCounter, *, callers: int) -> None:
    """Credit notes of the whole amount, then of a third of it, compete for one invoice."""
    for name, price, fitting in (("whole", "30.00", 1), ("thirds", "10.00", 3)):
        invoice = _issue(_draft("30.00"))
        with inside(PUBLIC):
            notes = [
                credit(
                    invoice=invoice, lines=[make_line(price)], reason="Preuve", actor="x", now=NOW
                )
                for _caller in range(callers)
            ]
        answers = Counter(_outcomes(notes))
        expected = {ISSUED: fitting, "CreditExceedsInvoice": callers - fitting}
        counter.count(
            "credit notes", (name,), failed=answers != Counter(expected), seen=dict(answers)
        )


# --- Attacks ------------------------------------------------------------------------------------------

FROZEN = (
    "invoicing_invoice",
    "invoicing_invoicefile",
    "invoicing_payment",
    "invoicing_allocation",
    "invoicing_sellerprofile",
)
FORK = (
    "INSERT INTO public.invoicing_invoice (ref, series_id, position, number, issued_on, due_on, net, tax, gross,"
    " client_ref, snapshot, files_hash, prev_hash, hash, archive_until) SELECT gen_random_uuid(), series_id,"
    " position + 1000, 'F2026-900000', issued_on, due_on, net, tax, gross, client_ref, snapshot, files_hash,"
    " prev_hash, sha256('fork'), archive_until FROM public.invoicing_invoice ORDER BY id LIMIT 1"
)
SERIES = (
    "last = 0",
    "last = last + 2, head = sha256('x')",
    "last = last + 1, head = sha256('x'), last_on = '2020-01-01'",
    "code = 'F2099'",
    "head = sha256('x')",
)


def attack(environment: Any, counter: CaseCounter) -> None:
    """Change, delete and empty each table of the ledger: refused by right, by trigger, and by constraint."""
    invoice = _issue(_draft("29.00"))
    _issue(_draft("29.00"))
    with inside(PUBLIC):
        record_payment(
            invoice=invoice,
            amount=invoice.gross,
            on=NOW.date(),
            kind=Payment.Kind.TRANSFER,
            reference="",
            actor="x",
            now=NOW,
        )
    _attack_in_sql(environment, counter)
    _attack_by_orm(counter, invoice)


def _attack_in_sql(environment: Any, counter: CaseCounter) -> None:
    statements = [
        statement.format(table)
        for table in FROZEN
        for statement in ("UPDATE public.{} SET id = id", "DELETE FROM public.{}")
    ]
    emptied = [f"TRUNCATE public.{table} CASCADE" for table in (*FROZEN, "invoicing_series")]
    moved = [f"UPDATE public.invoicing_series SET {change}" for change in SERIES]
    application = SqlActor("application", PUBLIC)
    made = "INSERT INTO public.invoicing_series (code, last, last_on, head) VALUES ('F2098', 9, now(), '')"
    rest = (
        made,
        "DELETE FROM public.invoicing_series",
        "ALTER TABLE public.invoicing_invoice DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "SELECT 1 FROM public.invoicing_invoice FOR UPDATE",
    )
    for statement in (*statements, *emptied, *rest):
        code = attempt(application, statement)
        counter.count("application", (statement,), failed=code != DENIED, seen=code)
    for statement in moved:
        code = attempt(application, statement)
        counter.count("application", (statement,), failed=code != RESTRICT, seen=code)
    for actor, code in (
        ("application", attempt(application, FORK)),
        ("owner", _as_owner(environment, FORK)),
    ):
        counter.count(actor, ("fork",), failed=code != UNIQUE, seen=code)
    for statement in (*statements, *emptied, *moved, "DELETE FROM public.invoicing_series"):
        code = _as_owner(environment, statement)
        counter.count("owner", (statement,), failed=code != RESTRICT, seen=code)
    code = attempt(application, "SELECT count(*) FROM public.invoicing_invoice")
    counter.control(("application reads",), failed=code is not None, seen=code)


def _as_owner(environment: Any, statement: str) -> str | None:
    """Run one statement with the owner's login and roll it back; return the SQLSTATE, None when it worked."""
    with closing(psycopg2.connect(environment.owner_url)) as owner, owner.cursor() as cursor:
        try:
            cursor.execute(statement)
        except psycopg2.Error as error:
            return str(error.pgcode)
        finally:
            owner.rollback()
    return None


def _attack_by_orm(counter: CaseCounter, invoice: Invoice) -> None:
    def save() -> None:
        invoice.gross += 1
        invoice.save()

    calls: dict[str, Callable[[], object]] = {
        "save": save,
        "update": lambda: Invoice.objects.filter(pk=invoice.pk).update(gross=0),
        "delete": lambda: Invoice.objects.filter(ref=invoice.ref)._raw_delete("default"),
        "bulk_update": lambda: Invoice.objects.bulk_update([invoice], ["due_on"]),
        "payment": lambda: Payment.objects.update(amount=1),
        "series": lambda: Series.objects.filter(code="F2027")._raw_delete("default"),
        "new series": lambda: Series.objects.create(code="F2090", last_on=NOW.date(), head=b""),
    }
    for name, call in calls.items():
        seen = "nothing refused it"
        try:
            with inside(PUBLIC), transaction.atomic():
                call()
                transaction.set_rollback(True)
        except DatabaseError as error:
            seen = str(getattr(error.__cause__, "pgcode", ""))
        counter.count("ORM", (name,), failed=seen != DENIED, seen=seen)


# --- Forgeries ----------------------------------------------------------------------------------------

_OF = "series_id = (SELECT id FROM public.invoicing_series WHERE code = '{code}')"
_LAST = f"(SELECT id FROM public.invoicing_invoice WHERE {_OF} ORDER BY position DESC LIMIT 1)"
_SECOND = f"(SELECT id FROM public.invoicing_invoice WHERE {_OF} AND position = 2)"


def _cut(row: str) -> tuple[str, ...]:
    return (
        f"DELETE FROM public.invoicing_invoicefile WHERE invoice_id = {row}",
        f"DELETE FROM public.invoicing_invoice WHERE id = {row}",
    )


_SET_BACK = (
    "UPDATE public.invoicing_series SET last = last - 1, head ="
    f" (SELECT hash FROM public.invoicing_invoice WHERE id = {_LAST}) WHERE code = '{{code}}'"
)
FORGED: dict[str, tuple[str, ...]] = {
    "changed amount": (
        f"UPDATE public.invoicing_invoice SET net = 1, gross = 1 + tax WHERE id = {_SECOND}",
    ),
    "changed client": (
        f"UPDATE public.invoicing_invoice SET client_ref = gen_random_uuid() WHERE id = {_SECOND}",
    ),
    "changed page": (
        f"UPDATE public.invoicing_invoicefile SET data = 'x' WHERE kind = 'pdf' AND invoice_id = {_SECOND}",
    ),
    "removed tail": _cut(_LAST),
    "removed tail, series set back": (*_cut(_LAST), _SET_BACK),
    "rewritten tail": (*_cut(_LAST), _SET_BACK),
    "untouched": (),
}
FIRST_YEAR = 2031
"""After the years of the other sections: an earlier series does not go on once a later one is used."""


def forge(environment: Any, counter: CaseCounter) -> None:
    """Forge a series of each year in one way, after the nightly duty; `verify_invoices` names each forged one."""
    years = {name: FIRST_YEAR + number for number, name in enumerate(FORGED)}
    for year in years.values():
        with inside(PUBLIC):
            open_series(year=year)
        for _document in range(3):
            _issue(_draft("29.00"), now=NOW.replace(year=year))
    actors.verify_and_record(now=dt.datetime.now(dt.UTC))
    code, lines = _verify(environment)
    counter.control(("before the forgeries",), failed=code != 0, seen=lines)
    for name, statements in FORGED.items():
        with (
            closing(psycopg2.connect(environment.owner_url)) as owner,
            owner,
            owner.cursor() as cursor,
        ):
            code_of_series = f"F{years[name]}"
            alter_as_owner(cursor, *(text.format(code=code_of_series) for text in statements))
    _reissue(f"F{years['rewritten tail']}")
    code, lines = _verify(environment)
    counter.count("forgery", ("exit code",), failed=code == 0, seen=code)
    for name, year in years.items():
        is_whole = f"F{year}: 3 documents, intact" in lines
        if name == "untouched":
            counter.control(("forgery", name), failed=not is_whole, seen=lines)
        else:
            named = any(line.startswith(f"  F{year}") for line in lines)
            counter.count("forgery", (name,), failed=is_whole or not named, seen=lines[:3])


def _reissue(code: str) -> None:
    """Issue another document in place of a removed one, with the product's own service for its number."""
    draft = _draft("1.00")

    def lock(kind: str, *, today: dt.date) -> tuple[Series, dt.date]:
        series = Series.objects.select_for_update().get(code=code)
        return series, series.last_on

    with mock.patch("billing.invoicing.services.lock_series", lock):
        _issue(draft)


def _verify(environment: Any) -> tuple[int, list[str]]:
    """Run `verify_invoices` in a process of the product; return its exit code and lines."""
    done = run_module(
        "tests.proofs.product_command", "verify_invoices", variables=environment.variables
    )
    return done.returncode, done.stdout.splitlines()
