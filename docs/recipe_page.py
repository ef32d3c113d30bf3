"""Write docs/reference/recipes.md: every recipe key, from the classes of the settings."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator
from typing import Any, get_origin

from pydantic import BaseModel
from recipe_words import WORDS

from components.contracts.recipe.recipe import Recipe
from components.cycle.changes import PROTECTED, PROTECTED_SINCE


def recipes(written_by: str) -> str:
    """Return the page of recipe keys."""
    parts = [
        "# Recipe keys\n",
        written_by,
        "A recipe is a YAML file. Every key has a default except `name`. An unknown key, a wrong "
        "type or an impossible value is rejected before anything runs (exit code 2). `1.5` is not "
        "an integer, and a number in quotes is not a number.\n",
        "`--set KEY=VALUE` changes one key on the command line, with the value in YAML: "
        "`--set query.query_size=4`, `--set train.crop='[128, 160]'`. The ledger keeps the resolved "
        "recipe. `null` means that a key is not set.\n",
        "These keys cannot change once the first labels have been requested or handed in (see "
        "[contracts](contracts.md#ledger)): "
        + ", ".join(f"`{key}`" for key in (*PROTECTED, *PROTECTED_SINCE))
        + ".\n",
        *_sections(Recipe, "", ""),
    ]
    return "\n".join(parts)


def _sections(model: type[BaseModel], prefix: str, title: str) -> Iterator[str]:
    """Write a table of a group's own keys, then the groups in it."""
    words = attributes(model)
    schema = model.model_json_schema()
    yield f"## {title or 'At the top'}\n"
    if title:
        summary = (inspect.getdoc(model) or "").split("\n\nAttributes:")[0]
        yield " ".join(summary.split()) + "\n"
    rows = []
    groups: list[tuple[str, type[BaseModel]]] = []
    for name, info in model.model_fields.items():
        key = f"{prefix}{name}"
        group = group_in(info.annotation)
        if group is not None:
            groups.append((key, group))
        meaning = meaning_of(key, words.get(name), group)
        shape = schema["properties"][name]
        default = "required" if info.is_required() else f"`{_yaml(shape.get('default'))}`"
        kind = _kind(shape)
        if group is not None:
            kind = f"[group](#{key.replace('.', '')})"
            default = "`null`" if shape.get("default", 0) is None else ""
        rows.append(f"| `{key}` | {kind} | {default} | {meaning} |")
    yield "\n".join(["| key | type | default | meaning |", "|---|---|---|---|", *rows]) + "\n"
    for key, group in groups:
        yield from _sections(group, f"{key}.", key)


def group_in(annotation: Any) -> type[BaseModel] | None:
    """Return the group of settings that a key holds, if it holds one."""
    if get_origin(annotation) in (dict, tuple):  # their values are no part of a dotted key
        return None
    for candidate in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None


def meaning_of(key: str, documented: str | None, group: type[BaseModel] | None) -> str:
    """Return a key's meaning: from its class's docstring, else from recipe_words, else its group's."""
    text = documented or WORDS.get(key)
    if text is None and group is not None:
        text = (inspect.getdoc(group) or "").split("\n")[0]
    if not text:
        raise SystemExit(
            f"{key} has no meaning: name it under Attributes in the docstring of its class."
        )
    if not text[:2].endswith(tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")):  # not "MIoU"
        text = text[0].upper() + text[1:]
    return re.sub(r"\bNone\b", "`null`", text).replace("|", "\\|").rstrip(".") + "."


def attributes(model: type[BaseModel]) -> dict[str, str]:
    """Return what the `Attributes:` part of a class's docstring says, by name."""
    _, _, section = (inspect.getdoc(model) or "").partition("Attributes:\n")
    out: dict[str, str] = {}
    for entry in re.split(r"\n(?=  \w)", section.rstrip()):
        names, colon, text = entry.partition(": ")
        if colon:
            out |= {name.strip(): " ".join(text.split()) for name in names.split(",")}
    return out


def _kind(shape: dict[str, Any]) -> str:
    """Describe a JSON schema in words."""
    if "$ref" in shape:
        return "group"
    if "anyOf" in shape:
        return " or ".join(_kind(option) for option in shape["anyOf"])
    if "enum" in shape or "const" in shape:
        return ", ".join(f"`{_yaml(v)}`" for v in shape.get("enum", [shape.get("const")]))
    match shape.get("type"):
        case "array" if "prefixItems" in shape:
            parts = [_kind(item) for item in shape["prefixItems"]]
            return f"list of {len(parts)}: {parts[0]}"
        case "array":
            return f"list of {'settings' if '$ref' in shape['items'] else _kind(shape['items'])}"
        case "object":
            return _mapping(shape)
        case "string" if "pattern" in shape:
            return f"text matching `{shape['pattern']}`".replace("|", "\\|")
        case kind:
            names = {"string": "text", "boolean": "true or false", None: "anything"}
            return " ".join([names.get(kind, str(kind)), *_limits(shape)])


def _mapping(shape: dict[str, Any]) -> str:
    names = shape.get("propertyNames", {})
    options = names.get("enum") or [n for part in names.get("anyOf", []) for n in _names_in(part)]
    keys = ", ".join(f"`{n}`" for n in options) or "text"
    kinds = [shape.get("additionalProperties", {}), *shape.get("patternProperties", {}).values()]
    kind = next((k.get("type") or ("group" if "$ref" in k else None) for k in kinds if k), None)
    words = {"string": "text", "number": "numbers", "group": "settings", "object": "settings"}
    return f"mapping of {keys} to {words.get(kind or '', 'anything')}"


def _names_in(shape: dict[str, Any]) -> list[str]:
    return [*shape.get("enum", []), *([shape["const"]] if "const" in shape else [])]


def _limits(shape: dict[str, Any]) -> list[str]:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    found = [f"{sign} {shape[name]:g}" for name, sign in signs.items() if name in shape]
    # 2^31 reads badly as a rounded number.
    return [", ".join(found).replace("2.14748e+09", "2147483648")] if found else []


def _yaml(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)
