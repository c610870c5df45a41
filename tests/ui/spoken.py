"""What the source says to people: its `texts`, what errors say (`said`), where one is `spelled`."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from graph import LongthreadError

ROOT = Path(__file__).parents[2]


def _template(node: ast.AST) -> str | None:
    """A text of the source, with {} for each value of an f-string."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


@cache
def trees() -> dict[str, ast.Module]:
    """The files of `graph` and `ui`, by their paths."""
    files = [path for room in ("graph", "ui") for path in sorted((ROOT / room).rglob("*.py"))]
    return {str(path.relative_to(ROOT)): ast.parse(path.read_text(encoding="utf-8")) for path in files}


@cache
def _kinds() -> set[str]:
    """The names of our errors."""
    kinds, found = [LongthreadError], set[str]()
    while kinds:
        kind = kinds.pop()
        found.add(kind.__name__)
        kinds += kind.__subclasses__()
    return found


def _unread(tree: ast.Module) -> Iterator[ast.AST]:
    """What no person reads: docstrings, parts of an f-string, what is logged."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            yield from node.values
        elif isinstance(node, ast.Call) and ast.unparse(node.func).startswith("log."):
            yield from node.args


def texts(tree: ast.Module) -> Iterator[str]:
    """Every text of a file that somebody may read."""
    unread = {id(node) for node in _unread(tree)}
    yield from filter(None, (_template(node) for node in ast.walk(tree) if id(node) not in unread))


def said(file: str, tree: ast.Module) -> Iterator[str]:
    """What the errors of a file say: what they are made with, and whatever ends like a sentence."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in _kinds():
            yield from filter(None, map(_template, node.args))
    if file.startswith("graph/"):
        yield from (text for text in texts(tree) if " " in text and text.endswith((".", "?")))


def spelled(tree: ast.Module) -> Iterator[int]:
    """The lines in which an error that was caught is put into words as it is."""
    for handler in ast.walk(tree):
        if isinstance(handler, ast.ExceptHandler) and handler.name:
            for node in ast.walk(handler):
                if isinstance(node, ast.Call | ast.FormattedValue):
                    taken = node.value if isinstance(node, ast.FormattedValue) else node
                    if ast.unparse(taken) in (handler.name, f"str({handler.name})"):
                        yield node.lineno
