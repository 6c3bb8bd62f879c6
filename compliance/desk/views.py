"""The desk's pages."""

from django.http import HttpResponse
from django.shortcuts import render

from compliance.desk.access import DeskRequest, staff_only


@staff_only(methods=("GET", "HEAD"))
def clients(request: DeskRequest) -> HttpResponse:
    """List the clients."""
    return render(request, "desk/clients.html", {})
