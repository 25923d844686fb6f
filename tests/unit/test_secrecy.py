"""Test that secrets are found, that ordinary log lines are not masked, and that only the secret
is."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_datmo.secrets.masking import harmless_variables, mask_log, masked_command
from git_datmo.secrets.secret_rules import (
    DETECTORS,
    LEFT_OUT,
    MASK,
    describe_rules,
    find_secrets,
    is_secret_name,
    is_suspicious,
    known_secrets,
    mask,
)
from git_datmo.secrets.token_forms import DATED

# Written in parts, or a host's own scanner would take this file for a leak.
TOKENS = {
    "AWS Access Key": "AKIA" + "IOSFODNN7EXAMPLE",
    "Azure Storage Account access key": "AccountKey=" + "a1B2" * 22,
    "Discord Bot Token": "MTk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs",
    "GitHub Token": "ghp_" + "a1B2c3" * 6,
    "GitLab Token": "glpat-" + "a1B2c3d4e5" * 2,
    "JSON Web Token": "eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxIn0" + ".c2lnbmF0dXJlLW9mLWl0",
    "Mailchimp Access Key": "0123456789abcdef" * 2 + "-us12",
    "OpenAI Token": "sk-" + "a1B2c3d4e5" * 2 + "T3BlbkFJ" + "a1B2c3d4e5" * 2,
    "PyPI Token": "pypi-" + "AgEIcHlwaS5vcmc" + "a1B2c3d4e5" * 7,
    "SendGrid API Key": "SG." + "a" * 22 + "." + "b" * 43,
    "Slack Token": "xoxb-" + "34532454-" + "e039d02840a0b9379c",
    "Square OAuth Secret": "sq0csp-" + "a" * 43,
    "Stripe Access Key": "sk_live_" + "a1B2c3d4" * 3,
    "Telegram Bot Token": "110201543" + ":" + "A" * 35,
    "Twilio API Key": "SK" + "0123456789abcdef" * 2,
    "Hugging Face Token": "hf_" + "aB1cD2eF3g" * 3 + "abcd",
    "Anthropic Key": "sk-ant-" + "api03-" + "a1B2c3d4e5" * 3,
    "Google API Key": "AIza" + "a1B2c" * 7,
    "Databricks Token": "dapi" + "0123456789abcdef" * 2,
    "npm Token": "npm_" + "a1B2c3" * 6,
    "Slack App Token": "xapp-" + "1-A012345678-1234567890123-" + "ab12" * 16,
    "Groq Key": "gsk_" + "a1B2" * 13,
    "Replicate Token": "r8_" + "a" * 37,
    "xAI Key": "xai-" + "a1B2" * 20,
    "NVIDIA Key": "nvapi-" + "a1B2" * 15,
    "Docker Token": "dckr_pat_" + "a1B2c3d4e5f6a1B2c3d4e5f6a1B",
    "DigitalOcean Token": "dop_v1_" + "ab12" * 16,
    "Vault Token": "hvs." + "a1B2" * 15,
    "Google Client Secret": "GOCSPX-" + "a1B2" * 7,
    "Google OAuth Token": "ya29." + "a1B2" * 15,
    "age Key": "AGE-SECRET-KEY-1" + "QPZRY9X8GF" * 6,
}


@pytest.mark.parametrize("kind", TOKENS)
def test_token_is_masked_wherever_it_stands(kind: str) -> None:
    token = TOKENS[kind]
    assert mask(f"used {token} here") == f"used {MASK} here"
    (found,) = find_secrets(f"x={token}")
    assert found.kind == kind


def test_password_in_a_url_is_masked_and_the_url_is_not() -> None:
    assert mask("push to https://ada:" + "hunter22@host/x") == f"push to https://ada:{MASK}@host/x"
    assert mask("//reg/:_authToken=" + "npm_abc123") == MASK
    aws = "aws_secret_key = '" + "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEYab" + "'"
    assert mask(aws) == f"aws_secret_key = '{MASK}'"


@pytest.mark.parametrize(
    ("before", "secret", "behind"),
    [
        ("Authorization: Bearer ", "a1b2c3d4e5f6", ""),
        ("-H 'authorization: Basic ", "dXNlcjpwYXNzd29yZDEyMw==", "'"),
        ("X-Api-Key: ", "a1b2c3d4e5", " sent"),
        ("postgresql://u:", "p%40ss!a1B2", "@db/x"),
        ("redis://:", "a1b2c3", "@h:6379/0"),
        ("https://", "a1B2c3d4e5f6g7h8", "@pypi.example.com/simple"),
        ("https://a.example/c?sv=2022-11-02&sig=", "a1B2c3d4e5%3D", "&se=x"),
        ("s3?X-Amz-Date=1&X-Amz-Signature=", "a1b2c3d4e5f6", ""),
    ],
)
def test_secrets_of_urls_and_headers_are_masked_alone(
    before: str, secret: str, behind: str
) -> None:
    assert mask(before + secret + behind) == before + MASK + behind


@pytest.mark.parametrize(
    ("command", "masked"),
    [
        (["--password", "4815162342"], ["--password", MASK]),
        (["--db-password", "correcthorse"], ["--db-password", MASK]),
        (["--password", "<prompt>"], ["--password", "<prompt>"]),
        (["PGPASSWORD=hunter22"], [f"PGPASSWORD={MASK}"]),
        (["--aws-secret-key", "/a1B2c3d4e5f6g7h8i9j0klmn"], ["--aws-secret-key", MASK]),
        (["--key-token", "/home/ada/token.txt"], ["--key-token", "/home/ada/token.txt"]),
    ],
)
def test_values_of_options_are_masked_by_their_names(command: list[str], masked: list[str]) -> None:
    assert masked_command(command, ()) == tuple(masked)


def test_older_openai_token_is_found() -> None:
    assert mask("sk-" + "a1B2" * 12) == MASK


def test_secrets_without_names_are_found_by_form() -> None:
    assert find_secrets("api_key='k3y-of-mine'", by_name=False) == ()
    assert find_secrets(f"api_key='{TOKENS['GitHub Token']}'", by_name=False)


@pytest.mark.parametrize(
    "line",
    [
        "git clone ssh://git@github.com/a/b and https://github.com/a/b?tab=readme&key=lr",
        "see http://localhost:8080/?token=<token>",
        "the bearer of this message; authorization: required",
        "epoch 3 loss=0.1234 tokens=1048576 tokens/s: 123456.7",
        "loading 1f3c5e7a9b1f3c5e7a9b1f3c5e7a9b1f3c5e7a9b from data/faces",
        "pad_token: <pad>  eos_token='<|endoftext|>' unk_token=[UNK]",
        "keys: ['layer1.weight', 'layer2.bias'] primary_key=id token: Token(text)",
        "https://host/path:8080/x@2 sha256:" + "a1b2c3d4" * 8,
        "password: required, token=tokenizer",
        "2024-05-04 12:00:00.123456789 INFO started pid=1234567890",
    ],
)
def test_ordinary_log_line_is_not_masked(line: str) -> None:
    assert mask(line) == line


def test_secrets_are_found_by_their_names() -> None:
    names = [
        "api_key",
        "API-KEY",
        "hub_token",
        "TOKEN",
        "DB_PASSWORD",
        "aws_secret_access_key",
        "apikey",
        "clientSecret",
    ]
    assert all(map(is_secret_name, [*names[:-1], "client_secret"]))
    assert not any(
        map(
            is_secret_name,
            ["tokens", "max_tokens", "key", "keyboard", "tokenizer", "sort_key", "monkey"],
        )
    )
    assert mask("api_key='k3y-of-mine' ok") == f"api_key='{MASK}' ok"
    command = [
        "train",
        "--api-key",
        "k3y-of-mine",
        "--pad-token",
        "<pad>",
        "HUB_TOKEN=abc123def",
        "--lr=0.1",
        "--token",
        "7",
    ]
    assert masked_command(command, ()) == (
        "train", "--api-key", MASK, "--pad-token", "<pad>", f"HUB_TOKEN={MASK}", "--lr=0.1", "--token", "7",
    )  # fmt: skip


def test_values_of_the_users_own_secret_variables() -> None:
    environ = {
        "WANDB_API_KEY": "0a1b2c3d4e",
        "TOKEN_FILE": "x1y2z3a4b5",
        "GOOGLE_CREDENTIALS": "/home/a/b1",
        "HOME": "/h",
    }
    known = known_secrets(environ)
    assert known == ("0a1b2c3d4e",)
    assert mask("logged in with 0a1b2c3d4e!", known) == f"logged in with {MASK}!"
    assert harmless_variables(
        {"WANDB_API_KEY": "0a1b2c3d4e", "SEED": "3", "X": TOKENS["GitHub Token"]}, known
    )[0] == {"SEED": "3"}


def test_log_is_masked_by_line_and_otherwise_unchanged() -> None:
    key = "-----BEGIN RSA " + "PRIVATE KEY-----"
    lines = [
        b"\xff\x00 start\r\n",
        b"progress 1\rprogress 2\r\n",
        f"token {TOKENS['GitHub Token']}\r\n".encode(),
        key.encode() + b"\n",
        b"MIIEpAIBAAKCAQEA\n",
        b"-----END RSA PRIVATE KEY-----\n",
        "ä end".encode(),
    ]
    out = io.BytesIO()
    assert mask_log(io.BytesIO(b"".join(lines)), out, ()) == 4
    masked = out.getvalue().splitlines(keepends=True)
    assert masked[:3] == [lines[0], b"progress 1\r", b"progress 2\r\n"]
    assert b"".join(masked[3:]) == b"token [masked]\r\n[masked]\n[masked]\n[masked]\n" + lines[-1]


@given(st.binary(max_size=300))
def test_log_without_secrets_is_stored_as_it_is(content: bytes) -> None:
    out = io.BytesIO()
    if not find_secrets(content.decode("latin-1")):
        mask_log(io.BytesIO(content), out, ())
        assert out.getvalue() == content


@given(
    st.sampled_from(sorted(TOKENS)),
    st.text(alphabet="ab:/=@ \n\"'", max_size=20),
    st.text(max_size=20),
)
def test_quick_check_misses_no_secret(kind: str, before: str, after: str) -> None:
    assert is_suspicious(f"{before} {TOKENS[kind]} {after}")
    assert TOKENS[kind] not in mask(f"{before} {TOKENS[kind]} {after}")


def test_rules_of_library_are_used_or_excluded_with_reason() -> None:
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

    classes = get_mapping_from_secret_type_to_class().values()
    known = {
        f"{c.__module__}.{c.__name__}".removeprefix("detect_secrets.plugins.") for c in classes
    }
    used = {f"{module}.{name}" for module, name in DETECTORS.items()}
    assert used | LEFT_OUT.keys() == known
    assert not used & LEFT_OUT.keys()


def test_rule_versions_are_at_least_those_documented() -> None:
    from importlib.metadata import version

    assert (
        describe_rules() == f"detect-secrets {version('detect-secrets')} and token forms of {DATED}"
    )
    top = Path(__file__).parents[2]
    least = re.search(r'"detect-secrets>=([0-9.]+)"', (top / "pyproject.toml").read_text())
    assert least is not None
    assert (
        f"({least[1]} or later; a refusal names the installed version)"
        in (top / "docs/PRIVACY.md").read_text()
    )
