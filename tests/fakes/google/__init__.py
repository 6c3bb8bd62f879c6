"""Google Calendar and its OAuth over loopback, as the discovery document describes them.

In a test:

    google = Google(redirects=["http://connect.lib-rdv.localhost/google/retour"])
    with serving(google) as served:
        access, refresh = google.grant("nom@exemple.fr", ["calendar.app.created", "calendar.freebusy"])
        google.faults["calendar.events.insert"].append(KNOWN["drop_after"])
        ...                                     # the product speaks to served.base
        assert google.injected["drop_after"] == 1

One origin: the interface at `{base}/calendar/v3/`, `{base}/o/oauth2/v2/auth`, `{base}/token`, `{base}/revoke`,
and an agenda to act as the practitioner at `{base}/agenda/`. Routes, parameters, bodies and scopes are those
of the discovery document; what the document has and the fake server has not is 501.

From another process (`python -m tests.fakes.google --port N --redirect URL`), JSON under `{base}/_control/`.
Instants are ISO 8601, without zone they are of Paris; a bare date is a whole day. `calendar` is `primary`
unless it is given.

    GET  journal?since=N&method=ID&account=ADDRESS   entries with a number above N
    GET  counters                            calls and injected by name, broken, held, channels, notifications
    GET  calendars?account=ADDRESS           calendars, each with its events
    POST account            {account, workspace?, zone?}
    POST consent            {url, account, untick?, deny?} -> {redirect}
    POST grant              {account, scopes} -> {access, refresh}
    POST revoke             {account} -> {grants}
    POST event/add          {account, start, end, calendar?, ...fields of an event} -> {id}
    POST event/move         {account, id, start, end?, calendar?}
    POST event/delete       {account, id, calendar?}
    POST calendar/delete    {account, calendar}
    POST sync-tokens/expire, channels/expire, access-tokens/expire   {}
    POST faults             {method, faults: ["drop_after", "503", {kind, status?, reason?, seconds?}]}
    POST random-faults      {rate, seed?, kinds?, methods?, seconds?}
    POST black-hole         {open: true, methods?} or {open: false}
    POST apply-held         {}      the requests that a fault has held are applied now
    POST notifications      {lose_every?, repeat_every?, reorders?}
    POST latency            {seconds} before anything else, for each call
    POST quota              {per_user: 600}, or null for none
    POST clear-faults       {}      no more faults, latency or quota, the black hole closed
    POST reset              {}      journal and counters begin again
"""

from tests.fakes.google.errors import OAuthRefused
from tests.fakes.google.faults import KNOWN, Fault, RandomFaults
from tests.fakes.google.server import Served, serving
from tests.fakes.google.state import Google

__all__ = ["KNOWN", "Fault", "Google", "OAuthRefused", "RandomFaults", "Served", "serving"]
