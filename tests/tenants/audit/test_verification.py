"""A chain cannot be rewritten or cut by who has the owner's login: keyed links, heads outside the database."""

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from tenants.audit import actors, chain, chain_heads, checkpoints, receipts, verification
from tenants.audit.chain_heads import ChainHead
from tenants.audit.models import AuditEvent, AuditSeal, Checkpoint, Receipt
from tenants.keyring import services as keyring
from tenants.keyring.models import TenantKey
from tenants.schema import Unit, inside
from tests.conftest import owner_cursor
from tests.tenants.audit.test_checkpoints import OLD, YOUNG, prune, write

NOW = datetime(2026, 11, 10, 9, 40, tzinfo=UTC)
OTHER_KEK = ("other", hashlib.sha256(b"another kek of these tests").digest())


@pytest.fixture
def unit(committed_tenant: Callable[[str], Unit]) -> Unit:
    """Return a practice with 30 acts and 30 receipts whose heads are recorded."""
    made = committed_tenant("verified")
    with inside(made):
        write(YOUNG, 30)
    run_job(made)
    return made


def run_job(unit: Unit) -> None:
    actors.sign_checkpoints.func(unit)


def verify(*arguments: str) -> str:
    """Run ``verify_receipts``; return its lines and, when it fails, its error."""
    output = StringIO()
    try:
        call_command("verify_receipts", *arguments, stdout=output)
    except CommandError as error:
        return f"{output.getvalue()}{error}"
    return output.getvalue()


def delete_last(unit: Unit, count: int) -> None:
    """Delete the last acts with their seals, and the last receipts, as the owner of the database."""
    with owner_cursor() as cursor:
        last = f"SELECT id FROM {unit.schema}.{{}} ORDER BY id DESC LIMIT {count}"
        for table in ("audit_auditevent", "audit_auditseal", "audit_receipt"):
            cursor.execute(f"DELETE FROM {unit.schema}.{table} WHERE id IN ({last.format(table)})")


def rewrite_chain(unit: Unit, code: Callable[[bytes, AuditEvent], bytes]) -> None:
    """Alter the tenth act and compute the links from there to the end anew, as the owner of the database."""
    with inside(unit):
        seals, prev, fresh = list(AuditSeal.objects.order_by("id")), b"", {}
        for number, seal in enumerate(seals):
            event = AuditEvent.objects.get(pk=seal.event_id)
            if number == 9:
                event.actor = "user:999"
            if number >= 9:
                prev = prev or bytes(seal.prev_hash)
                fresh[seal.pk] = (prev, code(prev, event))
                prev = fresh[seal.pk][1]
    with owner_cursor() as cursor:
        schema = unit.schema
        cursor.execute(
            f"UPDATE {schema}.audit_auditevent SET actor = 'user:999' WHERE id = %s",
            [seals[9].event_id],
        )
        # The last link first: two links with one previous hash are refused.
        for key, (before, after) in sorted(fresh.items(), reverse=True):
            cursor.execute(
                f"UPDATE {schema}.audit_auditseal SET prev_hash = %s, hash = %s WHERE id = %s",
                [before, after, key],
            )


def plain_code(prev_hash: bytes, event: AuditEvent) -> bytes:
    """Return the link as one without the tenant's key computes it."""
    body = f"{event.pk}|{event.actor}|{event.verb}|{event.ref.hex}|{event.at.isoformat()}"
    return hashlib.sha256(prev_hash + body.encode()).digest()


def age_key(unit: Unit, days: int) -> None:
    with owner_cursor() as cursor:
        cursor.execute(
            f"UPDATE {unit.schema}.keyring_tenantkey SET created_at = now() - interval '{days} days'"
        )


def test_a_chain_that_was_cut_stays_cut_after_the_daily_job(
    unit: Unit, capsys: pytest.CaptureFixture[str]
) -> None:
    delete_last(unit, 20)
    capsys.readouterr()
    run_job(unit)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    run_job(unit)

    shown = verify()
    assert f"{unit.schema} events: 10 links, CUT: 30 links were recorded" in shown
    assert f"{unit.schema} receipts: 10 links, CUT: 30 links were recorded" in shown
    assert chain_heads.alarms() == {
        (unit.schema, "events"): "cut",
        (unit.schema, "receipts"): "cut",
    }
    differs = [line for line in lines if line["event"] == "audit_chain_differs"]
    assert [(line["kind"], line["reason"]) for line in differs] == [
        ("receipts", "cut"),
        ("events", "cut"),
    ]


def test_a_cut_chain_that_grows_again_differs_from_its_head(unit: Unit) -> None:
    delete_last(unit, 20)
    with inside(unit):
        write(YOUNG, 25)
    run_job(unit)

    assert f"{unit.schema} events: 35 links, DIFFERS: another link 30 was recorded" in verify()


def test_a_forged_act_with_a_recomputed_plain_chain_is_refused(unit: Unit) -> None:
    rewrite_chain(unit, plain_code)

    with inside(unit):
        tenth = AuditSeal.objects.order_by("id")[9].event_id
        # Refused by the key alone, without any recorded head.
        assert chain.verify_events().broken_at == tenth
    assert f"{unit.schema} events: 9 links, BROKEN at {tenth}" in verify()


def test_a_chain_rewritten_with_the_key_differs_from_its_recorded_head(unit: Unit) -> None:
    rewrite_chain(unit, chain.link_code)

    with inside(unit):
        assert chain.verify_events().is_intact
    assert f"{unit.schema} events: 30 links, DIFFERS: another link 30 was recorded" in verify()


def test_a_changed_recorded_head_is_noticed(unit: Unit) -> None:
    path = chain_heads.folder() / unit.schema
    text = path.read_text("utf-8")
    last_hash = json.loads(text.splitlines()[-1])["hash"]
    path.write_text(text.replace(last_hash, "00" * 32), "utf-8")

    assert "DIFFERS: another link 30 was recorded" in verify()


def test_a_missing_file_of_chain_heads_is_reported(unit: Unit) -> None:
    (chain_heads.folder() / unit.schema).unlink()
    assert f"{unit.schema} events: 30 links, intact" in verify()  # a new practice has none yet
    age_key(unit, 3)

    shown = verify()
    assert f"{unit.schema} events: 30 links, UNRECORDED: no head in" in shown
    run_job(unit)
    assert chain_heads.alarms()[unit.schema, "events"] == "unrecorded"
    assert chain_heads.read(unit.schema) == {}


def test_a_chain_is_whole_after_its_key_was_wrapped_by_another_kek(unit: Unit, settings) -> None:
    settings.KEKS = [OTHER_KEK, *settings.KEKS]
    with inside(unit):
        assert keyring.rewrap_tenant_key()
    settings.KEKS = [OTHER_KEK]
    keyring.delete_unwrapped_keys()
    with inside(unit):
        write(YOUNG, 2)
        reports = verification.verify_chains(now=NOW)

    assert [(report.finding, report.verdict.links) for report in reports] == [(None, 32)] * 2


def test_a_pruned_chain_is_whole_and_its_head_grows(committed_tenant) -> None:
    unit = committed_tenant("verified_old")
    with inside(unit):
        write(OLD)
        write(YOUNG)
    run_job(unit)
    assert prune() == 9
    with inside(unit):
        write(YOUNG)
    run_job(unit)

    found = [known.head for known in chain_heads.read(unit.schema).values()]
    assert [head.links for head in found if head] == [9, 9]
    assert f"{unit.schema} events: 9 links, intact" in verify()
    assert chain_heads.alarms() == {}


def test_nothing_of_a_chain_that_differs_may_be_pruned(committed_tenant) -> None:
    """A checkpoint over a forged link would make the forgery the start of the chain."""
    unit = committed_tenant("verified_old")
    with inside(unit):
        write(OLD, 12)
    rewrite_chain(unit, plain_code)
    run_job(unit)

    with inside(unit):
        assert not Checkpoint.objects.exists()
    assert prune() == 0


def test_a_shorter_chain_is_accepted_by_hand_only_and_a_broken_one_never(unit: Unit) -> None:
    delete_last(unit, 20)
    run_job(unit)
    assert f"{unit.schema} events: 10 links, intact" in verify("--accept")
    assert chain_heads.alarms() == {}
    run_job(unit)
    assert f"{unit.schema} events: 10 links, intact" in verify()

    with owner_cursor() as cursor:
        cursor.execute(f"UPDATE {unit.schema}.audit_auditevent SET verb = 'other'")
    assert f"{unit.schema} events: 0 links, BROKEN" in verify("--accept")


def test_an_alarm_ends_when_the_chain_is_as_recorded_again(unit: Unit) -> None:
    with owner_cursor() as cursor:
        cursor.execute(f"UPDATE {unit.schema}.audit_receipt SET rule = rule || 'x'")
    run_job(unit)
    assert chain_heads.alarms() == {(unit.schema, "receipts"): "broken"}
    with owner_cursor() as cursor:
        cursor.execute(f"UPDATE {unit.schema}.audit_receipt SET rule = left(rule, -1)")
    run_job(unit)

    assert chain_heads.alarms() == {}


def test_a_chain_goes_on_under_a_new_key_when_the_old_one_is_lost(unit: Unit) -> None:
    with owner_cursor() as cursor:
        cursor.execute(f"DELETE FROM {unit.schema}.keyring_tenantkey")
    keyring.delete_unwrapped_keys()
    with inside(unit):
        verification.record_new_key(now=NOW)
        keyring.ensure_tenant_key(now=NOW)
    with inside(unit):
        write(YOUNG, 3)
        reports = verification.accept_chains(now=NOW)
    assert [(report.finding, report.verdict.links) for report in reports] == [(None, 33)] * 2

    with owner_cursor() as cursor:
        last = f"(SELECT max(id) FROM {unit.schema}.audit_receipt)"
        cursor.execute(f"UPDATE {unit.schema}.audit_receipt SET rule = 'x' WHERE id = {last}")
    assert f"{unit.schema} receipts: 32 links, BROKEN" in verify()


def test_a_recorded_head_is_never_replaced_by_a_shorter_one(tenant: Unit) -> None:
    chain_heads.record(schema="t_one", chain="events", head=ChainHead(3, b"c" * 32, NOW))
    with pytest.raises(ValueError, match="shorter"):
        chain_heads.record(schema="t_one", chain="events", head=ChainHead(2, b"b" * 32, NOW))


def test_the_files_of_chain_heads_only_grow(unit: Unit) -> None:
    path = chain_heads.folder() / unit.schema
    before = path.read_bytes()
    with inside(unit):
        write(YOUNG, 1)
    run_job(unit)

    after = path.read_bytes()
    assert after.startswith(before)
    assert len(after) > len(before)
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_daily_job_is_enqueued_once_a_day(public: Unit, monkeypatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(actors.sign_checkpoints, "send", sent.append)
    actors.sign_all_checkpoints()
    first = len(sent)
    actors.sign_all_checkpoints()

    assert first > 0
    assert len(sent) == first


def test_keys_of_events_and_receipts_are_not_the_same(unit: Unit) -> None:
    with inside(unit):
        made = keyring.tenant_cipher()
        purposes = {chain.PURPOSE, receipts.PURPOSE, checkpoints.PURPOSE}
        assert len({made.derived(purpose) for purpose in purposes}) == 3
        assert TenantKey.objects.count() == 1
        assert Receipt.objects.count() == 30
