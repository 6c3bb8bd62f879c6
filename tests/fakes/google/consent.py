"""The page where a person allows an application what it asks for, or refuses."""

from html import escape
from urllib.parse import parse_qsl

from tests.fakes.google.errors import OAuthRefused
from tests.fakes.google.id_tokens import SIGN_IN
from tests.fakes.google.layout import Page, page, seen
from tests.fakes.google.oauth import Request
from tests.fakes.google.state import Google

PATH = "/o/oauth2/v2/auth"
_MEANING = {
    "openid": "Savoir que c’est vous",
    "userinfo.email": "Voir votre adresse e-mail",
    "userinfo.profile": "Voir votre nom",
    "calendar.app.created": "Créer un agenda à part, et n’écrire que dans celui-là",
    "calendar.freebusy": "Voir quand vous êtes occupé, sans les intitulés",
    "calendar.events.freebusy": "Suivre vos heures occupées, sans les intitulés",
    "calendar.calendarlist.readonly": "Voir la liste de vos agendas",
    "calendar.events.owned": "Lire et modifier les événements de vos agendas",
}


def answer(google: Google, verb: str, query: str, form: dict[str, list[str]]) -> Page:
    """Show the page, or decide as the form says. What is wrong with a request is never redirected."""
    entry = google.open_entry(method="oauth.auth", account="", verb=verb, path=PATH)
    entry.query = {key: [value] for key, value in parse_qsl(query)}
    with google.lock:
        try:
            request = google.oauth.request(dict(parse_qsl(query)))
            found = _decide(google, request, form) if verb == "POST" else _question(google, request)
        except OAuthRefused as refused:
            entry.reason = refused.error
            found = _error(refused)
    entry.status = found.status
    return found


def _decide(google: Google, request: Request, form: dict[str, list[str]]) -> Page:
    if form.get("decision") != ["allow"]:
        return seen(google.oauth.deny(request))
    email = form.get("other", [""])[0].strip() or form.get("account", [""])[0]
    if "@" not in email:
        return _question(google, request, "Choisissez un compte, ou écrivez une adresse.")
    kept = [*form.get("scope", []), *SIGN_IN]
    return seen(google.oauth.allow(request, google.account(email), kept))


def _question(google: Google, request: Request, problem: str = "") -> Page:
    accounts = "".join(
        f'<p><label><input type="radio" name="account" value="{escape(email)}"'
        f"{' checked' if number == 0 else ''}> {escape(email)}</label></p>"
        for number, email in enumerate(google.accounts)
    )
    scopes = "".join(_scope(scope) for scope in request.scopes)
    content = f"""
<p>L’application <strong>{escape(request.client.id)}</strong> demande l’accès à un compte.</p>
{f'<p role="alert"><strong>{escape(problem)}</strong></p>' if problem else ""}
<form method="post">
<fieldset><legend>Compte</legend>{accounts}
<p><label for="other">Autre adresse</label>
<input id="other" name="other" type="email" autocomplete="off"></p></fieldset>
<fieldset><legend>Ce que vous autorisez</legend>{scopes}</fieldset>
<p><button class="main" name="decision" value="allow">Autoriser</button>
<button name="decision" value="deny" formnovalidate>Refuser</button></p></form>"""
    return page(400 if problem else 200, "Autoriser une application", content)


def _scope(scope: str) -> str:
    short = scope.rpartition("/")[2]
    words = f"{escape(_MEANING.get(short, short))}<br><code>{escape(short)}</code>"
    if scope in SIGN_IN:
        # As at Google, signing in is not a choice of its own.
        return f"<p>{words}</p>"
    return (
        f'<p><label><input type="checkbox" name="scope" value="{escape(scope)}" checked>'
        f" {words}</label></p>"
    )


def _error(refused: OAuthRefused) -> Page:
    return page(
        refused.status if refused.status == 401 else 400,
        "Accès bloqué",
        f"<p>Erreur {refused.status} : <code>{escape(refused.error)}</code></p>"
        f"<p>{escape(refused.description)}</p>",
    )
