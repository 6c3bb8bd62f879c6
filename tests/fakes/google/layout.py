"""The frame of the fake server's pages: French, plain, readable without style or JavaScript."""

from dataclasses import dataclass
from html import escape

_STYLE = """
body { font: 1.0625rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem;
  color: #1d2733; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.2rem; margin-top: 2rem } h3 { font-size: 1rem; margin-bottom: .3rem }
.fake { border-left: .3rem solid #8a5a00; background: #fff6e0; padding: .5rem 1rem }
fieldset { border: 1px solid #767f8a; border-radius: .4rem; margin: 1rem 0 }
label, input, button, select { font: inherit } input, select { padding: .3rem }
button { padding: .5rem 1rem; margin: .2rem .4rem .2rem 0; border: 1px solid #1d2733; border-radius: .4rem }
button.main { background: #0b57d0; color: #fff; border-color: #0b57d0 }
ul { padding-left: 1.2rem } li { margin: .4rem 0 } form.inline { display: inline-block; margin-right: 1rem }
code { font-size: .85em; color: #4a5562; overflow-wrap: anywhere }
:focus-visible { outline: 3px solid #0b57d0; outline-offset: 2px }
"""
_NOTE = (
    "Ceci n’est pas Google : c’est sa doublure, qui ne tourne que sur cette machine."
    " Aucun mot de passe n’est demandé."
)


@dataclass(frozen=True)
class Page:
    """A page, or a redirect when `location` is set."""

    status: int
    html: str
    location: str = ""


def page(status: int, title: str, content: str) -> Page:
    """A whole page; `content` is HTML, `title` is text."""
    return Page(
        status,
        f'<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta name="referrer" content="no-referrer"><style>{_STYLE}</style></head>'
        f'<body><main><p class="fake">{_NOTE}</p><h1>{escape(title)}</h1>{content}</main></body></html>',
    )


def seen(location: str) -> Page:
    """After a form: look there."""
    return Page(303, "", location)
