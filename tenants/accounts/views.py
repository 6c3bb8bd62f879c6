"""Pages of the account that allauth does not have."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from tenants.accounts.models import User
from tenants.accounts.services.sessions import close_others


@require_POST
@login_required
def close_sessions(request: HttpRequest) -> HttpResponse:
    """Sign the person out everywhere else."""
    assert isinstance(request.user, User)  # noqa: S101  # login_required
    key = request.session.session_key or ""
    closed = close_others(user=request.user, keep=key, now=timezone.now())
    if closed:
        messages.success(request, _("Vos autres sessions sont fermées."))
    else:
        messages.success(request, _("Aucune autre session n’était ouverte."))
    return redirect("mfa_index")
