"""The components of ui.md section 6: a form field with label, error and help."""

from collections.abc import Mapping
from typing import Any

from django import template
from django.conf import settings
from django.forms import BoundField

register = template.Library()

_MESSAGE_STYLES: Mapping[str, tuple[str, str]] = {
    "success": ("ok", "check"),
    "info": ("", "info"),
    "warning": ("warn", "warn"),
    "error": ("bad", "warn"),
}
"""The class and the icon of a message of Django, by its level."""


@register.filter
def message_tone(level: str) -> str:
    """Return the class of a message by its ``level_tag``; empty for the plain one."""
    return _MESSAGE_STYLES[level][0]


@register.filter
def message_icon(level: str) -> str:
    """Return the name of the icon of a message by its ``level_tag``."""
    return _MESSAGE_STYLES[level][1]


@register.inclusion_tag("parts/account_privacy_notice.html")
def account_privacy_notice(*, is_wide: bool = False) -> dict[str, Any]:
    """Render the privacy notice under the forms of accounts, dashboard and desk (B-06)."""
    return {"librdv": settings.LIBRDV_IDENTITY, "is_wide": is_wide}


@register.inclusion_tag("parts/field.html")
def field(bound: BoundField, *, star: bool = True, also: str = "") -> dict[str, Any]:
    """Render a field: label, input, error and help; ``aria-describedby`` refers to error, help and ``also``.

    ``also`` is the id of a further description, such as the date on which the content is erased.
    """
    name = bound.auto_id
    described = [f"{name}_error"] if bound.errors else []
    if bound.help_text:
        described.append(f"{name}_help")
    if also:
        described.append(also)
    attrs: dict[str, str | bool] = {"class": "select" if bound.widget_type == "select" else "input"}
    if described:
        attrs["aria-describedby"] = " ".join(described)
    if bound.errors:
        attrs["aria-invalid"] = "true"
    return {
        "bound": bound,
        "widget": bound.as_widget(attrs=attrs),
        "name": name,
        "is_starred": star and bound.field.required,
    }
