"""The parts of ``ui.md`` section 6 that repeat on every screen: one field with its label, error and help."""

from typing import Any

from django import template
from django.forms import BoundField

register = template.Library()


@register.inclusion_tag("parts/field.html")
def field(bound: BoundField, *, star: bool = True, also: str = "") -> dict[str, Any]:
    """Draw a field: the label above, then the input, its error and its help, tied to it in that order.

    ``also`` is the id of what else describes it, such as when its content is erased.
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
