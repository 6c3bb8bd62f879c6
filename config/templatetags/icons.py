"""Icons of one SVG sheet: each page contains, inline and once, only the symbols that it uses."""

import re
from pathlib import Path

from django import template
from django.conf import settings
from django.template.base import NodeList, Parser, Token
from django.template.context import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

register = template.Library()

_SYMBOL = re.compile(r'<symbol id="i-([a-z]+)".*?</symbol>', re.DOTALL)
_LINE_BREAK = re.compile(r"\n *")
_USED = re.compile(r'href="#i-([a-z]+)"')


def _read_sheet() -> dict[str, SafeString]:
    sheet = Path(settings.BASE_DIR, "templates", "icons.svg").read_text(encoding="utf-8")
    # The sheet is a file of ours: its symbols stand in a page as they are.
    return {found[1]: SafeString(_one_line(found[0])) for found in _SYMBOL.finditer(sheet)}


def _one_line(symbol: str) -> str:
    """Return a symbol without line breaks: a break inside the data of a path counts as a space."""
    return _LINE_BREAK.sub(lambda found: "" if symbol[found.start() - 1] == ">" else " ", symbol)


SHEET = _read_sheet()


@register.simple_tag
def icon(name: str) -> SafeString:
    """Render an icon. Raises TemplateSyntaxError for a name that is not in the sheet."""
    if name not in SHEET:
        raise template.TemplateSyntaxError(f"no icon named {name!r}")
    return format_html('<svg class="i" aria-hidden="true"><use href="#i-{}"/></svg>', name)


class _WithSymbols(template.Node):
    """Renders the nodes between the tags, then the symbols that they use."""

    def __init__(self, nodelist: NodeList) -> None:
        self.nodelist = nodelist

    def render(self, context: Context) -> SafeString:
        """Render the nodes first: the result shows which symbols are used."""
        page = self.nodelist.render(context)
        used = dict.fromkeys(_USED.findall(page))
        symbols = format_html_join("", "{}", ((SHEET[name],) for name in used if name in SHEET))
        return format_html("{}<svg hidden>{}</svg>", page, symbols) if symbols else page


@register.tag
def symbols(parser: Parser, _token: Token) -> _WithSymbols:
    """Compile ``{% symbols %}...{% endsymbols %}``, which encloses the body of a page."""
    nodelist = parser.parse(("endsymbols",))
    parser.delete_first_token()
    return _WithSymbols(nodelist)
