"""Where a dotted name is defined, read from source without importing anything.

A config is checked before any work, so the check may not pay for importing torch or
scikit-learn. Python's grammar is enough: find the file, follow re-exports, read the class.
"""

from __future__ import annotations

import ast
import copy
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


class NotFoundError(LookupError):
    """The name certainly does not exist, or its module is not Python.

    `names` holds what stands in its place.
    """

    def __init__(self, message: str, names: list[str] | None = None, package: str | None = None):
        super().__init__(message)
        self.names = names or []
        self.package = package  # set when the whole package is not installed


@dataclass(frozen=True)
class Module:
    """A module by its dotted name; path : its file, of a package `__init__.py`, there or not."""

    name: str
    path: Path
    is_package: bool

    def child(self, name: str) -> Module | None:
        """The module or package of this name inside the package; None where there is none."""
        folder = self.path.parent
        if self.is_package and (path := folder / name / "__init__.py").is_file():
            return Module(f"{self.name}.{name}", path, True)
        if self.is_package and (path := folder / f"{name}.py").is_file():
            return Module(f"{self.name}.{name}", path, False)
        if self.is_package and (folder / name).is_dir():
            return Module(f"{self.name}.{name}", folder / name / "__init__.py", True)
        return None


Node = ast.ClassDef | FunctionNode
Resolved = tuple[Module, Node]


def resolve(target: str) -> tuple[Module, Node, bool] | None:
    """Where `target` is defined, its node, and whether it is a member of a class.

    None where source alone does not tell.

    Raises
    ------
    NotFoundError
        When the package, the module or the name does not exist.
    """
    top, *parts = target.split(".")
    module = _top(top)
    if module is None:
        return None
    while parts and (child := module.child(parts[0])):
        module, parts = child, parts[1:]
    if not parts:
        raise NotFoundError(f"'{target}' is a module, not a class or function", _names(module))
    member = _lookup(module, parts[0], set())
    if member is None:
        return None
    owner, node = member
    for attribute in parts[1:]:
        if not isinstance(node, ast.ClassDef):
            return None
        member = member_of(owner, node, attribute)
        if member is None:
            return None
        owner, node = member
    return owner, node, len(parts) > 1


def _lookup(module: Module, name: str, seen: set[tuple[str, str]]) -> Resolved | None:
    """Where `name` is defined, following imports; None where source does not tell."""
    if (module.name, name) in seen:
        return None
    seen.add((module.name, name))
    open_ended = False  # a construct that may define any name
    for node in reversed(list(_statements(_tree(module.path).body))):
        if isinstance(node, Node):
            if node.name == name:
                return module, node
            open_ended |= node.name == "__getattr__"
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.name == "*":
                    open_ended = True
                elif (alias.asname or alias.name) == name:
                    source = _source(module, node)
                    return _lookup(source, alias.name, seen) if source else None
        elif isinstance(node, ast.Import):
            if any((a.asname or a.name.partition(".")[0]) == name for a in node.names):
                return None
        elif isinstance(node, ast.Assign):
            for assigned in node.targets:
                if isinstance(assigned, ast.Name) and assigned.id == name:
                    alias_of = node.value
                    if isinstance(alias_of, ast.Name):
                        return _lookup(module, alias_of.id, seen)
                    return None
                open_ended |= not isinstance(assigned, ast.Name)
    if open_ended:
        return None
    raise NotFoundError(f"'{module.name}' has no '{name}'", _names(module))


def member_of(module: Module, node: ast.ClassDef, name: str) -> Resolved | None:
    """A method or class inside a class, its own or inherited; None where that cannot be known."""
    for statement in node.body:
        if isinstance(statement, Node) and statement.name == name:
            return module, statement
    for base in bases_of(module, node):
        if base is None or not isinstance(base[1], ast.ClassDef):
            return None
        if inherited := member_of(base[0], base[1], name):
            return inherited
    return None


def bases_of(module: Module, node: ast.ClassDef) -> Iterator[Resolved | None]:
    """The bases of a class, None for each that cannot be resolved without an import."""
    for base in node.bases:
        if isinstance(base, ast.Name):
            if base.id == "object":
                continue
            try:
                yield _lookup(module, base.id, set())
            except NotFoundError:
                yield None
        elif isinstance(base, ast.Subscript) and ast.unparse(base.value) in ("Generic", "Protocol"):
            continue
        else:
            yield None


def class_body(module: Module, node: ast.ClassDef) -> Iterator[ast.stmt]:
    """The statements of a class, and of those that it extends."""
    yield from node.body
    for base in bases_of(module, node):
        if base is not None and isinstance(base[1], ast.ClassDef):
            yield from class_body(base[0], base[1])


def spelled_out(module: Module, annotation: ast.expr | None) -> ast.expr | None:
    """An annotation, with `Literal[...]` in the place of names that stand for one."""
    return annotation and _SpelledOut(module).visit(copy.deepcopy(annotation))  # type: ignore[no-any-return]


class _SpelledOut(ast.NodeTransformer):
    def __init__(self, module: Module) -> None:
        self._module = module

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return _literal(self._module, node.id) or node


def _literal(module: Module, name: str, follow: bool = True) -> ast.expr | None:
    """The `Literal[...]` that a name stands for, in this module or where it imports it from.

    Only from its own package: what others define, such as typing, is long to read.
    """
    package = module.name.partition(".")[0]
    for node in _statements(_tree(module.path).body):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
            is_named = any(isinstance(t, ast.Name) and t.id == name for t in node.targets)
            if is_named and ast.unparse(node.value.value).endswith("Literal"):
                return node.value
        elif isinstance(node, ast.ImportFrom) and follow:
            imported = [a.name for a in node.names if (a.asname or a.name) == name]
            is_ours = node.level or str(node.module).partition(".")[0] == package
            source = _source(module, node) if imported and is_ours else None
            if source:
                return _literal(source, imported[0], follow=False)
    return None


def _source(module: Module, node: ast.ImportFrom) -> Module | None:
    parts = module.name.split(".")
    if node.level:
        keep = len(parts) - node.level + module.is_package
        name = ".".join(parts[:keep] + (node.module or "").split("."))
    else:
        name = node.module or ""
    top, *rest = name.strip(".").split(".")
    try:
        target = _top(top)
    except NotFoundError:
        return None
    for part in rest:
        target = target.child(part) if target else None
    return target


def _top(name: str) -> Module | None:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        raise NotFoundError(f"there is no package '{name}' here", package=name)
    folders = list(spec.submodule_search_locations or ())
    if spec.origin is None and len(folders) == 1:
        return Module(name, Path(folders[0], "__init__.py"), True)
    if spec.origin is None or not spec.origin.endswith(".py"):
        return None  # built in, compiled, or a package in several folders
    path = Path(spec.origin)
    return Module(name, path, path.name == "__init__.py")


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Top-level statements, those under `if` and `try` included."""
    for node in body:
        yield node
        for block in ("body", "orelse", "finalbody"):
            if isinstance(node, ast.If | ast.Try):
                yield from _statements(getattr(node, block, []))
        for handler in getattr(node, "handlers", []):
            yield from _statements(handler.body)


def _names(module: Module) -> list[str]:
    """Public classes and functions of a module, re-exports included."""
    names = []
    for node in _statements(_tree(module.path).body):
        if isinstance(node, Node):
            names.append(node.name)
        elif isinstance(node, ast.ImportFrom) and module.is_package:
            names += [alias.asname or alias.name for alias in node.names]
    return [name for name in names if not name.startswith("_")]


def _tree(path: Path) -> ast.Module:
    return _parsed(path, path.read_bytes() if path.is_file() else b"")


@lru_cache(maxsize=256)  # by content: a notebook edits a module between two runs
def _parsed(path: Path, content: bytes) -> ast.Module:
    try:
        return ast.parse(content)
    except SyntaxError as error:
        message = f"{path}, line {error.lineno}, is not Python: {error.msg}"
        raise NotFoundError(message) from error
