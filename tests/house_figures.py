"""Prints the figures of a source tree, one a line as `name value`.

    python -m tests.house_figures [ROOT] [--against DIR] [--names] [--words]

Needs the standard library only and imports nothing of the project, so that it measures any checkout. With
`--against` a second value follows, the one of the other tree. `--names` lists the classes that share a name and
each retired name with its first place; `--words` counts the retired words one by one.

What the figures mean; folders that begin with a dot and migrations are left out everywhere:

booking_loose_modules, booking_files, booking_packages: Python files directly in `booking/` and below it, without
    `__init__.py`; folders below `booking/` that hold Python files, `booking/` itself not counted.
folders_of_*: distinct folders with Python files of a feature, without tests and templates. A file belongs to a
    feature when its path holds one of the words of `FEATURES`.
class_names_shared: public class names outside tests that are defined at least twice, nested classes included.
    `Meta` and `Command` are Django's names and are not counted.
noqa_per_1000_lines: noqa comments for 1,000 lines of Python outside tests, and with them.
template_lines_over_120: lines of files below `templates/` of more than 120 characters.
retired_names, retired_places: distinct names that hold a word of `RETIRED`, and the places that bind them: module,
    class, function, parameter, variable, template file, or a mention in a template (variable or field name).
    Test functions are sentences, and are counted apart (retired_test_names). Names of URL patterns, strings, CSS
    and JavaScript are not read.
requirements_cited, requirements_unresolved: distinct requirement identifiers that files cite, and those of them
    that begin no line of `docs/requirements.md`.
files_from_form_to_google: the files to open from a patient's form to the Google event. These are the module of
    the view that books (`FORM_VIEWS`) with all modules of the project that it imports, directly or not, and the
    shortest import path from the outbox handlers of Google (the modules of Google that `booking/apps.py` imports)
    to the module that imports `googleapiclient`. Models, `tenants/`, `config/` and what a worker starts from
    (`actors`, `tasks`) are not followed: the queue ends the path there. A module counts once.
function_lines_p95: the length in lines that 95 of 100 functions outside tests do not exceed, decorators left out.
"""

import argparse
import ast
import math
import os
import re
import sys
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

FEATURES = {
    "waiting_list": r"waiting|offer",
    "messages": r"message|letter|notice|notification|digest|email",
    "google": r"google|calendar_sync",
}
FORM_VIEWS = ("booking/views/public/booking.py", "booking/web/public/booking.py")
REQUIREMENT = re.compile(r"(?<![\w-])[A-HS]-\d{2}(?![\w-])")
DEFINED = re.compile(r"^[\s|*#`-]*([A-HS]-\d{2})(?![\w-])", re.MULTILINE)
CITING = {".py", ".html", ".txt", ".md", ".csv", ".css", ".js", ".toml", ".service", ".timer"}
DJANGO_CLASSES = {"Meta", "Command"}


# --- Retired words ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Retired:
    """Words that names may no longer hold, and what they are called now.

    `how` is "part" (one part of a name, or several in a row: `let_go`), "whole" (the whole name, leading
    underscores and the `test_` of a module aside) or "class" (exactly the name of a class). `kinds` and `only_in`
    (a pattern of paths) narrow it; `in_sentences` says whether the words count in names of test functions.
    """

    words: str
    now: str
    how: str = "part"
    kinds: str = ""
    only_in: str = ""
    in_sentences: bool = True


RETIRED = (
    Retired("ring rings ringing rung doorbell doorbells", "enqueue_on_commit"),
    Retired("wall walls", "isolation boundary"),
    Retired("gate gates", "egress gateway"),
    Retired("knock knocks knocked doorstep", "hit, RateLimitResult"),
    Retired("note_suspect", "record_abuse_signal"),
    Retired("guardian leash leashed", "supervisor, managed process"),
    Retired("nursery newborn newborns strike strikes", "fork server, child, signal"),
    Retired("lane lanes", "parallel jobs"),
    Retired("shelf shelves", "backup store"),
    Retired("heads", "chain heads"),
    Retired("stage staged stages world worlds", "environment, dataset"),
    Retired("course courses tally tallies calm storm storms", "run, counter"),
    Retired("Red", "FirstFailure", how="class"),
    Retired("double doubles", "fake server"),
    Retired("trail trails", "audit trail (tenants/audit)"),
    Retired("act acts", "audit event, action", in_sentences=False),
    Retired("said_of", "label"),
    Retired("cockpit", "overview"),
    Retired("settle settled settles settling", "provision"),
    Retired("look looks looked", "collect, search", in_sentences=False),
    Retired("furnish furnished furniture", "seed_tenant, TenantSeed"),
    Retired("space spaces", "tenant"),
    Retired("light lights", "sync health, HealthStatus"),
    Retired("letter letters", "message, e-mail"),
    Retired("tell tells told telling", "notify, notified"),
    Retired("notice notices", "message, e-mail"),
    Retired("beginning beginnings", "presets"),
    Retired("leftover leftovers", "cleanup"),
    Retired("efface effaced effaces effacing", "delete event"),
    Retired("leaving", "disconnect", in_sentences=False),
    Retired("goodbye", "disconnect"),
    Retired("Dead", "GrantRevoked", how="class"),
    Retired("Held", "AccountLease", how="class"),
    Retired("hold", "AccountLease", how="whole", kinds="function method", only_in="google"),
    Retired("want wants", "schedule_push", how="whole"),
    Retired("ask", "create_task", how="whole"),
    Retired("done", "complete_task", how="whole", kinds="function method"),
    Retired("let_go", "release_event"),
    Retired("outlive outlives", "detach_events", in_sentences=False),
    Retired("tick ticking", "complete", in_sentences=False),
    Retired("giver givers", "ConsentOwner"),
    Retired("standing", "CalendarSyncState", in_sentences=False),
    Retired("choice", "SlotSelection", how="whole", kinds="module class function method"),
    Retired("placed", "ResolvedSlot", how="whole"),
    Retired("place", "resolve", how="whole", kinds="function method"),
    Retired("over is_extra", "overbook, is_overbooked", how="whole"),
    Retired("extra", "is_overbooked", how="whole", only_in="booking|dashboard"),
    Retired("vacancy vacancies", "Availability"),
    Retired("Question", "AvailabilityQuery", how="class"),
    Retired("explained", "delivery outcomes", in_sentences=False),
    Retired("outside", "external calendar", how="whole"),
    Retired("motif motifs", "appointment_type"),
    Retired("held who said one wanted", "the name of the type", how="whole"),
    Retired("cleanse cleansed purge purges purged purging", "expire"),
    Retired("clean", "delete, expire", in_sentences=False),
    Retired("prune prunes pruned pruning", "expire (prune only for the audit trail)"),
    Retired("tidy tidied tidying", "expire, delete"),
    Retired("forget forgets forgotten", "delete, erase"),
    Retired("drop drops dropped", "delete"),
)


@dataclass(frozen=True)
class Homonym:
    """Names in which a retired word means something else: patterns of the name, of the kind and of the path."""

    words: str
    reason: str
    name: str = ""
    kind: str = ""
    path: str = ""


HOMONYMS = (
    Homonym(
        "clean", "forms and django-axes call methods of these names", r"^(full_)?clean", "method"
    ),
    Homonym("trail trails", "the term of the field", r"audit_trails?"),
    Homonym("heads", "the term for the last hash of each chain", r"chain_heads"),
    Homonym("prune prunes pruned pruning", "the verb for the audit trail", r"audit|trail"),
    Homonym("prune prunes pruned pruning", "the verb for the audit trail", path=r"audit|trail"),
    Homonym("drop drops dropped", "PostgreSQL's verb", r"database|schema|role|index|constraint"),
    Homonym("wall walls", "the time that a clock on the wall shows", r"wall_(clock|time)"),
    Homonym("double doubles", "a pointer's double click", r"double_clicks?"),
    Homonym("double doubles", "two bookings of one slot", r"double_book"),
    Homonym("lane lanes", "a column of the week (docs/ui.md)", path=r"grid|week|agenda"),
    Homonym(
        "motif", "the name of a GET parameter, which is French", path=r"booking/_filters\.html"
    ),
    Homonym("notice notices", "the privacy notice and the legal notice", r"(privacy|legal)_notice"),
    Homonym("notice notices", "the privacy notice", path=r"privacy_notice"),
    Homonym("notice notices", "the version of the privacy notice", r"notice_version"),
    Homonym("notice notices", "how long before a visit it may be booked", r"min_notice"),
    Homonym(
        "held",
        "the status of a row that holds a slot",
        r"^held$",
        "variable",
        r"models/appointment\.py",
    ),
    Homonym("letter letters", "of the alphabet", path=r"professions|writing|persons|formats"),
    Homonym("space spaces", "a character", path=r"writing\.py|test_wording|placeholders"),
    Homonym("light lights", "a shade of a colour", path=r"colours\.py"),
    Homonym("look", "to look up a value", r"look_up"),
    Homonym("ask", "Caddy's name for the question whether a host is served", path=r"config/health"),
    Homonym("tick", "the period of a timer", r"tick_seconds"),
    Homonym(
        "drop drops dropped",
        "a terminal state (docs/glossary.md: delivery outcome)",
        r"^dropped$",
        "variable",
        r"^tenants/outbox/models\.py",
    ),
    Homonym(
        "drop drops dropped",
        "a connection that is cut",
        path=r"tests/(fakes/google/(control|faults|handler|watch)|proofs/wire)",
    ),
)

_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@cache
def snake(name: str) -> str:
    """Return the parts of a name in lower case, joined by underscores: `LetGo` and `_let_go` are `let_go`."""
    return "_".join(part.lower() for part in _PARTS.findall(name))


@dataclass(frozen=True)
class Name:
    """A name at the place that binds or mentions it; the path is relative to the tree."""

    kind: str
    text: str
    path: str
    line: int = 1


class Vocabulary:
    """Finds retired words in names."""

    def __init__(
        self, retired: Sequence[Retired] = RETIRED, homonyms: Sequence[Homonym] = HOMONYMS
    ) -> None:
        """Compile the table once: one pattern for all words that may stand anywhere in a name."""
        self._rules = {word: rule for rule in retired for word in rule.words.split()}
        anywhere = [word for word, rule in self._rules.items() if rule.how == "part"]
        self._anywhere = re.compile(rf"(?<=_)({'|'.join(anywhere) or '(?!)'})(?=_)")
        self._homonyms: dict[str, list[Homonym]] = defaultdict(list)
        for homonym in homonyms:
            for word in homonym.words.split():
                self._homonyms[word].append(homonym)

    def now(self, word: str) -> str:
        """Return what a retired word is called now."""
        return self._rules[word].now

    def words_in(self, name: Name) -> list[str]:
        """Return the retired words that a name holds, each once."""
        text = snake(name.text)
        found = set(self._anywhere.findall(f"_{text}_"))
        whole = text.removeprefix("test_") if name.kind == "module" else text
        exact = name.text.lstrip("_") if name.kind == "class" else ""
        for word, how in ((whole, "whole"), (exact, "class")):
            if word in self._rules and self._rules[word].how == how:
                found.add(word)
        return sorted(word for word in found if self._counts(word, name, text))

    def _counts(self, word: str, name: Name, text: str) -> bool:
        rule = self._rules[word]
        if name.kind == "test" and not (rule.in_sentences and rule.how == "part"):
            return False
        if rule.kinds and name.kind not in rule.kinds.split():
            return False
        if rule.only_in and not re.search(rule.only_in, name.path):
            return False
        return not any(_is_homonym(homonym, name, text) for homonym in self._homonyms[word])


def _is_homonym(homonym: Homonym, name: Name, text: str) -> bool:
    return (
        bool(re.search(homonym.name, text))
        and homonym.kind in ("", name.kind)
        and bool(re.search(homonym.path, name.path))
    )


# --- A source tree ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """A Python file, parsed; the path is relative to the tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def is_test(self) -> bool:
        """Whether it belongs to the tests."""
        return self.path.startswith("tests/")


class Tree:
    """A checkout, read once. Python that does not parse raises SyntaxError."""

    def __init__(self, root: Path) -> None:
        """List the files, without migrations and folders that begin with a dot."""
        self.root = root
        self.files = sorted(_files(root))

    @cached_property
    def sources(self) -> list[Source]:
        """Every Python file."""
        found = []
        for path in self.files:
            if path.endswith(".py"):
                text = self.read(path)
                found.append(Source(path, text, ast.parse(text, path)))
        return found

    @cached_property
    def templates(self) -> list[str]:
        """Every file below `templates/`."""
        return [path for path in self.files if path.startswith("templates/")]

    def read(self, path: str) -> str:
        """Return the text of a file; bytes that are no UTF-8 are replaced."""
        return (self.root / path).read_text("utf-8", "replace")

    @property
    def product(self) -> list[Source]:
        """The Python files outside tests."""
        return [source for source in self.sources if not source.is_test]


def _files(root: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not _is_left_out(name)]
        for name in names:
            yield Path(folder, name).relative_to(root).as_posix()


def _is_left_out(folder: str) -> bool:
    return folder.startswith(".") or folder in {"__pycache__", "migrations"}


# --- Names ------------------------------------------------------------------------------------------------


def names_of(tree: Tree) -> Iterator[Name]:
    """Return each name that Python files bind and templates mention."""
    folders = {part for source in tree.sources for part in _folders(source.path)}
    yield from (Name("module", folder.rpartition("/")[2], folder) for folder in sorted(folders))
    for source in tree.sources:
        if not source.path.endswith("__init__.py"):
            yield Name("module", Path(source.path).stem, source.path)
        yield from names_in_python(source.tree, source.path)
    folders = {part for path in tree.templates for part in _folders(path)}
    yield from (Name("template", folder.rpartition("/")[2], folder) for folder in sorted(folders))
    for path in tree.templates:
        yield Name("template", Path(path).stem, path)
        yield from names_in_template(tree.read(path), path)


def _folders(path: str) -> Iterator[str]:
    parts = path.split("/")[:-1]
    return ("/".join(parts[: end + 1]) for end in range(len(parts)))


def names_in_python(tree: ast.Module, path: str) -> Iterator[Name]:
    """Return the names that a module binds: classes, functions, parameters, variables and attributes."""
    nodes: deque[tuple[ast.AST, bool]] = deque([(tree, False)])
    while nodes:
        node, is_in_class = nodes.popleft()
        is_class = isinstance(node, ast.ClassDef)
        nodes.extend((child, is_class) for child in ast.iter_child_nodes(node))
        found = _bound(node, is_method=is_in_class) if isinstance(node, _BINDING) else None
        if found is not None:
            kind, text = found
            yield Name(kind, text, path, getattr(node, "lineno", 1))


_BINDING = (
    ast.ClassDef
    | ast.FunctionDef
    | ast.AsyncFunctionDef
    | ast.arg
    | ast.Name
    | ast.Attribute
    | ast.alias
    | ast.ExceptHandler
    | ast.MatchAs
    | ast.MatchStar
)


def _bound(node: ast.AST, *, is_method: bool) -> tuple[str, str] | None:
    bound: tuple[str, str] | None = None
    match node:
        case ast.ClassDef(name=text):
            bound = "class", text
        case ast.FunctionDef(name=text) | ast.AsyncFunctionDef(name=text):
            kind = "test" if text.startswith("test_") else "method" if is_method else "function"
            bound = kind, text
        case ast.arg(arg=text):
            bound = "parameter", text
        case ast.Name(id=text, ctx=ast.Store()) | ast.Attribute(attr=text, ctx=ast.Store()):
            bound = "variable", text
        case ast.alias(asname=str(text)) | ast.ExceptHandler(name=str(text)):
            bound = "variable", text
        case ast.MatchAs(name=str(text)) | ast.MatchStar(name=str(text)):
            bound = "variable", text
    return bound


_COMMENT = re.compile(r"\{#.*?#\}|\{%\s*comment\b.*?\{%\s*endcomment\s*%\}", re.DOTALL)
_TAG = re.compile(r"\{\{(?P<value>.*?)\}\}|\{%\s*\w+(?P<tag>.*?)%\}", re.DOTALL)
_STRING = re.compile(r"\"[^\"]*\"|'[^']*'")
_FIELD = re.compile(r"\bname=\"([A-Za-z_][\w-]*)\"")


def names_in_template(text: str, path: str) -> Iterator[Name]:
    """Return the identifiers of a template's tags (without strings) and the names of its form fields."""
    text = _COMMENT.sub(lambda found: "\n" * found[0].count("\n"), text)
    for found in _TAG.finditer(text):
        code = _STRING.sub(" ", found["value"] or found["tag"] or "")
        line = text.count("\n", 0, found.start()) + 1
        for word in re.findall(r"[A-Za-z_]\w*", code):
            yield Name("template variable", word, path, line)
    for found in _FIELD.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Name("field name", found[1], path, line)


def retired_names(tree: Tree) -> list[tuple[str, Name]]:
    """Return each retired word with the name that holds it, in the order of the tree."""
    vocabulary = Vocabulary()
    return [(word, name) for name in names_of(tree) for word in vocabulary.words_in(name)]


# --- Imports -----------------------------------------------------------------------------------------------


Graph = Mapping[str, set[str]]


def import_graph(sources: Iterable[Source]) -> dict[str, set[str]]:
    """Return for each module, by its dotted name, the modules of the same tree that it imports anywhere."""
    modules = {module_name(source.path): source for source in sources}
    return {name: set(_imports(source.tree, modules)) for name, source in modules.items()}


def module_name(path: str) -> str:
    """Return the dotted name of a module; that of the package for an `__init__.py`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _imports(tree: ast.Module, modules: Mapping[str, object]) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in modules)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in modules:
                    yield inner
                elif node.module in modules:
                    yield node.module


def reachable(graph: Graph, start: str, is_followed: Callable[[str], bool]) -> set[str]:
    """Return the modules that one imports, itself included, directly or not."""
    seen = {start}
    waiting = [start]
    while waiting:
        for name in graph.get(waiting.pop(), ()):
            if name not in seen and is_followed(name):
                seen.add(name)
                waiting.append(name)
    return seen


def shortest_path(graph: Graph, starts: Iterable[str], end: str) -> list[str]:
    """Return the modules on a shortest import path, both ends included; nothing when there is none."""
    paths = deque([start] for start in sorted(starts))
    seen = set()
    while paths:
        path = paths.popleft()
        if path[-1] == end:
            return path
        if path[-1] not in seen:
            seen.add(path[-1])
            paths.extend([*path, name] for name in sorted(graph.get(path[-1], ())))
    return []


def form_to_google(tree: Tree) -> set[str]:
    """Return the modules from the patient's form to the Google event (see the docstring of this module)."""
    graph = import_graph(tree.product)
    views = [module_name(path) for path in FORM_VIEWS if path in tree.files]
    if not views:
        return set()
    clients = [
        module_name(source.path)
        for source in tree.product
        if re.search(r"^from googleapiclient|^import googleapiclient", source.text, re.MULTILINE)
    ]
    handlers = {name for name in graph.get("booking.apps", ()) if "google" in name}
    paths = [shortest_path(graph, handlers, client) for client in clients]
    return reachable(graph, views[0], _is_on_the_path) | {name for path in paths for name in path}


def _is_on_the_path(name: str) -> bool:
    parts = name.split(".")
    return parts[0] not in {"tenants", "config"} and not {"models", "actors", "tasks"} & set(parts)


# --- Figures --------------------------------------------------------------------------------------------------


def booking_figures(paths: Iterable[str]) -> dict[str, int]:
    """Return how many modules and packages `booking/` has."""
    files = [path for path in paths if path.startswith("booking/") and path.endswith(".py")]
    modules = [path for path in files if not path.endswith("__init__.py")]
    return {
        "booking_loose_modules": sum(path.count("/") == 1 for path in modules),
        "booking_files": len(modules),
        "booking_packages": len({path.rpartition("/")[0] for path in files} - {"booking"}),
    }


def feature_folders(paths: Iterable[str], pattern: str) -> set[str]:
    """Return the folders with Python files of a feature, without tests and templates."""
    return {
        path.rpartition("/")[0]
        for path in paths
        if path.endswith(".py")
        and not path.startswith(("tests/", "templates/"))
        and re.search(pattern, path)
    }


def shared_class_names(sources: Iterable[Source]) -> dict[str, list[str]]:
    """Return the public class names that are defined at least twice, with the paths that define them."""
    places: dict[str, list[str]] = defaultdict(list)
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(source.path)
    return {
        name: paths
        for name, paths in sorted(places.items())
        if len(paths) > 1 and name not in DJANGO_CLASSES
    }


def noqa_density(texts: Iterable[str]) -> float:
    """Return the number of noqa comments for 1,000 lines, to two decimals."""
    lines = [line for text in texts for line in text.splitlines()]
    silenced = sum(bool(re.search(r"#\s*noqa\b", line)) for line in lines)
    return round(1000 * silenced / max(len(lines), 1), 2)


def percentile(values: Iterable[int], share: float) -> int:
    """Return the smallest value that a share of all values does not exceed; 0 for no values."""
    ordered = sorted(values)
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else 0


def function_lengths(sources: Iterable[Source]) -> list[int]:
    """Return the length of each function in lines, from `def` to its last line."""
    return [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for source in sources
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]


def cited_requirements(tree: Tree) -> set[str]:
    """Return the requirement identifiers that files other than their list cite."""
    return {
        identifier
        for path in tree.files
        if Path(path).suffix in CITING and path != "docs/requirements.md"
        for identifier in REQUIREMENT.findall(tree.read(path))
    }


def known_requirements(tree: Tree) -> set[str]:
    """Return the identifiers that begin a line of the list of requirements."""
    path = "docs/requirements.md"
    return set(DEFINED.findall(tree.read(path))) if path in tree.files else set()


def figures(tree: Tree) -> dict[str, float]:
    """Return every figure by name, in the order in which they are printed."""
    retired = retired_names(tree)
    plain = [name for _word, name in retired if name.kind != "test"]
    sentences = [name for _word, name in retired if name.kind == "test"]
    cited = cited_requirements(tree)
    return {
        **booking_figures(tree.files),
        **{
            f"folders_of_{feature}": len(feature_folders(tree.files, pattern))
            for feature, pattern in FEATURES.items()
        },
        "class_names_shared": len(shared_class_names(tree.product)),
        "noqa_per_1000_lines": noqa_density(source.text for source in tree.product),
        "noqa_per_1000_lines_with_tests": noqa_density(source.text for source in tree.sources),
        "template_lines_over_120": sum(
            len(line) > 120 for path in tree.templates for line in tree.read(path).splitlines()
        ),
        "retired_names": len({(name.kind, name.text) for name in plain}),
        "retired_places": len({(name.kind, name.text, name.path, name.line) for name in plain}),
        "retired_test_names": len({(name.text, name.path) for name in sentences}),
        "requirements_cited": len(cited),
        "requirements_unresolved": len(cited - known_requirements(tree)),
        "files_from_form_to_google": len(form_to_google(tree)),
        "function_lines_p95": percentile(function_lengths(tree.product), 0.95),
    }


# --- Output -----------------------------------------------------------------------------------------------------


def name_lines(tree: Tree) -> Iterator[str]:
    """Return the shared class names, then the retired names: word, kind, name, places, the first of them."""
    for name, paths in shared_class_names(tree.product).items():
        yield f"class {name}: {', '.join(paths)}"
    places: dict[tuple[str, str, str], list[Name]] = defaultdict(list)
    for word, found in retired_names(tree):
        places[word, found.kind, found.text].append(found)
    for (word, kind, text), found_at in sorted(places.items()):
        first = found_at[0]
        yield f"retired {word}: {kind} {text} {len(found_at)} {first.path}:{first.line}"


def word_lines(tree: Tree) -> Iterator[str]:
    """Return for each retired word its names and places, outside and in names of test functions."""
    names: dict[str, set[tuple[str, str]]] = defaultdict(set)
    places: Counter[str] = Counter()
    sentences: Counter[str] = Counter()
    for word, found in retired_names(tree):
        if found.kind == "test":
            sentences[word] += 1
        else:
            names[word].add((found.kind, found.text))
            places[word] += 1
    for word in sorted(set(places) | set(sentences), key=lambda word: (-places[word], word)):
        yield f"{word} names={len(names[word])} places={places[word]} test_names={sentences[word]}"


def main(arguments: Sequence[str]) -> int:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description="Prints the figures of a source tree.")
    parser.add_argument("root", nargs="?", default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--against", help="another tree, for a second column")
    parser.add_argument("--names", action="store_true", help="list the names behind the figures")
    parser.add_argument("--words", action="store_true", help="count the retired words one by one")
    asked = parser.parse_args(arguments)
    tree = Tree(Path(asked.root))
    other = figures(Tree(Path(asked.against))) if asked.against else {}
    for name, value in figures(tree).items():
        print(f"{name} {value:g}" + (f" {other[name]:g}" if other else ""))
    for lines in [name_lines] * asked.names + [word_lines] * asked.words:
        print("\n".join(lines(tree)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
