"""Template filters that render form controls with the CSS classes of docs/ui.md."""

from django import template
from django.forms import BoundField, CheckboxInput, RadioSelect, Select, Textarea
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def styled(field: BoundField) -> SafeString:
    """Render the control of a field with its CSS class and without a placeholder: the label names the field."""
    widget = field.field.widget
    widget.attrs.pop("placeholder", None)
    if isinstance(widget, CheckboxInput | RadioSelect):
        return field.as_widget()
    kind = "select" if isinstance(widget, Select) else "input"
    attrs: dict[str, str | bool] = {"class": kind}
    if isinstance(widget, Textarea):
        attrs["rows"] = str(widget.attrs.get("rows", 4))
    return field.as_widget(attrs=attrs)


@register.filter
def hour_input(field: BoundField) -> SafeString:
    """Render an hour of the week editor, described by the hint that all hours share."""
    attrs: dict[str, str | bool] = {"class": "input", "aria-describedby": "aide-heures"}
    if field.errors:
        attrs["aria-invalid"] = "true"
    return field.as_widget(attrs=attrs)
