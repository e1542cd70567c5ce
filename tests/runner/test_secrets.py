from __future__ import annotations

import logging

import pytest

from runner import secrets


@pytest.mark.parametrize(
    "key", ["api_key", "openai.apikey", "password", "token", "hf_token", "secret", "auth_token"]
)
def test_keys_of_secrets(key: str) -> None:
    assert secrets.is_secret_key(key)


@pytest.mark.parametrize(
    "key", ["max_tokens", "token_pattern", "tokenizer", "keybert", "key", "n_tokens"]
)
def test_keys_of_no_secrets(key: str) -> None:
    assert not secrets.is_secret_key(key)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Bearer sk-abcdefghijklmnopqrstuv", "Bearer ***"),
        ("postgresql://me:hunter22@host/db", "postgresql://me:***@host/db"),
        ("see http://host:5000/path", "see http://host:5000/path"),
        ("the sk-learn package", "the sk-learn package"),
    ],
)
def test_mask(text: str, masked: str) -> None:
    assert secrets.mask(text) == masked


def test_a_secret_of_the_environment_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SERVICE_TOKEN", "correct-horse-battery")
    assert secrets.mask("x correct-horse-battery y") == "x *** y"
    assert secrets.mask_config({"a": ["correct-horse-battery"]}) == {"a": ["***"]}


def test_a_log_line_and_its_traceback_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SERVICE_TOKEN", "correct-horse-battery")
    try:
        raise ValueError("no entry for correct-horse-battery")
    except ValueError as error:
        record = logging.LogRecord("n", 40, "p", 1, "m", (), (type(error), error, None))
    assert "correct-horse" not in secrets.MaskingFormatter("%(message)s").format(record)
