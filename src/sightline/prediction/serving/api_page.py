"""A page that describes the addresses, without any script: FastAPI's own load theirs from a CDN."""

from typing import Any

from jinja2 import Environment

CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{ api.info.title }} {{ api.info.version }}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 50rem; padding: 0 1rem }
code, pre { font: 14px/1.4 ui-monospace, monospace }
pre { overflow-x: auto }
</style>
<h1>{{ api.info.title }} {{ api.info.version }}</h1>
<p>{{ api.info.summary }} The complete description is <a href="openapi.json">openapi.json</a>.</p>
{% for path, methods in api.paths.items() %}{% for method, one in methods.items() %}
<h2><code>{{ method | upper }} {{ path }}</code></h2>
<p>{{ one.description or one.summary }}</p>
{% for given in one.parameters or () %}
<p><code>{{ given.name }}</code> ({{ given.in }}{{ "" if given.required else ", optional" }})</p>
{% endfor %}
{% for kind, body in (one.requestBody or {"content": {}}).content.items() %}
<details><summary>Body: <code>{{ kind }}</code></summary>
<pre>{{ body.schema | tojson(2) }}</pre></details>
{% endfor %}
{% endfor %}{% endfor %}
</html>
"""


def render(api: dict[str, Any]) -> str:
    """Return the page of an OpenAPI description."""
    return Environment(autoescape=True).from_string(_PAGE).render(api=api)
