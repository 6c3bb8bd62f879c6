"""The consent page, the agenda, and control from another process."""

import subprocess
import sys
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from config.devtools.processes import (
    ROOT,
    answers,
    free_port,
    wait_until,
)
from tests.contract.google.place import ACCOUNT, REDIRECT, Place, on_the_fake_server
from tests.fakes.google import Google, serving
from tests.fakes.google.contract import SCOPE

CREATED, FREEBUSY = f"{SCOPE}calendar.app.created", f"{SCOPE}calendar.freebusy"


def consent_address(base: str, **asked: str) -> str:
    query = {
        "client_id": "fake-client",
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": f"openid {CREATED} {FREEBUSY}",
        "state": "opaque",
        "code_challenge": "c" * 43,
        "code_challenge_method": "S256",
        **asked,
    }
    return f"{base}/o/oauth2/v2/auth?{urlencode(query)}"


def decide(place: Place, **form: Any) -> requests.Response:
    return requests.post(consent_address(place.base), data=form, allow_redirects=False, timeout=5)


def control(place: Place, order: str, **body: Any) -> dict[str, Any]:
    answer = requests.post(f"{place.base}/_control/{order}", json=body, timeout=5)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def read(place: Place, what: str, **query: str) -> dict[str, Any]:
    answer = requests.get(f"{place.base}/_control/{what}", params=query, timeout=5)
    found: dict[str, Any] = answer.json()
    return found


def sent_to(answer: requests.Response) -> dict[str, str]:
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{REDIRECT}?")
    query = parse_qs(urlsplit(answer.headers["location"]).query)
    return {key: values[0] for key, values in query.items()}


def test_the_consent_page_offers_accounts_and_scopes() -> None:
    with on_the_fake_server() as place:
        text = requests.get(consent_address(place.base), timeout=5).text

    assert '<html lang="fr">' in text
    assert ACCOUNT in text
    assert text.count('type="checkbox"') == 2


def test_an_unticked_box_is_not_granted() -> None:
    with on_the_fake_server() as place:
        answer = sent_to(decide(place, account=ACCOUNT, scope=[CREATED], decision="allow"))

    assert answer["scope"].split() == ["openid", CREATED]


def test_another_address_makes_an_account() -> None:
    with on_the_fake_server() as place:
        sent_to(decide(place, other="nouveau@exemple.fr", scope=[CREATED], decision="allow"))

        assert "nouveau@exemple.fr" in place.fake.accounts


def test_refusing_is_sent_back() -> None:
    with on_the_fake_server() as place:
        answer = sent_to(decide(place, account=ACCOUNT, decision="deny"))

    assert (answer["error"], answer["state"]) == ("access_denied", "opaque")


def test_no_account_is_asked_for_again() -> None:
    with on_the_fake_server() as place:
        answer = decide(place, other="personne", scope=[CREATED], decision="allow")

    assert answer.status_code == 400
    assert "Choisissez un compte" in answer.text


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"client_id": "other"}, "invalid_client"),
        ({"redirect_uri": f"{REDIRECT}/"}, "redirect_uri_mismatch"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
    ],
)
@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_a_wrong_request_is_a_page_and_no_redirect(
    asked: dict[str, str], error: str, verb: str
) -> None:
    with on_the_fake_server() as place:
        answer = requests.request(
            verb,
            consent_address(place.base, **asked),
            data={"account": ACCOUNT, "decision": "allow"} if verb == "POST" else None,
            allow_redirects=False,
            timeout=5,
        )

    assert answer.status_code in {400, 401}
    assert error in answer.text


def test_the_practitioner_adds_moves_and_deletes_in_the_agenda() -> None:
    with on_the_fake_server() as place:
        google = place.fake
        account = {"compte": google.account(ACCOUNT).subject, "jour": "2027-03-22"}
        agenda = f"{place.base}/agenda"
        times = {"start": "2027-03-22T09:00", "end": "2027-03-22T10:00"}

        added = requests.post(
            f"{agenda}/ajouter", {**account, **times, "summary": "<b>"}, timeout=5
        )
        event = google.events(ACCOUNT)[0]
        which = {**account, "calendar": ACCOUNT, "id": event["id"]}
        requests.post(f"{agenda}/deplacer", {**which, "start": "2027-03-22T15:00"}, timeout=5)
        moved = google.events(ACCOUNT)[0]
        requests.post(f"{agenda}/supprimer", which, timeout=5)

        assert "&lt;b&gt;" in added.text
        assert moved["start"]["dateTime"] == "2027-03-22T15:00:00+01:00"
        assert moved["end"]["dateTime"] == "2027-03-22T16:00:00+01:00"
        assert google.events(ACCOUNT) == []


def test_the_agenda_says_what_was_wrong() -> None:
    with on_the_fake_server() as place:
        account = {"compte": place.fake.account(ACCOUNT).subject}
        address = f"{place.base}/agenda/ajouter"

        missing = requests.post(address, account, timeout=5)
        reversed_ = requests.post(
            address, {**account, "start": "2027-03-22T10:00", "end": "2027-03-22T09:00"}, timeout=5
        )

    assert (missing.status_code, reversed_.status_code) == (400, 400)
    assert 'role="alert"' in missing.text


def test_looking_at_the_agenda_changes_nothing() -> None:
    with on_the_fake_server() as place:
        address = f"{place.base}/agenda/ajouter"
        query = {"compte": place.fake.account(ACCOUNT).subject, "start": "2027-03-22T09:00"}

        requests.get(address, {**query, "end": "2027-03-22T10:00"}, timeout=5)

        assert place.fake.events(ACCOUNT) == []


def test_the_agenda_lists_the_accounts() -> None:
    with on_the_fake_server() as place:
        assert ACCOUNT in requests.get(f"{place.base}/", timeout=5).text


def test_another_process_acts_as_the_practitioner() -> None:
    with on_the_fake_server() as place:
        times = {"start": "2027-03-22T09:00", "end": "2027-03-22T10:00"}
        made = control(place, "event/add", account=ACCOUNT, summary="Dentiste", **times)
        control(place, "event/move", account=ACCOUNT, id=made["id"], start="2027-03-22T14:00")
        moved = read(place, "calendars", account=ACCOUNT)["calendars"][0]["events"][0]
        control(place, "event/delete", account=ACCOUNT, id=made["id"])

        assert moved["start"]["dateTime"] == "2027-03-22T14:00:00+01:00"
        assert place.fake.events(ACCOUNT) == []


def test_another_process_sets_faults_and_reads_what_they_did() -> None:
    with on_the_fake_server() as place:
        control(place, "faults", method="oauth.token", faults=["503", {"kind": "slow"}])
        for _ in range(3):
            place.token(grant_type="refresh_token", refresh_token=place.refresh)

        counters = read(place, "counters")
        entries = read(place, "journal", method="oauth.token")["entries"]

    assert counters["injected"] == {"503 backendError": 1, "slow": 1}
    assert [entry["status"] for entry in entries] == [503, 200, 200]


def test_another_process_calms_everything() -> None:
    with on_the_fake_server() as place:
        control(place, "random-faults", rate=1.0, kinds=["503"])
        control(place, "quota", per_user=1)
        control(place, "latency", seconds=60)
        control(place, "black-hole", open=True)
        control(place, "clear-faults")

        assert place.page()["items"] == []
        assert place.page()["items"] == []


def test_another_process_gives_and_takes_grants() -> None:
    with on_the_fake_server() as place:
        control(place, "account", account="cabinet@exemple.org", workspace=True)
        given = control(place, "grant", account="cabinet@exemple.org", scopes=["calendar.freebusy"])
        taken = control(place, "revoke", account="cabinet@exemple.org")
        answer = place.token(grant_type="refresh_token", refresh_token=given["refresh"])

    assert taken == {"grants": 1}
    assert answer.json()["error"] == "invalid_grant"


def test_another_process_consents() -> None:
    with on_the_fake_server() as place:
        address = consent_address(place.base)
        given = control(place, "consent", url=address, account=ACCOUNT, untick=["openid"])
        refused = requests.post(
            f"{place.base}/_control/consent",
            json={"url": consent_address(place.base, scope="x"), "account": ACCOUNT},
            timeout=5,
        )

    assert given["redirect"].startswith(REDIRECT)
    assert refused.json()["error"] == "invalid_scope"


@pytest.mark.parametrize(
    ("order", "body", "status"),
    [
        ("nothing", {}, 404),
        ("faults", {"method": "x", "faults": ["unheard of"]}, 400),
        ("event/add", {"account": ACCOUNT}, 400),
        ("event/add", {"account": ACCOUNT, "start": "soon", "end": "later"}, 400),
        ("event/delete", {"account": ACCOUNT, "id": "inconnu"}, 404),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(
    order: str, body: dict[str, Any], status: int
) -> None:
    with on_the_fake_server() as place:
        answer = requests.post(f"{place.base}/_control/{order}", json=body, timeout=5)

    assert answer.status_code == status


def test_a_fake_server_ends_its_connections() -> None:
    google = Google()
    with requests.Session() as session:
        with serving(google) as served:
            session.get(f"{served.base}/agenda/", timeout=5)

        with pytest.raises(requests.ConnectionError):
            session.get(f"{served.base}/agenda/", timeout=5)


def test_the_command_serves_until_sigterm() -> None:
    port = free_port()
    command = [sys.executable, "-m", "tests.fakes.google", "--port", str(port)]
    command += ["--redirect", REDIRECT, "--account", "cabinet@exemple.org:workspace"]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            assert wait_until(lambda: answers(port), seconds=20)
            text = requests.get(f"http://127.0.0.1:{port}/agenda/", timeout=5).text
        finally:
            process.terminate()

    assert "cabinet@exemple.org" in text
    assert process.returncode == 0
