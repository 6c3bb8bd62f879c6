"""Check the layout of the templates: ``python -m config.devtools.template_check [FOLDER]``.

Each fault is printed as ``file:line: message``; the exit code is 1 when there is one. The rules for a page:

- A line holds 120 characters at most.
- A block-level element (``p``, ``div``, ``li``, ``td`` ...) begins its line. It ends on that line, or its tag
  and its end tag stand alone on theirs. Inline elements (``a``, ``b``, ``span`` ...) belong to a text and may
  share its line; two elements with nothing between them are not a text.
- A block tag (``if``, ``for``, ``with``, ``block`` ...) ends on its line, or it stands alone on it, and its
  ``else`` and its end begin their lines. Only a ``blocktranslate`` may follow the tag of the inline element
  that holds it, and only the end of a ``block`` may follow its text: white space there would stand inside a
  title.
- Two block tags begin on one line only where no break is possible between them, because the text between them
  has no white space: ``{{ name }}{% if title %}, {{ title }}{% endif %}{% if town %}, {{ town }}{% endif %}``.
- The space before « : ; ? ! » » and after « « » is a no-break one, so that no sign begins a line on the screen.
- One ``if`` does not compare a variable with several string constants: the label of a code comes from Python.

What stands inside the tag of an element (its attributes and their conditions) is free up to the length of the
line, since white space there would change values. A mail in plain text (``.txt``) is held to the first and the
last two rules only, since each of its line breaks is sent.
"""

import re
import sys
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from pathlib import Path

TEMPLATES = Path(__file__).parents[2] / "templates"
LONGEST_LINE = 120
SIGNS = frozenset(":;?!»")
"""French signs that stand behind a no-break space."""
# fmt: off
BLOCK_LEVEL = frozenset((
    "address", "article", "aside", "blockquote", "body", "caption", "col", "colgroup", "dd",
    "details", "dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer",
    "form", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hr", "html", "legend", "li",
    "link", "main", "meta", "nav", "ol", "optgroup", "option", "p", "path", "script", "section",
    "style", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "title", "tr", "ul",
))
# fmt: on
WITHOUT_END = frozenset(("br", "col", "hr", "img", "input", "link", "meta", "path", "source"))
VERBATIM = frozenset(("pre", "script", "style", "textarea"))
MIDDLE_TAGS = frozenset(("elif", "else", "empty", "plural"))

_COMMENT = re.compile(r"{%\s*comment\b.*?{%\s*endcomment\s*%}", re.DOTALL)
_END_TAG = re.compile(r"{%\s*end(\w+)")
_TEMPLATE_TAG = re.compile(r"{%\s*(?P<name>\w+).*?%}|{{.*?}}|{#.*?#}")
_ELEMENT = re.compile(r"<(?P<slash>/?)(?P<name>[A-Za-z][A-Za-z0-9]*)")
_WORD = re.compile(r"[^\s<{]+|[<{]")
_BREAKABLE = re.compile(r"\S [:;?!»](?=[\s\"])|« (?=\S)")
_COMPARISON = re.compile(r"""([\w.]+)\s*==\s*(?:"[^"]*"|'[^']*')""")


@dataclass(frozen=True, order=True)
class Fault:
    """A line of a template, counted from 1, and the rule that it breaks."""

    line: int
    message: str


@dataclass(frozen=True)
class Token:
    """A piece of a template: a tag of an element is one piece, with all its attributes."""

    kind: str
    """``begin``, ``middle``, ``end`` (block tags), ``open``, ``close`` (elements), ``text`` or ``space``."""

    name: str
    text: str
    line: int

    @property
    def ends_element(self) -> bool:
        """Whether an element is over after this piece."""
        return self.kind == "close" or (self.kind == "open" and self.name in WITHOUT_END)


@dataclass
class _BlockTag:
    """A block tag that has not ended: the places of its begin and of its middle tags among the tokens."""

    begin: int
    middles: list[int] = field(default_factory=list)


def faults(text: str, *, is_page: bool = True) -> list[Fault]:
    """Return the faults of one template by line; ``is_page`` is false for a mail in plain text."""
    tokens = list(_tokens(text))
    found = [*_long_lines(text), *_breakable_signs(tokens), *_chains(tokens)]
    if is_page:
        found += _multiline_block_tags(tokens)
        for _line, group in groupby(tokens, key=lambda token: token.line):
            line = [token for token in group if token.text != "\n"]
            found += [*_elements(line), *_neighbours(line), *_block_tags(line)]
    return sorted(set(found))


def main(arguments: Sequence[str] = ()) -> int:
    """Print the faults of the templates below a folder, and return the exit code."""
    folder = Path(arguments[0]) if arguments else TEMPLATES
    count = 0
    for path in sorted([*folder.rglob("*.html"), *folder.rglob("*.txt")]):
        for fault in faults(path.read_text("utf-8"), is_page=path.suffix == ".html"):
            print(f"{path}:{fault.line}: {fault.message}")
            count += 1
    return 1 if count else 0


def _tokens(text: str) -> Iterator[Token]:
    block_tags = frozenset(_END_TAG.findall(text))
    position, line = 0, 1
    while position < len(text):
        kind, name, end = _token_at(text, position, block_tags)
        yield Token(kind, name, text[position:end], line)
        line += text.count("\n", position, end)
        position = end


def _token_at(text: str, position: int, block_tags: Set[str]) -> tuple[str, str, int]:
    """Return the kind, the name and the end of the token that begins at ``position``."""
    if text[position] in " \t\n\r":
        return "space", "", position + 1
    if comment := _COMMENT.match(text, position):
        return "text", "comment", comment.end()
    if tag := _TEMPLATE_TAG.match(text, position):
        name = tag["name"] or ""
        return _kind(name, block_tags), name, tag.end()
    if element := _ELEMENT.match(text, position):
        return _element_at(text, element)
    word = _WORD.match(text, position)
    return "text", "", word.end() if word else position + 1


def _kind(name: str, block_tags: Set[str]) -> str:
    if name in block_tags:
        return "begin"
    if name in MIDDLE_TAGS:
        return "middle"
    return "end" if name.startswith("end") else "text"


def _element_at(text: str, element: re.Match[str]) -> tuple[str, str, int]:
    name, end = element["name"].lower(), _tag_end(text, element.end())
    if element["slash"]:
        return "close", name, end
    if name in VERBATIM:
        closing = re.compile(rf"</{name}\s*>").search(text, end)
        return "text", name, closing.end() if closing else len(text)
    return "open", name, end


def _tag_end(text: str, position: int) -> int:
    """Return where the tag of an element ends, past quoted values and template tags."""
    quote = ""
    while position < len(text):
        if tag := _TEMPLATE_TAG.match(text, position):
            position = tag.end()
            continue
        character = text[position]
        position += 1
        if quote:
            quote = "" if character == quote else quote
        elif character in "\"'":
            quote = character
        elif character == ">":
            break
    return position


def _long_lines(text: str) -> Iterator[Fault]:
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > LONGEST_LINE:
            yield Fault(number, f"{len(line)} characters, {LONGEST_LINE} at most")


def _breakable_signs(tokens: Sequence[Token]) -> Iterator[Fault]:
    """Yield the French signs at which a line may break, in texts and in the literals of ``translate``."""
    for before, token in pairwise([Token("text", "", "", 1), *tokens]):
        is_before_sign = before.kind == "space" and token.text.rstrip(".,)") in SIGNS
        is_after_quote = before.text == "«" and token.kind == "space"
        is_in_literal = token.name == "translate" and _BREAKABLE.search(token.text)
        if is_before_sign or is_after_quote or is_in_literal:
            yield Fault(token.line, "a plain space beside a sign, where a no-break one belongs")


def _visible(line: Sequence[Token]) -> list[Token]:
    return [token for token in line if token.kind != "space"]


def _elements(line: Sequence[Token]) -> Iterator[Fault]:
    """Yield the block-level elements that share a line."""
    pieces = _visible(line)
    opened: list[str] = []
    for place, token in enumerate(pieces):
        if token.kind == "open":
            opened.append(token.name)
            if token.name in BLOCK_LEVEL and place:
                yield Fault(token.line, f"<{token.name}> does not begin its line")
        elif token.kind == "close" and token.name in opened:
            opened.remove(token.name)
        elif token.kind == "close" and token.name in BLOCK_LEVEL and len(pieces) > 1:
            yield Fault(token.line, f"</{token.name}> is not alone on its line")
    for name in opened:
        if name in BLOCK_LEVEL - WITHOUT_END and len(pieces) > 1:
            yield Fault(
                pieces[0].line, f"<{name}> is not alone on its line, and does not end on it"
            )


def _neighbours(line: Sequence[Token]) -> Iterator[Fault]:
    """Yield the elements that follow another one with nothing between."""
    for before, after in pairwise(line):
        if before.ends_element and after.kind == "open":
            yield Fault(after.line, f"<{after.name}> follows another element with nothing between")


def _block_tags(line: Sequence[Token]) -> Iterator[Fault]:
    """Yield the block tags behind a first one that could stand on a line of their own."""
    depth, can_break, has_begun = 0, False, False
    is_whole = _is_one_block_tag(_visible(line))
    for token in line:
        if token.kind == "begin":
            if has_begun and (can_break or is_whole):
                yield Fault(token.line, f"a second block tag, {{% {token.name} %}}, on one line")
            depth, can_break, has_begun = depth + 1, False, True
        elif token.kind == "end":
            depth -= 1
        elif depth == 0 and (token.kind == "space" or token.name in BLOCK_LEVEL):
            can_break = True


def _is_one_block_tag(pieces: Sequence[Token]) -> bool:
    """Tell whether a block tag begins the line and its end is the end of the line."""
    depth = 0
    for place, token in enumerate(pieces):
        depth += {"begin": 1, "end": -1}.get(token.kind, 0)
        if depth == 0:
            return 0 < place == len(pieces) - 1
    return False


def _multiline_block_tags(tokens: Sequence[Token]) -> Iterator[Fault]:
    """Yield the parts of a block tag of several lines that share a line with something else."""
    stack: list[_BlockTag] = []
    for place, token in enumerate(tokens):
        if token.kind == "begin":
            stack.append(_BlockTag(place))
        elif token.kind == "middle" and stack:
            stack[-1].middles.append(place)
        elif token.kind == "end" and stack:
            tag = stack.pop()
            if tokens[tag.begin].line != token.line:
                yield from _shared_lines(tokens, tag, place)


def _shared_lines(tokens: Sequence[Token], tag: _BlockTag, end: int) -> Iterator[Fault]:
    begin = tokens[tag.begin]
    if begin.name != "blocktranslate" and not _begins_line(tokens, tag.begin):
        yield Fault(begin.line, f"{{% {begin.name} %}} does not begin its line, nor end on it")
    for place in (*tag.middles, end):
        if begin.name != "block" and not _begins_line(tokens, place):
            yield Fault(tokens[place].line, f"{{% {tokens[place].name} %}} does not begin its line")
    for place in (tag.begin, *tag.middles):
        if tokens[place + 1].text != "\n":
            yield Fault(tokens[place].line, f"{{% {tokens[place].name} %}} does not end its line")


def _begins_line(tokens: Sequence[Token], place: int) -> bool:
    while place and tokens[place - 1].kind == "space":
        place -= 1
        if tokens[place].text == "\n":
            return True
    return place == 0


def _chains(tokens: Sequence[Token]) -> Iterator[Fault]:
    """Yield each ``if`` with two conditions that compare one variable with string constants."""
    stack: list[tuple[Token, list[str]]] = []
    for token in tokens:
        if token.kind == "begin":
            stack.append((token, []))
        if token.name in ("if", "elif") and stack:
            stack[-1][1].extend({found[1] for found in _COMPARISON.finditer(token.text)})
        elif token.kind == "end" and stack:
            begin, compared = stack.pop()
            for variable in sorted({name for name in compared if compared.count(name) > 1}):
                yield Fault(begin.line, f"a chain of conditions over the codes of {variable}")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
