"""Find keys and tokens in text, by the rules of detect-secrets, by name, or by the user's
variables.

Loading detect-secrets takes longer than most commands, so it is loaded only if a text contains a
piece that some rule requires.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

from git_datmo.secrets.token_forms import DATED, find_tokens, may_have_tokens

MASK = "[masked]"

SOURCE = "detect-secrets"

# Rules for tokens of a known form. The rules for entropy and words match ids and metrics.
DETECTORS = {
    "aws": "AWSKeyDetector",
    "azure_storage_key": "AzureStorageKeyDetector",
    "basic_auth": "BasicAuthDetector",
    "discord": "DiscordBotTokenDetector",
    "github_token": "GitHubTokenDetector",
    "gitlab_token": "GitLabTokenDetector",
    "jwt": "JwtTokenDetector",
    "mailchimp": "MailchimpDetector",
    "npm": "NpmDetector",
    "openai": "OpenAIDetector",
    "private_key": "PrivateKeyDetector",
    "pypi_token": "PypiTokenDetector",
    "sendgrid": "SendGridDetector",
    "slack": "SlackDetector",
    "square_oauth": "SquareOAuthDetector",
    "stripe": "StripeDetector",
    "telegram_token": "TelegramBotTokenDetector",
    "twilio": "TwilioKeyDetector",
}
LEFT_OUT = {
    "artifactory.ArtifactoryDetector": "it takes words that begin with APA for tokens",
    "cloudant.CloudantDetector": "it needs a name before the value, which our rule by names looks"
    " for",
    "high_entropy_strings.Base64HighEntropyString": "it takes ids and metrics for secrets",
    "high_entropy_strings.HexHighEntropyString": "it takes ids and metrics for secrets",
    "ibm_cloud_iam.IbmCloudIamDetector": "it needs a name before the value, which our rule by"
    " names looks for",
    "ibm_cos_hmac.IbmCosHmacDetector": "it needs a name before the value, which our rule by names"
    " looks for",
    "ip_public.IPPublicDetector": "an address is no secret",
    "keyword.KeywordDetector": "our rule by names takes its place, which knows tokenizers' words",
    "softlayer.SoftlayerDetector": "it needs a name before the value, which our rule by names"
    " looks for",
}
"""The library's other rules, and why they are not used. A test holds the lists complete."""

# In these patterns a group is the secret; the rest identifies its kind.
_GROUPED = frozenset({"AWSKeyDetector", "BasicAuthDetector"})
# fmt: off
_PIECES = (
    "AKIA", "ASIA", "ABIA", "ACCA", "A3T", "aws", "AccountKey=", "://", "ghp_", "gho_", "ghu_",
    "ghs_", "ghr_", "glpat-", "gldt-", "glft-", "glsoat-", "glrt-", "GR1348941", "glcbt-",
    "glimt-", "glptt-", "glagent-", "gloas-", "eyJ", "-us", "_authToken", "sk-", "PRIVATE KEY",
    "PuTTY", "pypi-", "SG.", "xox", "hooks.slack", "sq0csp-", "k_live_",
)
# fmt: on
_FORMS = re.compile(r"[0-9]{8,10}:[\w-]{35}|[MNO][\w-]{23,25}\.[\w-]{6}\.|(?:AC|SK)[a-z0-9]{32}")

_KEYS = r"(?:api|access|secret|private|auth|signing|encryption|account|subscription)[_-]?key"
_WORDS = r"token|secret|passw(?:or)?d|passwd|pwd|passphrase|credentials?"
_NAME = re.compile(rf"(?:.*[_.-])?(?:{_WORDS})\Z|.*{_KEYS}\Z", re.IGNORECASE | re.DOTALL)
_PASSWORD_NAME = re.compile(
    r"(?:.*[_.-])?(?:passw(?:or)?d|passwd|pwd|passphrase)\Z", re.IGNORECASE | re.DOTALL
)
_NAMED = re.compile(
    rf"(?:{_KEYS}|{_WORDS})[\"']?\s{{0,2}}(?:=|:)\s{{0,2}}[\"']?([^\s\"',;&]{{6,}})", re.IGNORECASE
)
_NAMED_PIECES = ("key", "token", "secret", "passw", "pwd", "passphrase", "credential")


def describe_rules() -> str:
    """Return where the rules are from, with versions."""
    from importlib.metadata import version

    return f"{SOURCE} {version(SOURCE)} and token forms of {DATED}"


@dataclass(frozen=True, slots=True)
class Secret:
    """The range of a possible secret in a text, and its kind in words."""

    start: int
    end: int
    kind: str


def known_secrets(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the values of variables with a secret's name, longest first."""
    values = {
        value
        for name, value in environ.items()
        if is_secret_name(name) and _could_be_secret(value, 8)
    }
    # A value that contains another must be found first, or its rest would stay.
    return tuple(sorted(values, key=lambda value: (-len(value), value)))


def is_secret_name(name: str) -> bool:
    """Return True for the name of a secret: `api_key`, `--hub-token`, `DB_PASSWORD`."""
    return _NAME.match(name) is not None


def is_secret_value(name: str, value: str) -> bool:
    """Return True if `name` is a secret's and `value` may be one. Any word can be a password.

    `--pad-token '<pad>'` and `--password ''` are no secrets.
    """
    bare = name.lstrip("-")
    if _PASSWORD_NAME.match(bare) is not None:
        return len(value) >= 4 and value[0] not in "<[{$%"
    return is_secret_name(bare) and (_could_be_secret(value, 6) or _is_key_with_slash(value))


def _is_key_with_slash(value: str) -> bool:
    """Return True for a key in base64 that begins like a path."""
    return re.fullmatch(r"/[A-Za-z0-9+=]{23,}", value) is not None and _is_mixed(value)


def _could_be_secret(value: str, least: int) -> bool:
    """Return False for a number, a path, a tokenizer's special token, or a plain word."""
    plain = value.isalpha() and len(value) < 16
    return len(value) >= least and not plain and not value.isdigit() and value[0] not in "/~.<[{$%"


def is_suspicious(text: str, known: Collection[str] = ()) -> bool:
    """Return False only if `find_secrets` finds nothing. Fast."""
    if (
        any(piece in text for piece in (*_PIECES, *known))
        or may_have_tokens(text)
        or _FORMS.search(text)
    ):
        return True
    lower = text.lower()
    return any(piece in lower for piece in _NAMED_PIECES)


def find_secrets(
    text: str, known: Collection[str] = (), *, by_name: bool = True
) -> tuple[Secret, ...]:
    """Return the possible secrets in `text`, in order, without overlaps.

    Without `by_name`, only secrets of a known form are found. In a table, the word before a value
    means little.
    """
    if not is_suspicious(text, known):
        return ()
    found: list[Secret] = []
    # Of secrets with the same start, the longest comes first.
    for secret in sorted(
        _every(text, known, by_name=by_name), key=lambda secret: (secret.start, -secret.end)
    ):
        if not found or secret.start >= found[-1].end:
            found.append(secret)
        elif secret.end > found[-1].end:
            found[-1] = Secret(found[-1].start, secret.end, found[-1].kind)
    return tuple(found)


def mask(text: str, known: Collection[str] = ()) -> str:
    """Return `text` with possible secrets masked."""
    # From the end to the start, so that the other ranges stay valid.
    for secret in reversed(find_secrets(text, known)):
        text = text[: secret.start] + MASK + text[secret.end :]
    return text


def _every(text: str, known: Collection[str], *, by_name: bool) -> Iterator[Secret]:
    yield from _known_values(text, known)
    for start, end, kind in find_tokens(text):
        yield Secret(start, end, kind)
    if any(piece in text for piece in _PIECES) or _FORMS.search(text):
        yield from _by_rules(text)
    if by_name:
        yield from _by_names(text)


def _known_values(text: str, known: Collection[str]) -> Iterator[Secret]:
    for value in known:
        for match in re.finditer(re.escape(value), text):
            yield Secret(*match.span(), "value of a secret variable")


def _by_rules(text: str) -> Iterator[Secret]:
    for kind, grouped, rule in _rules():
        for match in rule.finditer(text):
            start, end = match.span(match.lastindex if grouped and match.lastindex else 0)
            yield Secret(start, end, kind)


def _by_names(text: str) -> Iterator[Secret]:
    for match in _NAMED.finditer(text):
        # A word like 'token' precedes many harmless values, so the value has to look like a secret.
        if match[1] != MASK and _could_be_secret(match[1], 6) and _is_mixed(match[1]):
            yield Secret(*match.span(1), "Named Secret")


def _is_mixed(value: str) -> bool:
    return any(c.isdigit() for c in value) and any(c.isalpha() for c in value) and "(" not in value


@cache
def _rules() -> tuple[tuple[str, bool, re.Pattern[str]], ...]:
    """Return each rule: the kind of secret, whether a group of the pattern is the secret, the
    pattern."""
    from detect_secrets import plugins

    rules: list[tuple[str, bool, re.Pattern[str]]] = []
    for module, name in DETECTORS.items():
        detector = getattr(importlib.import_module(f"{plugins.__name__}.{module}"), name)
        for pattern in detector.denylist:
            text = pattern.pattern
            if name == "JwtTokenDetector":
                text += r"[\w.+/=-]*"  # its pattern ends before the signature
            rules.append((detector.secret_type, name in _GROUPED, re.compile(text, pattern.flags)))
    return tuple(rules)
