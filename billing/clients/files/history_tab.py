"""The last tab of a client's file: what staff did with it."""

from datetime import datetime

from django.utils.translation import gettext_lazy as _

from billing.clients.history import file_history
from billing.clients.models import Client
from billing.clients.tabs import ClientTab
from tenants.desk.fragments import Fragment


def history(client: Client, now: datetime) -> Fragment:
    """Return the actions of staff on the file, the newest first."""
    context = {
        "lines": file_history(client),
        "nothing": _("Personne n’a encore changé ce dossier."),
    }
    return Fragment("clients/sections/history.html", context)


TAB = ClientTab("historique", _("Historique"), order=90, read=history)
