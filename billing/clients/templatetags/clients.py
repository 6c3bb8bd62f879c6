"""Drawing the state of a client."""

from django import template

from tenants.models import Tenant

register = template.Library()

BADGES = {
    Tenant.State.LIVE.value: ("ok", "check"),
    Tenant.State.SUSPENDED.value: ("bad", "warn"),
    Tenant.State.READY.value: ("warn", "clock"),
}
"""Colour and icon of a state; the other states have neither."""


@register.inclusion_tag("clients/state.html")
def state_badge(client: Tenant) -> dict[str, str]:
    """Draw the state of a client as a badge."""
    colour, icon_name = BADGES.get(client.state, ("", ""))
    return {"colour": colour, "icon_name": icon_name, "label": client.get_state_display()}
