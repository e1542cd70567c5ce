"""What arguments a dotted name takes, and what it is, read from source."""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace

from runner.config.source import (
    FunctionNode,
    Module,
    bases_of,
    class_body,
    member_of,
    resolve,
    spelled_out,
)


@dataclass(frozen=True)
class Parameter:
    name: str
    annotation: ast.expr | None
    required: bool


@dataclass(frozen=True)
class Signature:
    """module: where the object is really defined; takes_any: it accepts `**kwargs`."""

    module: str
    parameters: dict[str, Parameter]
    takes_any: bool


def signature(target: str) -> Signature | None:
    """Signature of the class or function `target`; None where source alone does not tell.

    Raises
    ------
    NotFoundError
        When the package, the module or the name does not exist.
    """
    resolved = resolve(target)
    if resolved is None:
        return None
    owner, node, is_method = resolved
    if isinstance(node, ast.ClassDef):
        return _class_signature(owner, node)
    is_bound = is_method and not _decorated(node, "staticmethod")
    return _function_signature(owner, node, skip_first=is_bound)


@dataclass(frozen=True)
class Definition:
    """Where a name is defined, and as what.

    module : where it is really defined; methods : a class's, inherited ones included where the
    source of the base tells; attributes : names that its body assigns, the same; arguments : a
    function's positional ones
    """

    module: str
    name: str
    is_class: bool
    methods: frozenset[str] = frozenset()
    attributes: frozenset[str] = frozenset()
    arguments: tuple[str, ...] = ()


def definition(target: str) -> Definition | None:
    """The class or function at the top of a module that `target` names; None for anything else,
    and where source alone does not tell.

    Raises
    ------
    NotFoundError
        When the package, the module or the name does not exist.
    """
    resolved = resolve(target)
    if resolved is None or resolved[2]:
        return None
    owner, node, _ = resolved
    if isinstance(node, ast.ClassDef):
        body = list(class_body(owner, node))
        methods = frozenset(item.name for item in body if isinstance(item, FunctionNode))
        assigned = (item.targets for item in body if isinstance(item, ast.Assign))
        attributes = frozenset(t.id for ts in assigned for t in ts if isinstance(t, ast.Name))
        return Definition(owner.name, node.name, True, methods, attributes)
    names = [argument.arg for argument in node.args.posonlyargs + node.args.args]
    return Definition(owner.name, node.name, False, arguments=tuple(names))


def _class_signature(module: Module, node: ast.ClassDef) -> Signature | None:
    if _decorated(node, "dataclass"):
        return _dataclass_signature(module, node)
    init = member_of(module, node, "__init__")
    if init is not None and isinstance(init[1], FunctionNode):
        found = _function_signature(init[0], init[1], skip_first=True)
        return replace(found, module=module.name)
    certain = all(base is not None for base in bases_of(module, node)) and not node.keywords
    return Signature(module.name, {}, takes_any=False) if certain else None


def _dataclass_signature(module: Module, node: ast.ClassDef) -> Signature | None:
    """The fields of a dataclass, those of the dataclasses that it extends included."""
    fields: dict[str, Parameter] = {}
    for base in reversed(list(bases_of(module, node))):
        if base is None or not isinstance(base[1], ast.ClassDef):
            return None
        if _decorated(base[1], "dataclass"):
            inherited = _dataclass_signature(base[0], base[1])
            if inherited is None:
                return None
            fields |= inherited.parameters
    fields |= {
        item.target.id: Parameter(
            item.target.id, spelled_out(module, item.annotation), item.value is None
        )
        for item in node.body
        if isinstance(item, ast.AnnAssign)
        and isinstance(item.target, ast.Name)
        and "ClassVar" not in ast.unparse(item.annotation)
    }
    return Signature(module.name, fields, takes_any=False)


def _function_signature(
    module: Module, node: ast.FunctionDef | ast.AsyncFunctionDef, *, skip_first: bool
) -> Signature:
    arguments = node.args
    positional = arguments.posonlyargs + arguments.args
    n_required = len(positional) - len(arguments.defaults)
    parameters = {
        argument.arg: Parameter(
            argument.arg, spelled_out(module, argument.annotation), index < n_required
        )
        for index, argument in enumerate(positional)
    }
    if skip_first and positional:
        del parameters[positional[0].arg]
    for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        annotation = spelled_out(module, argument.annotation)
        parameters[argument.arg] = Parameter(argument.arg, annotation, default is None)
    return Signature(module.name, parameters, takes_any=arguments.kwarg is not None)


def _decorated(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef, name: str) -> bool:
    return any(name in ast.unparse(decorator) for decorator in node.decorator_list)
