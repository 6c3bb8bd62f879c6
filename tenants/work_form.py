"""The base of the forms of signed-in pages: dashboard, account and staff pages."""

from typing import Any

from django import forms


class WorkForm(forms.Form):
    """A form that keeps the typed values and explains its errors; the server validates, not the browser."""

    use_required_attribute = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("label_suffix", "")
        super().__init__(*args, **kwargs)
