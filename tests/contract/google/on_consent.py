"""OAuth: consent, codes, tokens, revocation."""

import base64
import hashlib
import json
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import requests

from tests.contract.google.checks import Mark, check
from tests.contract.google.place import ACCOUNT, REDIRECT, USUAL, Place, refused
from tests.fakes.google.contract import SCOPE

_GUIDE = "identity/protocols/oauth2/web-server"
_VERIFIER = "verifier-" * 6
_SCOPES = tuple(f"{SCOPE}{name}" for name in USUAL)


def _address(place: Place, **asked: str) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest())
    query = {
        "client_id": place.client_id,
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": " ".join(_SCOPES),
        "state": "opaque",
        "code_challenge": challenge.rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        "access_type": "offline",
        "prompt": "consent",
        **asked,
    }
    return f"{place.base}/o/oauth2/v2/auth?{urlencode(query)}"


def _consent(
    place: Place, *, account: str = ACCOUNT, untick: str = "", **asked: str
) -> dict[str, str]:
    unticked = [untick] if untick else []
    sent_to = place.fake.consent(_address(place, **asked), account, untick=unticked)
    return {key: values[0] for key, values in parse_qs(urlsplit(sent_to).query).items()}


def _exchange(place: Place, code: str, **form: str) -> requests.Response:
    asked = {"redirect_uri": REDIRECT, "code_verifier": _VERIFIER, "code": code, **form}
    return place.token(grant_type="authorization_code", **asked)


def _refused(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def _later(place: Place, wait: timedelta) -> None:
    usual = place.fake.clock

    def later() -> datetime:
        return usual() + wait

    place.fake.clock = later


def _claims(answer: requests.Response) -> dict[str, Any]:
    middle = answer.json()["id_token"].split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(f"{middle}=="))
    return claims


@check(Mark.DOCUMENTED, _GUIDE)
def a_refresh_token_gives_an_access_token_with_its_scopes(place: Place) -> None:
    answer = place.token(grant_type="refresh_token", refresh_token=place.refresh).json()

    assert set(_SCOPES) <= set(answer["scope"].split())
    assert 0 < answer["expires_in"] <= 3600
    assert answer["token_type"] == "Bearer"


@check(Mark.DOCUMENTED, f"{_GUIDE}, invalid_grant")
def an_invented_refresh_token_is_an_invalid_grant(place: Place) -> None:
    answer = place.token(grant_type="refresh_token", refresh_token="invented")

    assert _refused(answer) == (400, "invalid_grant")


@check(Mark.DOCUMENTED, f"{_GUIDE}, invalid_client")
def a_wrong_secret_is_an_invalid_client(place: Place) -> None:
    answer = place.token(
        grant_type="refresh_token", refresh_token=place.refresh, client_secret="wrong"
    )

    assert _refused(answer) == (401, "invalid_client")


@check(Mark.SEEN, "google-auth-oauthlib sends the client by HTTP Basic")
def a_client_may_use_basic_authentication(place: Place) -> None:
    answer = requests.post(
        place.token_uri,
        data={"grant_type": "refresh_token", "refresh_token": place.refresh},
        auth=(place.client_id, place.client_secret),
        timeout=10,
    )

    assert answer.status_code == 200


@check(Mark.ASSUMED, "messages quoted in issues")
def another_kind_of_grant_is_unsupported(place: Place) -> None:
    assert _refused(place.token(grant_type="password")) == (400, "unsupported_grant_type")


@check(Mark.DOCUMENTED, "guides/errors, 401", fake_only=True)
def an_expired_access_token_is_refreshed_by_the_client(place: Place) -> None:
    place.fake.oauth.expire_access_tokens()

    place.page()

    assert [entry.status for entry in place.fake.asked("oauth.token")] == [200]


@check(Mark.DOCUMENTED, f"{_GUIDE}, revoking; guides/errors, 401", fake_only=True)
def a_revoked_grant_is_an_invalid_grant(place: Place) -> None:
    place.fake.revoke(ACCOUNT)

    answer = place.token(grant_type="refresh_token", refresh_token=place.refresh)

    assert _refused(answer) == (400, "invalid_grant")
    assert "expired or revoked" in answer.json()["error_description"]


@check(Mark.DOCUMENTED, f"{_GUIDE}, revoking", fake_only=True)
def revoking_answers_200_and_then_400(place: Place) -> None:
    address = f"{place.base}/revoke"

    answers = [
        requests.post(address, data={"token": place.refresh}, timeout=10).status_code
        for _ in range(2)
    ]

    assert answers == [200, 400]


@check(Mark.ASSUMED, "whether it ends every grant of the account must be seen", fake_only=True)
def revoking_one_token_ends_the_other_grants_of_the_account(place: Place) -> None:
    _, other = place.fake.grant(ACCOUNT, USUAL)
    requests.post(f"{place.base}/revoke", data={"token": place.refresh}, timeout=10)

    answer = place.token(grant_type="refresh_token", refresh_token=other)

    assert _refused(answer) == (400, "invalid_grant")


@check(Mark.DOCUMENTED, _GUIDE, fake_only=True)
def consent_comes_back_with_code_state_scopes_and_issuer(place: Place) -> None:
    answer = _consent(place)

    assert (answer["state"], answer["iss"]) == ("opaque", "https://accounts.google.com")
    assert answer["scope"].split() == list(_SCOPES)
    assert _exchange(place, answer["code"]).json()["refresh_token"]


@check(Mark.DOCUMENTED, _GUIDE, fake_only=True)
def refusal_comes_back_as_access_denied_with_the_state(place: Place) -> None:
    sent_to = place.fake.consent(_address(place), ACCOUNT, deny=True)

    answer = parse_qs(urlsplit(sent_to).query)
    assert (answer["error"], answer["state"]) == (["access_denied"], ["opaque"])


@check(Mark.DOCUMENTED, "identity/protocols/oauth2/resources/granular-permissions", fake_only=True)
def an_unticked_scope_is_missing_from_the_answer_and_from_the_token(place: Place) -> None:
    code = _consent(place, untick="calendar.freebusy")["code"]

    assert _exchange(place, code).json()["scope"].split() == [_SCOPES[0]]


@check(Mark.DOCUMENTED, "RFC 6749 4.1.2", fake_only=True)
def a_code_is_good_once(place: Place) -> None:
    code = _consent(place)["code"]
    _exchange(place, code)

    assert _refused(_exchange(place, code)) == (400, "invalid_grant")


@check(Mark.ASSUMED, "RFC 6749 4.1.2: at most ten minutes", fake_only=True)
def a_code_is_good_for_ten_minutes(place: Place) -> None:
    code = _consent(place)["code"]
    _later(place, timedelta(minutes=10))

    assert _refused(_exchange(place, code)) == (400, "invalid_grant")


@check(Mark.SEEN, "googleapis/google-api-java-client #1479", fake_only=True)
def a_wrong_verifier_is_an_invalid_grant(place: Place) -> None:
    code = _consent(place)["code"]

    assert _refused(_exchange(place, code, code_verifier="w" * 43)) == (400, "invalid_grant")


@check(Mark.SEEN, "scribejava/scribejava #1081", fake_only=True)
def another_redirect_at_the_exchange_is_a_mismatch(place: Place) -> None:
    code = _consent(place)["code"]

    answer = _exchange(place, code, redirect_uri=f"{REDIRECT}/")

    assert _refused(answer) == (400, "redirect_uri_mismatch")


@check(Mark.DOCUMENTED, f"{_GUIDE}, redirect_uri_mismatch", fake_only=True)
def a_foreign_redirect_is_a_page_and_never_followed(place: Place) -> None:
    address = _address(place, redirect_uri="http://ailleurs.exemple/")

    answer = requests.get(address, allow_redirects=False, timeout=10)

    assert (answer.status_code, answer.headers["content-type"]) == (400, "text/html; charset=UTF-8")
    assert "redirect_uri_mismatch" in answer.text


@check(Mark.DOCUMENTED, f"{_GUIDE}, prompt and access_type", fake_only=True)
def a_second_consent_without_prompt_brings_no_refresh_token(place: Place) -> None:
    code = _consent(place, prompt="")["code"]

    assert "refresh_token" not in _exchange(place, code).json()


@check(Mark.DOCUMENTED, f"{_GUIDE}, access_type", fake_only=True)
def an_online_consent_brings_no_refresh_token(place: Place) -> None:
    code = _consent(place, access_type="online", account="autre@exemple.fr")["code"]

    assert "refresh_token" not in _exchange(place, code).json()


@check(Mark.DOCUMENTED, f"{_GUIDE}, include_granted_scopes", fake_only=True)
def granted_scopes_are_kept_when_asked(place: Place) -> None:
    extra = f"{SCOPE}calendar.calendarlist.readonly"
    code = _consent(place, scope=extra, include_granted_scopes="true")["code"]

    assert set(_exchange(place, code).json()["scope"].split()) == {extra, *_SCOPES}


@check(Mark.DOCUMENTED, "identity/openid-connect, hd", fake_only=True)
def an_id_token_names_the_domain_of_a_workspace_account_only(place: Place) -> None:
    place.fake.account("cabinet@exemple.org", workspace=True)
    scope = f"openid {_SCOPES[0]}"

    found = [
        _claims(_exchange(place, _consent(place, account=account, scope=scope, nonce="n")["code"]))
        for account in ("cabinet@exemple.org", ACCOUNT)
    ]

    assert [claims.get("hd") for claims in found] == ["exemple.org", None]
    assert [claims["nonce"] for claims in found] == ["n", "n"]
    assert all("email" not in claims for claims in found)


@check(Mark.SEEN, "oauthlib: 'Scope has changed'", fake_only=True)
def the_scope_of_the_address_comes_back_under_its_long_name(place: Place) -> None:
    code = _consent(place, scope="openid email")["code"]

    answer = _exchange(place, code)

    assert answer.json()["scope"].split() == ["openid", f"{SCOPE}userinfo.email"]
    assert _claims(answer)["email"] == ACCOUNT


@check(Mark.DOCUMENTED, "identity/protocols/oauth2: 100 refresh tokens a client and account",
       fake_only=True)  # fmt: skip
def the_oldest_of_too_many_grants_dies_silently(place: Place) -> None:
    for _ in range(100):
        place.fake.grant(ACCOUNT, USUAL)

    answer = place.token(grant_type="refresh_token", refresh_token=place.refresh)

    assert _refused(answer) == (400, "invalid_grant")


@check(Mark.DOCUMENTED, "discovery document, scopes of each method", fake_only=True,
       scopes=("calendar.freebusy",))  # fmt: skip
def a_missing_scope_is_answered_as_insufficient(place: Place) -> None:
    with refused(403, "insufficientPermissions"):
        place.insert()
