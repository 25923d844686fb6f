"""Forms of tokens, URLs and headers for which detect-secrets has no rule.

Each token has a documented prefix of its issuer's (as of November 2026). Most rules search for that
prefix alone, which is fast.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

DATED = "2026-11"
"""When the forms were looked up last."""

# By prefix: the kind of token, and the pattern after the prefix.
TOKENS: dict[str, tuple[str, str]] = {
    "AGE-SECRET-KEY-1": ("age Key", r"[A-Z0-9]{50,}"),
    "AIza": ("Google API Key", r"[0-9A-Za-z_-]{35}"),
    "ATATT3": ("Atlassian Token", r"[A-Za-z0-9_=-]{50,}"),
    "GOCSPX-": ("Google Client Secret", r"[A-Za-z0-9_-]{28}"),
    "LTAI": ("Alibaba Access Key", r"[A-Za-z0-9]{20}\b"),
    "PMAK-": ("Postman Key", r"[0-9a-f]{24}-[0-9a-f]{34}"),
    "dapi": ("Databricks Token", r"[0-9a-f]{32}"),
    "dckr_oat_": ("Docker Token", r"[A-Za-z0-9_-]{20,}"),
    "dckr_pat_": ("Docker Token", r"[A-Za-z0-9_-]{20,}"),
    "doo_v1_": ("DigitalOcean Token", r"[0-9a-f]{64}"),
    "dop_v1_": ("DigitalOcean Token", r"[0-9a-f]{64}"),
    "dor_v1_": ("DigitalOcean Token", r"[0-9a-f]{64}"),
    "dp.pt.": ("Doppler Token", r"[A-Za-z0-9]{40,}"),
    "github_pat_": ("GitHub Token", r"[A-Za-z0-9_]{22,}"),
    "glsa_": ("Grafana Token", r"[A-Za-z0-9]{32}_[0-9a-f]{8}"),
    "gsk_": ("Groq Key", r"[A-Za-z0-9]{40,}"),
    "hf_": ("Hugging Face Token", r"[A-Za-z0-9]{30,}"),
    "hvb.": ("Vault Token", r"[A-Za-z0-9_-]{24,}"),
    "hvs.": ("Vault Token", r"[A-Za-z0-9_-]{24,}"),
    "lin_api_": ("Linear Key", r"[A-Za-z0-9]{32,}"),
    "lsv2_": ("LangSmith Key", r"(?:pt|sk)_[0-9a-f]{32}_[0-9a-f]{10}"),
    "npm_": ("npm Token", r"[A-Za-z0-9]{36}"),
    "nvapi-": ("NVIDIA Key", r"[A-Za-z0-9_-]{50,}"),
    "pplx-": ("Perplexity Key", r"[A-Za-z0-9]{40,}"),
    "pscale_": ("PlanetScale Token", r"(?:tkn|pw|oauth)_[A-Za-z0-9_.=-]{32,}"),
    "pul-": ("Pulumi Token", r"[0-9a-f]{40}"),
    "r8_": ("Replicate Token", r"[A-Za-z0-9]{37}"),
    "sbp_": ("Supabase Token", r"[0-9a-f]{40}"),
    "shpat_": ("Shopify Token", r"[0-9a-fA-F]{32}"),
    "sk-": ("OpenAI Token", r"[A-Za-z0-9]{48}\b"),
    "sk-ant-": ("Anthropic Key", r"[A-Za-z0-9_-]{20,}"),
    "sk-admin-": ("OpenAI Token", r"[A-Za-z0-9_-]{20,}"),
    "sk-or-v1-": ("OpenRouter Key", r"[0-9a-f]{64}"),
    "sk-proj-": ("OpenAI Token", r"[A-Za-z0-9_-]{20,}"),
    "sk-svcacct-": ("OpenAI Token", r"[A-Za-z0-9_-]{20,}"),
    "sntrys_": ("Sentry Token", r"[A-Za-z0-9_=+/-]{40,}"),
    "tskey-": ("Tailscale Key", r"(?:auth|api|client)-[A-Za-z0-9]+-[A-Za-z0-9]{20,}"),
    "xai-": ("xAI Key", r"[A-Za-z0-9]{70,}"),
    "xapp-": ("Slack App Token", r"[0-9]-[A-Z0-9]+-[0-9]+-[a-z0-9]{32,}"),
    "ya29.": ("Google OAuth Token", r"[A-Za-z0-9_-]{20,}"),
}

_PRIVATE_KEY = re.compile(
    r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----(?:.*?-----END [A-Z0-9 ]*-----|.*)", re.DOTALL
)
# The group is the secret; the rest identifies its kind.
_HEADER = re.compile(
    r"\b(?:(?:proxy-)?authorization[\"']?\s{0,2}[:=]\s{0,2}[\"']?(?:(?:bearer|basic|token|apikey)\s+)?"
    r"|x-(?:api-key|auth-token|access-token)[\"']?\s{0,2}[:=]\s{0,2}[\"']?|\bbearer\s+)([A-Za-z0-9._~+/=-]{8,})",
    re.IGNORECASE,
)
_PASSWORD = re.compile(
    r"\b[a-z][a-z0-9+.-]{1,20}://[^\s/?#\"'<>@:]*:([^\s/?#\"'<>@]{1,200})@", re.IGNORECASE
)
_USER = re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://([^\s/?#\"'<>@:]{16,200})@", re.IGNORECASE)
_QUERY = re.compile(
    r"[?&;](?:sig|signature|x-amz-signature|x-amz-security-token|x-goog-signature|(?:access_|auth_|id_)?token"
    r"|api_?key|key|auth|password|secret|client_secret)=([^&\s\"'<>#]{8,})",
    re.IGNORECASE,
)
_GROUPED = (
    (_PASSWORD, "Password in a URL"),
    (_USER, "Token in a URL"),
    (_QUERY, "Signed URL"),
    (_HEADER, "Authorization Header"),
)
_MARKS = (
    "://",
    "?",
    "&",
    "uthorization",
    "UTHORIZATION",
    "earer",
    "EARER",
    "-key",
    "-Key",
    "-token",
    "-Token",
)
_KEY_MARK = "PRIVATE KEY"


def may_have_tokens(text: str) -> bool:
    """Return False only if `find_tokens` finds nothing. Fast."""
    return (
        _KEY_MARK in text
        or any(mark in text for mark in _MARKS)
        or any(prefix in text for prefix in TOKENS)
    )


def find_tokens(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield the range and kind of each possible secret."""
    if _KEY_MARK in text:
        yield from ((*found.span(), "Private Key") for found in _PRIVATE_KEY.finditer(text))
    for prefix, (kind, form) in TOKENS.items():
        if prefix in text:
            yield from (
                (*found.span(), kind)
                # A prefix within a word begins no token.
                for found in re.finditer(rf"(?<![\w.-]){re.escape(prefix)}{form}", text)
            )
    if any(mark in text for mark in _MARKS):
        for pattern, kind in _GROUPED:
            for found in pattern.finditer(text):
                if _may_be_secret(found[1], kind):
                    yield *found.span(1), kind


def _may_be_secret(value: str, kind: str) -> bool:
    """Return False for placeholders, and for words without digits where a secret has some."""
    # A percent sign can also begin an encoded character of a password.
    if value[0] in "<[{$%*" and not re.match(r"%[0-9A-Fa-f]{2}", value):
        return False
    if kind == "Password in a URL":
        return True
    return any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
