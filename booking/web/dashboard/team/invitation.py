"""The page behind the link of an invitation."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from booking.practice import team
from booking.web.dashboard.team.invitation_form import InvitationForm, JoinWithAccountForm
from tenants.accounts.errors import InvitationClosedError
from tenants.accounts.services.invitations import find_open, has_account
from tenants.accounts.sign_in import enter
from tenants.link_pages import behind_a_link


@behind_a_link
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Show the invitation with its role; a POST opens the account. GET changes nothing (B-29)."""
    invitation = find_open(token=token, now=timezone.now())
    if invitation is None:
        return render(request, "account/invitation_closed.html", status=410)
    known = has_account(invitation)
    data = request.POST if request.method == "POST" else None
    form = (
        JoinWithAccountForm(data)
        if known
        else InvitationForm(data, email=invitation.email, initial={"name": invitation.name})
    )
    if form.is_valid():
        try:
            accepted = team.join(
                token=token,
                password=form.cleaned_data.get("password", ""),
                name=form.cleaned_data.get("name", ""),
                now=timezone.now(),
            )
        except InvitationClosedError:
            return render(request, "account/invitation_closed.html", status=410)
        if known:
            # The link proves access to the address and not knowledge of the password of the account.
            messages.success(request, _("C’est accepté. Connectez-vous."))
            return redirect("account_login")
        return enter(request, accepted.user, then=reverse("dashboard:today"))
    context = {"form": form, "invitation": invitation, "known": known}
    return render(request, "account/invitation.html", context)
