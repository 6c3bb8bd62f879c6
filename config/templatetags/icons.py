"""Icons drawn from one sheet: each page carries, once and inline, only the symbols that it uses."""

import re
from pathlib import Path

from django import template
from django.conf import settings
from django.template.base import NodeList, Parser, Token
from django.template.context import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

register = template.Library()

_SYMBOL = re.compile(r'<symbol id="i-([a-z]+)".*?</symbol>')
_USED = re.compile(r'href="#i-([a-z]+)"')


def _read_sheet() -> dict[str, str]:
    sheet = Path(settings.BASE_DIR, "templates", "icons.svg").read_text(encoding="utf-8")
    return {found[1]: found[0] for found in _SYMBOL.finditer(sheet)}


SHEET = _read_sheet()


@register.simple_tag
def icon(name: str) -> SafeString:
    """Draw an icon beside a word; a name that is not in the sheet is an error of ours."""
    if name not in SHEET:
        raise template.TemplateSyntaxError(f"no icon named {name!r}")
    return format_html('<svg class="i" aria-hidden="true"><use href="#i-{}"/></svg>', name)


class _WithSymbols(template.Node):
    """What stands between the tags, then the symbols used in it."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        """Render the inside first: only then are the icons known."""
        page = self.nodelist.render(context)
        used = dict.fromkeys(_USED.findall(page))
        symbols = "".join(SHEET[name] for name in used if name in SHEET)
        # Both parts are rendered templates or our own sheet.
        return mark_safe(f"{page}<svg hidden>{symbols}</svg>" if symbols else page)  # noqa: S308


@register.tag
def symbols(parser: Parser, _token: Token) -> _WithSymbols:
    """``{% symbols %}...{% endsymbols %}`` around the body of a page."""
    nodelist = parser.parse(("endsymbols",))
    parser.delete_first_token()
    return _WithSymbols(nodelist)
