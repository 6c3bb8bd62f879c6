"""The regular expressions of the project, and hostile texts made from the structure of an expression.

Expressions are found in the source by an AST walk over the calls of ``re`` and read in the module that holds
them, in the URL patterns, in the validators of fields and in the scripts of the browser. A new one is found
without being registered.
"""

import ast
import importlib
import itertools
import re
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The parse tree has no public module.
sre: Any = importlib.import_module("re._constants")
parser: Any = importlib.import_module("re._parser")
ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("api", "billing", "booking", "compliance", "config", "tenants")
FUNCTIONS = {
    "compile",
    "match",
    "search",
    "fullmatch",
    "sub",
    "subn",
    "split",
    "findall",
    "finditer",
}
ANCHORED = {"match", "fullmatch"}
LENGTH = 100_000
PROBE = 6_000
PROBE_SECONDS = 0.002
"""A probe that takes longer is run with the whole length: a quadratic one needs ten times as long."""
MOST_SECONDS = 0.7
"""CPU time for a text of LENGTH: a linear expression needs a hundredth, a quadratic one ten times as much."""

JUNK = ("\x01", "x")
"""What stands after a long run, so that an expression that has eaten it must give up."""


@dataclass(frozen=True)
class Expression:
    """A compiled expression, where it stands, and the methods by which it is applied."""

    place: str
    pattern: re.Pattern[str]
    methods: frozenset[str]

    def __str__(self) -> str:
        return f"{self.place} {self.pattern.pattern[:60]}"


class TooSlow(Exception):
    """An expression used more than MOST_SECONDS of CPU time on a text of LENGTH."""


def modules() -> Iterator[tuple[str, Path]]:
    """Return the name and the file of each module of the project."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def in_source(name: str, source: str) -> Iterator[Expression]:
    """Return the expressions that a module gives to ``re``. Raises NameError for one that cannot be read."""
    tree = ast.parse(source)
    uses = _methods_of_names(tree)
    for node, target in _calls(tree):
        function = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        methods = uses.get(target, frozenset()) if function == "compile" else frozenset({function})
        namespace = vars(importlib.import_module(name))
        code = compile(ast.Expression(node.args[0]), name, "eval")
        written = eval(code, namespace)  # the project's own source
        yield Expression(
            f"{name}:{node.lineno}",
            re.compile(written, _flags(node, function, namespace)),
            methods or frozenset({"search"}),
        )


def _calls(tree: ast.Module) -> Iterator[tuple[ast.Call, str]]:
    """Return each call of ``re``, with the name that its value is assigned to."""
    names = {
        id(node.value): node.targets[0].id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="re"), attr=attribute)):
                if attribute in FUNCTIONS:
                    yield node, names.get(id(node), "")


def _flags(node: ast.Call, function: str, namespace: dict[str, Any]) -> int:
    """Return the flags of a call: by keyword, or the second argument of ``compile``, the third of others."""
    written: list[ast.expr] = [word.value for word in node.keywords if word.arg == "flags"]
    position = {"compile": 1, "match": 2, "search": 2, "fullmatch": 2, "findall": 2, "finditer": 2}
    if not written and function in position:
        written = node.args[position[function] :]
    return int(eval(compile(ast.Expression(written[0]), "", "eval"), namespace)) if written else 0


def _methods_of_names(tree: ast.Module) -> dict[str, frozenset[str]]:
    """Return the methods called on each name; a name that is passed on or imported has none: ``search``."""
    called: dict[str, list[str]] = {}
    loads: dict[str, int] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if attribute in FUNCTIONS:
                called.setdefault(name, []).append(attribute)
            case ast.Name(id=name, ctx=ast.Load()):
                loads[name] = loads.get(name, 0) + 1
    return {
        name: frozenset(called.get(name, ()))
        | ({"search"} if number > len(called.get(name, ())) else set())
        for name, number in loads.items()
    }


def in_urls(urlconf: str) -> Iterator[Expression]:
    """Return the expressions of the URL patterns, which contain those of the path converters."""
    from django.urls import get_resolver

    def walk(patterns: Iterable[Any]) -> Iterator[Expression]:
        for entry in patterns:
            yield Expression(
                f"{urlconf} {entry.pattern}", entry.pattern.regex, frozenset({"search"})
            )
            yield from walk(getattr(entry, "url_patterns", ()))

    yield from walk(get_resolver(urlconf).url_patterns)


def in_validators(place: str, validators: Iterable[Any]) -> Iterator[Expression]:
    """Return the expressions of validators of model and form fields, EmailValidator's included."""
    for validator in validators:
        for name in ("regex", "user_regex", "domain_regex"):
            found = getattr(validator, name, None)
            if isinstance(found, re.Pattern):
                yield Expression(
                    f"{place} {type(validator).__name__}", found, frozenset({"search"})
                )


_IN_SCRIPT = re.compile(
    r"(?:match|replace|split|search|test|matchAll|replaceAll)\(\s*/((?:\\.|[^/\\\n])+)/"
    r"|[=(,\[:&|!]\s*/((?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/*\\\n\[])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n\[])*)/[a-z]*\."
)


def in_script(place: str, source: str) -> Iterator[Expression]:
    """Return the literal expressions of a script, whose syntax is the one of ``re`` as far as it is used."""
    for found in _IN_SCRIPT.finditer(source):
        yield Expression(place, re.compile(found[1] or found[2]), frozenset({"search"}))


def hostile(pattern: str, flags: int = 0, *, length: int) -> Iterator[str]:
    """Return texts of this length made from the expression's own characters and prefixes."""
    tree = parser.parse(pattern, flags & ~re.UNICODE)
    characters = list(dict.fromkeys([*_characters(tree), " ", "a", "1"]))[:16]
    for prefix in (*JUNK, *_prefixes(tree)):
        for character, end in itertools.product(characters, JUNK):
            yield (prefix + character * length)[: length - 1] + end
        if prefix:
            yield (prefix * (length // len(prefix) + 1))[: length - 1] + JUNK[0]
    for first, second in itertools.permutations(characters, 2):
        yield (first + second) * (length // 2 - 1) + JUNK[0]
    for character in characters:
        yield character * length


def _prefixes(tree: Any) -> list[str]:
    """Return some twenty texts that a match may begin with."""
    shortest = list(_shortest(tree))
    found = ["".join(shortest[:end]) for end in range(len(shortest) + 1)]
    found += ["".join(_shortest(branch)) for branch in _branches(tree)]
    prefixes = list(dict.fromkeys(found))
    return prefixes[:: max(1, len(prefixes) // 20)]


def _characters(tree: Iterable[tuple[Any, Any]]) -> Iterator[str]:
    """Return a character of each class and literal of the expression, also of nested ones."""
    for operator, argument in tree:
        if operator is sre.LITERAL:
            yield chr(argument)
        elif operator in {sre.NOT_LITERAL, sre.ANY, sre.IN, sre.CATEGORY}:
            yield from _of_class(operator, argument)
        else:
            for part in _parts(argument):
                yield from _characters(part)


def _branches(tree: Iterable[tuple[Any, Any]]) -> Iterator[Any]:
    """Return the alternatives of the expression, also of nested ones."""
    for operator, argument in tree:
        if operator is sre.BRANCH:
            yield from argument[1]
        for part in _parts(argument):
            yield from _branches(part)


def _parts(argument: Any) -> Iterator[Any]:
    """Return the nested trees of an argument."""
    if isinstance(argument, parser.SubPattern):
        yield argument
    elif isinstance(argument, list | tuple):
        for item in argument:
            yield from _parts(item)


_CANDIDATES = (*map(chr, range(32, 127)), "\t", "\n", "\u00a0", "é", "\x00")
_IN_CATEGORY: dict[Any, str] = {
    sre.CATEGORY_DIGIT: "1",
    sre.CATEGORY_SPACE: " \n",
    sre.CATEGORY_WORD: "a_1",
    sre.CATEGORY_NOT_DIGIT: "a ",
    sre.CATEGORY_NOT_SPACE: "a.",
    sre.CATEGORY_NOT_WORD: " -\n",
}


def _of_class(operator: Any, argument: Any) -> list[str]:
    """Return some characters of a class."""
    if operator is sre.ANY:
        return ["a", " "]
    if operator is sre.NOT_LITERAL:
        return [next(c for c in _CANDIDATES if ord(c) != argument)]
    if operator is sre.CATEGORY:
        return list(_IN_CATEGORY.get(argument, "a"))
    if argument and argument[0][0] is sre.NEGATE:
        taken = {c for part in argument[1:] for c in _of_item(part)}
        return [c for c in ("a", " ", "1", "-", "\t", "é", *_CANDIDATES) if c not in taken][:3]
    return [c for part in argument for c in _of_item(part)[:2]]


def _of_item(part: tuple[Any, Any]) -> list[str]:
    """Return the characters that an item of a class names; of a range, its first and last ones and some more."""
    operator, argument = part
    if operator is sre.LITERAL:
        return [chr(argument)]
    if operator is sre.RANGE:
        low, high = argument
        return [chr(low), chr(high), *map(chr, range(low + 1, min(high, low + 64)))]
    if operator is sre.CATEGORY:
        return list(_IN_CATEGORY.get(argument, "a"))
    return []


def _shortest(tree: Iterable[tuple[Any, Any]]) -> Iterator[str]:
    """Return the characters of a short text that the expression matches; optional parts stand in it once."""
    for operator, argument in tree:
        if operator is sre.LITERAL:
            yield chr(argument)
        elif operator in {sre.NOT_LITERAL, sre.ANY, sre.IN, sre.CATEGORY}:
            yield from _of_class(operator, argument)[:1]
        elif operator in {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}:
            yield from list(_shortest(argument[2])) * max(1, min(argument[0], 8))
        else:
            # A group, an atomic group, or the first alternative; the sign of a place has no part.
            yield from _shortest(next(_parts(argument), ()))


def check(expression: Expression) -> None:
    """Apply an expression as the project does to hostile texts. Raises TooSlow."""
    pattern = expression.pattern
    for apply in _applications(expression):
        for text in hostile(pattern.pattern, pattern.flags, length=PROBE):
            began = time.process_time()
            with cpu_seconds(MOST_SECONDS, expression):
                apply(text)
            if time.process_time() - began > PROBE_SECONDS:
                with cpu_seconds(MOST_SECONDS, expression):
                    apply(_grown(text))
        for text in _sample(list(hostile(pattern.pattern, pattern.flags, length=LENGTH))):
            with cpu_seconds(MOST_SECONDS, expression):
                apply(text)


def _grown(text: str) -> str:
    """Return a probe's text with LENGTH characters."""
    middle = text[16:-1]
    return text[:16] + middle * ((LENGTH - len(text)) // len(middle) + 1) + text[-1]


def _sample(texts: Sequence[str]) -> Sequence[str]:
    return texts[:: max(1, len(texts) // 12)]


def _applications(expression: Expression) -> list[Callable[[str], object]]:
    """Return how the expression is applied: anchored, or from each place of the text."""
    pattern, found = expression.pattern, expression.methods
    uses: list[Callable[[str], object]] = []
    if found & ANCHORED:
        uses += [getattr(pattern, name) for name in sorted(found & ANCHORED)]
    if found - ANCHORED:
        uses.append(lambda text: pattern.sub("", text))
    return uses


@contextmanager
def cpu_seconds(seconds: float, subject: object) -> Iterator[None]:
    """Raise TooSlow when the block uses more CPU time of this process, whatever the load of the machine."""

    def stop(*_: object) -> None:
        raise TooSlow(str(subject))

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)
