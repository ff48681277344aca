"""The browsable page of the API, made of the OpenAPI document: plain HTML, no script, nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import escape
from typing import Any

from voicedrop.web.problem import KINDS, MEDIA

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
code, pre { font: 14px/1.4 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .75rem; border: 1px solid #8886; border-radius: .3rem; }
summary { cursor: pointer; padding: .3rem 0; }
summary b { display: inline-block; min-width: 4.5rem; }
details > *:not(summary) { margin-left: 1.5rem; }
table { border-collapse: collapse; } td, th { text-align: left; vertical-align: top; padding: .15rem 1rem .15rem 0; }
:root { color-scheme: light dark; }
"""
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The Content-Security-Policy that goes with it."""


def html(document: dict[str, Any]) -> str:
    """The page."""
    return "\n".join(_page(document))


def _page(document: dict[str, Any]) -> Iterator[str]:
    info = document["info"]
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(info['title'])} API</title>"
    yield f"<meta name=viewport content='width=device-width'><style>{STYLE}</style>"
    yield f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>"
    yield "".join(f"<p>{_text(part)}</p>" for part in info["description"].split("\n\n"))
    yield "<p>For programs: <a href='/v1/openapi.json'>openapi.json</a> (OpenAPI 3.1)."
    for tag in document["tags"]:
        yield f"<h2>{escape(tag['name'])}</h2><p>{_text(tag['description'])}</p>"
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                if tag["name"] in operation["tags"]:
                    yield from _operation(method, path, operation)
    yield "<h2>Problems</h2><table><tr><th>code<th>status<th>title"
    for kind in KINDS:
        yield f"<tr id={kind.code}><td><code>{kind.code}</code><td>{kind.status}<td>{escape(kind.title)}"
    yield "</table><h2>Schemas</h2>"
    for name, schema in sorted(document["components"]["schemas"].items()):
        text = escape(json.dumps(schema, indent=1, ensure_ascii=False))
        name = escape(name)
        yield f"<details id='schema-{name}'><summary><code>{name}</code></summary><pre>{text}</pre></details>"


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"<details id={operation['operationId']}><summary><b>{method.upper()}</b> <code>{escape(path)}</code> "
    yield f"{_text(operation['summary'])}</summary>"
    yield "".join(f"<p>{_text(part)}</p>" for part in operation["description"].split("\n\n"))
    if operation["parameters"]:
        yield "<table><tr><th>parameter<th>in<th>what"
        for one in operation["parameters"]:
            schema = escape(json.dumps(one["schema"], ensure_ascii=False))
            what = f"{_text(one.get('description', ''))} <code>{schema}</code>"
            yield f"<tr><td><code>{escape(one['name'])}</code><td>{one['in']}<td>{what}"
        yield "</table>"
    for media, content in operation.get("requestBody", {}).get("content", {}).items():
        yield f"<p>Body, {escape(media)}: {_schema(content['schema'])}</p>"
    yield "<table><tr><th>status<th>what"
    for status, answer in operation["responses"].items():
        shown = "".join(_schema(one["schema"]) for media, one in answer.get("content", {}).items() if media != MEDIA)
        yield f"<tr><td>{status}<td>{_text(answer['description'])} {shown}"
    yield "</table></details>"


def _schema(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f"<a href='#schema-{name}'><code>{name}</code></a>"
    return f"<pre>{escape(json.dumps(schema, indent=1, ensure_ascii=False))}</pre>" if "properties" in schema else ""


def _text(text: str) -> str:
    """Plain text with `code` in it."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if at % 2 else part for at, part in enumerate(parts))
