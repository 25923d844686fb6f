"""Write the page on which a person tries the model by hand."""

from __future__ import annotations

import base64
import hashlib
import html
import json

from git_datmo.contracts.contract_types import Field
from git_datmo.serving.served_model import ServedModel

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem;
  color-scheme: light dark; }
label { display: block; margin: .6rem 0 .1rem; } small { opacity: .7; }
input, select, textarea { width: 100%; box-sizing: border-box; font: inherit; padding: .3rem; }
textarea { font-family: monospace; min-height: 8rem; }
button { margin-top: 1rem; padding: .4rem 1.2rem; font: inherit; }
pre { padding: .8rem; border: 1px solid #8886; overflow: auto; white-space: pre-wrap; }
"""

_SCRIPT = """
const form = document.querySelector("form"), shown = document.querySelector("pre");
function value(field) {
  const text = field.value;
  if (text === "" && field.dataset.kind !== "string") return null;
  if (field.dataset.kind === "number") return Number(text);
  if (field.dataset.kind === "boolean") return text === "true";
  if (field.dataset.kind === "json") return JSON.parse(text);
  return text;
}
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const headers = {"Content-Type": "application/json"};
  const token = document.querySelector("#token");
  if (token && token.value) headers.Authorization = "Bearer " + token.value;
  try {
    const whole = form.querySelector("#request");
    let body;
    if (whole) body = JSON.stringify(JSON.parse(whole.value));
    else {
      const row = {};
      for (const field of form.querySelectorAll("[data-kind]")) {
        if (field.value !== "" || !field.dataset.optional) row[field.name] = value(field);
      }
      body = JSON.stringify({dataframe_records: [row]});
    }
    const answer = await fetch("invocations", {method: "POST", headers, body});
    const text = JSON.stringify(await answer.json(), null, 2);
    const prediction = answer.headers.get("Datmo-Prediction");
    shown.textContent = answer.status + " " + (prediction || "") + "\\n" + text;
  } catch (error) { shown.textContent = String(error); }
});
"""


def _hash(text: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"


# By these hashes, only the page's own script and style run, and no text of a contract.
PAGE_POLICY = (
    f"default-src 'none'; script-src {_hash(_SCRIPT)}; style-src {_hash(_STYLE)};"
    " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


def try_page(model: ServedModel) -> str:
    """Return the page: a form with the fields of the contract, or a field for a JSON request."""
    fields = model.contract.request.fields if model.contract and model.contract.request else ()
    if fields and all(field.tensor is None for field in fields):
        form = "".join(_field(field) for field in fields)
    else:
        sample = html.escape(json.dumps({"inputs": [[0.0, 0.0]]}))
        form = (
            '<label for="request">Request in the format of /invocations</label>'
            f'<textarea id="request">{sample}</textarea>'
        )
    name, snapshot = html.escape(model.name), html.escape(model.snapshot)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{name}</title><style>{_STYLE}</style>"
        f"<h1>{name}</h1><p><small>Snapshot {snapshot}</small></p>"
        f"<form>{form}"
        '<label for="token">Token <small>if the server has one</small></label>'
        '<input id="token" type="password" autocomplete="off">'
        f"<button>Predict</button></form><pre></pre><script>{_SCRIPT}</script></html>\n"
    )


def _field(field: Field) -> str:
    """Return the label and the input of a field."""
    name = html.escape(field.name, quote=True)
    optional = field.is_optional or field.has_default
    notes = [field.logical_type, field.unit, "optional" if optional else "", field.description]
    note = html.escape(", ".join(each for each in notes if each))
    attributes = f'id="f-{name}" name="{name}" data-kind="{_kind(field)}"'
    if optional:
        attributes += ' data-optional="1"'
    example = html.escape(str(field.examples[0]), quote=True) if field.examples else ""
    choices = field.enum or ((True, False) if field.logical_type == "boolean" else ())
    if choices:
        texts = [html.escape(_text(choice), quote=True) for choice in choices]
        shown = ['<option value=""></option>'] if optional else []
        shown += [f'<option value="{text}">{text}</option>' for text in texts]
        control = f"<select {attributes}>{''.join(shown)}</select>"
    else:
        control = f'<input {attributes} value="{example}">'
    return f'<label for="f-{name}">{name} <small>{note}</small></label>{control}'


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(field: Field) -> str:
    """Return the kind of JSON value that the field's text becomes."""
    if field.logical_type in ("number", "integer"):
        return "number"
    if field.logical_type == "boolean":
        return "boolean"
    return "json" if field.logical_type in ("object", "array") else "string"
