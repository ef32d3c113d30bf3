"""Reads settings: strict YAML, `key=value` changes, and error messages that name the key."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from components.contracts.process.errors import UsageError
from components.contracts.process.kept_output import without_secrets
from components.contracts.recipe.base import Settings

S = TypeVar("S", bound=Settings)

_INT, _FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_REPLACED = (_INT, _FLOAT, "tag:yaml.org,2002:timestamp")
# Where pydantic speaks of Python's types; the settings are YAML.
_EXPECTED = {
    "tuple_type": "expected a list, such as [1, 2]",
    "list_type": "expected a list, such as [1, 2]",
    "dict_type": "expected keys and values",
    "model_type": "expected keys and values",
    "int_type": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "string_type": "expected a text",
    "bool_type": "expected true or false",
    "none_required": "expected null",
    "finite_number": "expected a finite number",
}

_PHRASES = (
    ("Input should be less", "expected a number less"),
    ("Input should be greater", "expected a number greater"),
    ("Input should be", "expected"),
    ("String should match pattern", "expected a text that matches"),
    ("String should have", "expected a text with"),
)


class _Repr(reprlib.Repr):
    """Quotes values, without the account of an address: it may be a mistyped one with a password."""

    def repr_str(self, x: str, level: int) -> str:
        """Return a text in quotes."""
        return super().repr_str(without_secrets(x, ()), level)


# YAML's aliases can make a value that a few lines describe and no memory can print.
_SHORT = _Repr()
_SHORT.maxlevel, _SHORT.maxdict, _SHORT.maxlist = 4, 8, 8
_LONGEST = 500
_SHORT.maxstring = _SHORT.maxlong = _SHORT.maxother = 200


class _Loader(yaml.SafeLoader):
    """Safe YAML that rejects duplicate keys, and reads numbers as YAML 1.2 does.

    PyYAML follows YAML 1.1, for which 010 is 8, 12:30 is 750, 2024-05-01 is a date, and 1e-3 is a text.
    """

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen and key_node.tag != "tag:yaml.org,2002:merge":
                raise yaml.constructor.ConstructorError(
                    None, None, f"duplicate key {key}", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)

    def whole_number(self, node: yaml.ScalarNode) -> int:
        """Read 12, 0o14 or 0xc."""
        text = node.value
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if tag not in _REPLACED]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    _INT, re.compile(r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$"), list("-+0123456789")
)
_Loader.add_implicit_resolver(
    _FLOAT,
    re.compile(
        r"^(?:[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
    list("-+.0123456789"),
)
_Loader.add_constructor(_INT, _Loader.whole_number)


def parse(text: str, where: str) -> Any:
    """Parse YAML; raise a UsageError that begins with `where` if it is not valid."""
    try:
        return yaml.load(text, _Loader)  # noqa: S506, a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: no such date
        raise UsageError(without_secrets(f"{where} is not valid YAML: {error}.", ())) from error


def read(path: Path) -> dict[str, Any]:
    """Read a YAML file of keys and values; an empty file has none.

    Raises:
      UsageError: the file cannot be read, or holds something else.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"Cannot read the settings in {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not a text file in UTF-8: {error}.") from error
    values = parse(text, str(path))
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UsageError(f"{path} must hold keys and values, but holds a {type(values).__name__}.")
    return values


def change(values: dict[str, Any], wanted: str) -> None:
    """Apply one "dotted.key=value", with the value in YAML, to nested settings.

    Raises:
      UsageError: it does not have this form. `validate` checks whether the key exists.
    """
    key, equals, text = wanted.partition("=")
    if not equals or not key:
        shown = without_secrets(wanted, ())
        raise UsageError(f"--set {shown!r} is not key=value, such as query.query_size=4.")
    value = parse(text, f"--set {wanted}")
    *parents, last = key.split(".")
    for parent in parents:
        if not isinstance(values.get(parent), dict):
            values[parent] = {}
        values = values[parent]
    values[last] = value


def validate(model: type[S], values: dict[str, Any], where: str) -> S:
    """Validate values against a model.

    Args:
      model: the group of settings that is expected.
      values: nested, as YAML gives them.
      where: the file, for the message.

    Raises:
      UsageError: one line per unknown key, wrong type or impossible value. It names the key, what was
        expected, the value and, for an unknown key, the nearest valid one.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise UsageError("\n".join(_explain(model, where, error))) from error


def keys(model: type[BaseModel], prefix: str = "") -> Iterable[str]:
    """Yield every key that a model may have, dotted."""
    for name, info in model.model_fields.items():
        inner = _model_in(info.annotation)
        yield f"{prefix}{name}"
        if inner is not None:
            yield from keys(inner, f"{prefix}{name}.")


def _explain(model: type[BaseModel], where: str, error: ValidationError) -> list[str]:
    lines: list[str] = []
    leaves: dict[str, list[tuple[str, Any]]] = {}  # key -> (message, value)
    for row in error.errors():
        key = _key(model, row["loc"][:-1] if _is_short(row) else row["loc"])
        if row["type"] == "extra_forbidden":
            near = difflib.get_close_matches(key, list(keys(model)), n=1, cutoff=0.4)
            hint = f" Did you mean {near[0]}?" if near else ""
            lines.append(
                f"{where}: unknown key {key}.{hint} docs/reference/recipes.md lists all keys."
            )
            continue
        leaves.setdefault(key, []).append((_message(row), row["input"]))
    for key, mistakes in leaves.items():
        if not key:  # settings of several sections that do not fit together: the message names them
            lines += [f"{where}: {message}." for message, _ in mistakes]
            continue
        # Where a value may have several forms, the mistake inside the form that fits best says most.
        if not any(other.startswith(f"{key}.") for other in leaves):
            first, *more = dict.fromkeys(message for message, _ in mistakes)
            messages = " or ".join([first, *(m.removeprefix("expected ") for m in more)])
            lines.append(f"{where}: {key}: {messages}; got {_in_short(mistakes[0][1])}.")
    return lines


def _in_short(value: Any) -> str:
    text = _SHORT.repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _is_short(row: Any) -> bool:
    """Whether a list lacks values: pydantic reports each of them."""
    return row["type"] == "missing" and isinstance(row["loc"][-1], int)


def _message(row: Any) -> str:
    """Return what pydantic found wrong with a value, in the words of somebody who writes YAML."""
    kind = row["type"]
    if kind in ("too_short", "too_long"):
        limits = row["ctx"]
        count = limits.get("min_length", limits.get("max_length"))
        return f"expected {'at least' if kind == 'too_short' else 'at most'} {count} values"
    if _is_short(row):
        return "expected more values"
    message = str(_EXPECTED.get(kind) or row["msg"].removeprefix("Value error, "))
    for pydantic, ours in _PHRASES:
        message = message.replace(pydantic, ours)
    # MLflow and PNG keep their capitals.
    return message[:1].lower() + message[1:] if message[1:2].islower() else message


def _key(model: type[BaseModel], loc: tuple[int | str, ...]) -> str:
    """Return a dotted key: pydantic's location without the names of a value's allowed forms."""
    parts: list[str] = []
    inside: type[BaseModel] | None = model
    mapping = False
    for part in loc:
        if inside is not None:
            parts.append(str(part))
            field = inside.model_fields.get(str(part))
            inside = _model_in(field.annotation) if field else None
            mapping = field is not None and _holds_keys(field.annotation)
        elif isinstance(part, int) or (mapping and part != "[key]"):
            parts.append(str(part))
    return ".".join(parts)


def _holds_keys(annotation: Any) -> bool:
    """Whether a value's own keys follow its name: a mapping, or a list of settings."""
    origin = get_origin(annotation)
    return origin is dict or (origin is tuple and _model_in(annotation.__args__[0]) is not None)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if get_origin(annotation) in (dict, tuple):  # their values are no part of a dotted key
        return None
    for candidate in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None
