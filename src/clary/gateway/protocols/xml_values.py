"""Values between XML and the shapes of a model: for REST-XML bodies and the answers of the query protocol."""

from __future__ import annotations

import base64
import math
import re
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from botocore.model import ListShape, MapShape, Shape, StructureShape

from clary.errors import ServiceError
from clary.gateway.protocols import numbers, timestamps

_TEXT = {"\r": "&#13;"}
# What XML 1.0 holds in no form, not even as a reference.
_ILLEGAL = re.compile("[^\\t\\n\\r\\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def load(body: bytes) -> ElementTree.Element:
    """The root of a document in UTF-8; ``MalformedXML`` if it is none. Entities and DTDs are refused."""
    try:
        # As text: an encoding that the document names for itself could hide a DTD from the next line.
        text = body.decode("utf-8-sig")
        if "<!DOCTYPE" in text or "<!ENTITY" in text:
            raise malformed()
        return ElementTree.fromstring(text)  # noqa: S314 - without DTDs there is nothing to expand
    except (ElementTree.ParseError, ValueError):
        raise malformed() from None


def escaped(text: str) -> str:
    """Text between tags; a character that XML cannot hold becomes U+FFFD."""
    return escape(_held(text), _TEXT)


def _held(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", text)


def malformed() -> ServiceError:
    return ServiceError(
        "The XML you provided was not well-formed or did not validate against our published schema",
        code="MalformedXML",
    )


def from_xml(shape: Shape, node: ElementTree.Element) -> Any:
    """The value as Python has it; namespaces are not looked at."""
    match shape:
        case StructureShape():
            return _structure(shape, node)
        case ListShape():
            return [from_xml(shape.member, child) for child in node]
        case MapShape():
            return dict(_entry(shape, child) for child in node)
    text = node.text or ""
    try:
        match shape.type_name:
            case "boolean":
                return text.strip().lower() == "true"
            case "integer" | "long":
                return numbers.whole(text.strip(), shape.type_name)
            case "float" | "double":
                return numbers.real(text.strip())
            case "timestamp":
                return timestamps.parse(text)
            case "blob":
                return base64.b64decode(text)
    except ValueError:
        raise malformed() from None
    return text


def _structure(shape: StructureShape, node: ElementTree.Element) -> dict[str, Any]:
    children: dict[str, list[ElementTree.Element]] = {}
    for child in node:
        children.setdefault(_local(child.tag), []).append(child)
    found: dict[str, Any] = {}
    for name, member in shape.members.items():
        if member.serialization.get("xmlAttribute"):
            wire = member.serialization["name"].rpartition(":")[2]
            for key, value in node.attrib.items():
                if _local(key) == wire:
                    found[name] = value
            continue
        nodes = children.get(_member_name(name, member))
        if not nodes:
            continue
        if isinstance(member, ListShape) and member.serialization.get("flattened"):
            found[name] = [from_xml(member.member, n) for n in nodes]
        elif isinstance(member, MapShape) and member.serialization.get("flattened"):
            found[name] = dict(_entry(member, n) for n in nodes)
        else:
            found[name] = from_xml(member, nodes[0])
    return found


def _member_name(name: str, member: Shape) -> str:
    if isinstance(member, ListShape) and member.serialization.get("flattened"):
        return str(member.member.serialization.get("name") or member.serialization.get("name", name))
    return str(member.serialization.get("name", name))


def _entry(shape: MapShape, node: ElementTree.Element) -> tuple[Any, Any]:
    parts = {_local(child.tag): child for child in node}
    key, value = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
    if key not in parts or value not in parts:
        raise malformed()
    return from_xml(shape.key, parts[key]), from_xml(shape.value, parts[value])


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def to_xml(shape: Shape, value: Any, name: str) -> str:
    """The value as elements called ``name``: none for an empty flattened list, several for a longer one."""
    match shape:
        case StructureShape():
            inner = "".join(
                to_xml(member, value[key], _wire(key, member))
                for key, member in shape.members.items()
                if value.get(key) is not None and not member.serialization.get("xmlAttribute")
            )
            return f"<{name}{_attributes(shape, value)}>{inner}</{name}>"
        case ListShape():
            if shape.serialization.get("flattened"):
                wire = shape.member.serialization.get("name", name)
                return "".join(to_xml(shape.member, item, wire) for item in value)
            wire = shape.member.serialization.get("name", "member")
            return f"<{name}>{''.join(to_xml(shape.member, item, wire) for item in value)}</{name}>"
        case MapShape():
            key, item = shape.key.serialization.get("name", "key"), shape.value.serialization.get("name", "value")
            entries = [to_xml(shape.key, k, key) + to_xml(shape.value, v, item) for k, v in value.items()]
            if shape.serialization.get("flattened"):
                return "".join(f"<{name}>{entry}</{name}>" for entry in entries)
            return f"<{name}>{''.join(f'<entry>{entry}</entry>' for entry in entries)}</{name}>"
    return f"<{name}>{escaped(scalar(shape, value))}</{name}>"


def scalar(shape: Shape, value: Any) -> str:
    """A plain value as text, as XML and the query protocol write it."""
    match shape.type_name:
        case "boolean":
            return "true" if value else "false"
        case "timestamp":
            return timestamps.write(value, shape.serialization.get("timestampFormat", "iso8601"))
        case "blob":
            return base64.b64encode(value if isinstance(value, bytes) else str(value).encode()).decode()
        case "float" | "double":
            return "NaN" if math.isnan(value) else repr(float(value)) if math.isfinite(value) else _infinite(value)
    return str(value)


def _infinite(value: float) -> str:
    return "Infinity" if value > 0 else "-Infinity"


def _wire(key: str, member: Shape) -> str:
    return str(member.serialization.get("name", key))


def _attributes(shape: StructureShape, value: dict[str, Any]) -> str:
    namespace = shape.serialization.get("xmlNamespace")
    text = ""
    if isinstance(namespace, dict):
        prefix = f":{namespace['prefix']}" if "prefix" in namespace else ""
        text += f" xmlns{prefix}={quoteattr(namespace['uri'])}"
    for key, member in shape.members.items():
        if member.serialization.get("xmlAttribute") and value.get(key) is not None:
            text += f" {member.serialization['name']}={quoteattr(_held(str(value[key])))}"
    return text
