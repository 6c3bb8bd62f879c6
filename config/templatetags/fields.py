"""Form controls in the classes of the design language, whoever made the form."""

from django import template
from django.forms import BoundField, CheckboxInput, RadioSelect, Select, Textarea
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def styled(field: BoundField) -> SafeString:
    """Draw the control of a field with its class; a placeholder would hide the label's work."""
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
    """Draw an hour of the week editor, tied to the one hint that all of them share."""
    attrs: dict[str, str | bool] = {"class": "input", "aria-describedby": "aide-heures"}
    if field.errors:
        attrs["aria-invalid"] = "true"
    return field.as_widget(attrs=attrs)
