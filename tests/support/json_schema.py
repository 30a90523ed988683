"""A validator of the part of JSON Schema that this project's schemas use; anything else in a schema is refused."""

import re
from typing import Any

KEYWORDS = {
    "$schema", "title", "description", "type", "const", "enum", "pattern", "minimum", "maximum", "properties",
    "required", "additionalProperties", "items",
}  # fmt: skip
TYPES: "dict[str, tuple[type, ...]]" = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "null": (type(None),),
}


def problems(value: Any, schema: "dict[str, Any]", at: str = "") -> "list[str]":
    """Everything in the value that the schema does not allow."""
    unknown = set(schema) - KEYWORDS
    assert not unknown, f"the validator does not know {unknown}"
    found = [f"{at or 'the whole'}: {text}" for text in _simple(value, schema)]
    if isinstance(value, dict):
        known = schema.get("properties", {})
        found += [f"{at}: {name} is missing" for name in schema.get("required", []) if name not in value]
        more = schema.get("additionalProperties", True)
        for name, inner in value.items():
            if name in known:
                found += problems(inner, known[name], f"{at}.{name}")
            elif more is False:
                found.append(f"{at}: {name} is unknown")
            elif isinstance(more, dict):
                found += problems(inner, more, f"{at}.{name}")
    if isinstance(value, list) and "items" in schema:
        for number, inner in enumerate(value):
            found += problems(inner, schema["items"], f"{at}[{number}]")
    return found


def _simple(value: Any, schema: "dict[str, Any]") -> "list[str]":
    found = []
    wanted = schema.get("type", [])
    kinds = [wanted] if isinstance(wanted, str) else wanted
    if kinds and not any(_is_a(value, kind) for kind in kinds):
        found.append(f"{value!r} is no {' or '.join(kinds)}")
    if "const" in schema and value != schema["const"]:
        found.append(f"{value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{value!r} is none of {schema['enum']}")
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        found.append(f"{value!r} does not match {schema['pattern']}")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < schema.get("minimum", value):
            found.append(f"{value!r} is too small")
        if value > schema.get("maximum", value):
            found.append(f"{value!r} is too great")
    return found


def _is_a(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, TYPES[kind])
