from __future__ import annotations

import logging

import pytest

from runner.terminal import secrets
from runner.terminal.secrets import is_secret, mask, mask_config

VALUE = "Zm9vYmFyYmF6cXV4MTIz"
KEYS = [
    "api_key", "openai.apikey", "password", "token", "hf_token", "secret", "auth_token", "key",
    "pwd", "pass", "auth", "bearer", "private_key", "access_key", "account_key", "passphrase",
    "connection_string", "sas", "subscription_key", "hydra.launcher.password",
    "hydra.job.env_set.MY_API_KEY", "AccountKey", "subscription-key", "aws_secret_access_key",
]  # fmt: skip


@pytest.mark.parametrize("key", KEYS)
def test_keys_of_secrets(key: str) -> None:
    assert is_secret(key, VALUE)
    assert mask_config({key: VALUE, "x": [{key: [VALUE]}]}) == {key: "***", "x": [{key: ["***"]}]}
    assert secrets.secrets_in({"a": [{key: VALUE}]}) == [f"a.0.{key}"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("max_tokens", "4096"), ("token_pattern", r"(?u)\b\w\w+\b"), ("tokenizer", "cl100k_base"),
        ("keybert", VALUE), ("key", "review_id"), ("key", "text"), ("auth", "none"),
        ("pad_token", "[PAD]"), ("eos_token", "<|endoftext|>"), ("n_tokens", "12"),
        ("password", ""), ("api_key", "null"), ("pass", "second"), ("monkey", VALUE),
    ],
)  # fmt: skip
def test_keys_of_no_secrets(key: str, value: str) -> None:
    assert not is_secret(key, value)
    assert mask_config({key: value}) == {key: value}


FORMS = {
    "OpenAI": "sk-abcdefghijklmnopqrst12",
    "OpenAI, project": "sk-proj-Zm9vYmFyYmF6cXV4MTIzNDU2",
    "Google": "AIzaSyA-1234567890abcdefghijklmnopqrstu",
    "Groq": "gsk_abcdefghijklmnopqrstuvwx1234567890",
    "Cohere": "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF3hI6kL9n",
    "GitLab": "glpat-abcDEF123456ghiJKL78",
    "NVIDIA": "nvapi-abcDEF123456ghiJKL78mnoPQR",
    "Databricks": "dapi0123456789abcdef0123456789abcdef",
    "Hugging Face": "hf_abcdefghijKLMNOPQRST",
    "GitHub": "ghp_abcdefghijklmnopqrst1234",
    "GitHub, fine": "github_pat_11ABCDEFG0abcdefghijkl_mnop",
    "AWS": "AKIAIOSFODNN7EXAMPLE",
    "Slack": "xoxb-1234567890-abcdefghij",
    "Anthropic": "sk-ant-api03-AbCdEfGhIjKlMnOpQrStUv0123456789-_AbCdEfGh-AA",
    "Mistral": "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0eF",
    "Voyage": "pa-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789_-abcd",
    "xAI": "xai-AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGhIjKl",
    "Google, a client": "GOCSPX-AbCdEfGhIjKlMnOpQrStUvWx",
    "Slack, an app": "xapp-1-A0123456789-1234567890123-abcdef0123456789",
    "npm": "npm_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789",
    "PyPI": "pypi-AgEIcHlwaS5vcmcCJGFiY2RlZmdoLTEyMzQtNTY3OA",
    "Together": "tgp_v1_AbCdEfGhIjKlMnOpQrStUvWxYz0123456789abcd",
    "Fireworks": "fw_3ZabcDEFghiJKLmnoPQRstuv",
    "LangSmith": "lsv2_pt_0123456789abcdef0123456789abcdef_0123456789",
    "Stripe": "rk_live_AbCdEfGhIjKlMnOpQrStUvWx",
    "a web token": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmN",
}


@pytest.mark.parametrize("provider", FORMS)
def test_a_key_is_known_by_its_form(provider: str) -> None:
    assert mask(f"failed with {FORMS[provider]}, sorry") == "failed with ***, sorry"
    assert is_secret("embedder.model", FORMS[provider])


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Bearer sk-abcdefghijklmnopqrst12", "Bearer ***"),
        ("Authorization: Bearer abcdefgh", "Authorization: Bearer ***"),
        ("{'Authorization': 'Bearer abcdefgh'}", "{'Authorization': 'Bearer ***'}"),
        ("authorization: Basic dXNlcjpwYXNz", "authorization: Basic ***"),
        ("x-api-key: 'abcdefgh'", "x-api-key: '***'"),
        ("postgresql://me:hunter22@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me:p@ss/w:rd@host/db", "postgresql://me:***@host/db"),
        ("postgresql://me@host/db", "postgresql://me@host/db"),
        ("https://token@host/x", "https://***@host/x"),
        ("https://token:@host/x", "https://***:@host/x"),
        ("http://h/x?api_key=abc&n=3", "http://h/x?api_key=***&n=3"),
        ("http://h/x?n=3&key=abc#a", "http://h/x?n=3&key=***#a"),
        (
            "http://h/x?X-Amz-Signature=0a1b2c3d&X-Amz-Algorithm=A",
            "http://h/x?X-Amz-Signature=***&X-Amz-Algorithm=A",
        ),
        (
            "mssql+pyodbc://?odbc_connect=UID%3Dsa%3BPWD%3Dhunter22",
            "mssql+pyodbc://?odbc_connect=***",
        ),
        (
            "https://hooks.slack.com/services/T00000000/B00000000/abcdefgh",
            "https://hooks.slack.com/services/***",
        ),
        ("http://h/x?sig=abc%2F&sv=1", "http://h/x?sig=***&sv=1"),
        ("AccountName=me;AccountKey=abc==;x=1", "AccountName=me;AccountKey=***;x=1"),
        ("+embedder.api_key=abc", "+embedder.api_key=***"),
        ('{"password": "abc", "a": 1}', '{"password": "***", "a": 1}'),
        ("{'key': 'v4lue-of-key', 'text': 'a1'}", "{'key': '***', 'text': 'a1'}"),
        ("hydra.launcher.password=abc", "hydra.launcher.password=***"),
        ("tracking.uri=https://tok@h", "tracking.uri=https://***@h"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----", "***"),
    ],
)
def test_mask(text: str, masked: str) -> None:
    assert mask(text) == masked
    assert mask(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        "see http://host:5000/path",
        "see http://host:5000/path@v1 and a:b@c",
        "http://h/x?n_topics=3&seed=1",
        "the sk-learn-contrib-lightning package, sk-learn-contrib-lightning-1-2-and-more",
        "pa-rt-of-a-name-that-is-long-and-goes-on-and-on-2, npm_config_cache, fw_models_and_more",
        "MinimumSpanningTreeOfTheReachGr4, TextCorpusOfTheYearTwenty2024abX",
        "run 0123456789abcdef0123456789abcdef and m-0123456789abcdef0123456789abcdef",
        "the bearer of bad news",
        "is not of the form key=value. Keys: run, uri.",
        "commit 0123456789abcdef0123456789abcdef01234567",
        "password must not be empty",
        "the token count is 12, max_tokens=8191, token_pattern=abc",
        "embedder.api_key='${oc.env:OPENAI_API_KEY}'",
        "sqlite:////data/mlflow.db",
        "topic 3: key, board, mouse",
        "{'key': 'review_id', 'pass': 'second', 'code': 'latin1', 'label_key': 'a1'}",
    ],
)
def test_nothing_is_masked_that_is_no_secret(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIKTOKEN_CACHE_DIR", "/data"), ("TIKTOKEN_CACHE_DIR", "universal"),
        ("TOKENIZERS_PARALLELISM", "false-but-long"), ("SOME_KEY", "universal"),
        ("HF_TOKEN_PATH", "/home/me/token"), ("MAX_TOKENS", "123456789"),
        ("SSH_AUTH", "/tmp/ssh-abc/agent.123"), ("MY_KEY", "https://host/path"),
        ("PWD", "a1-b2-c3-d4"), ("MONKEY", "a1-b2-c3-d4"), ("MY_TOKEN", "short1"),
    ],
)  # fmt: skip
def test_the_environment_does_not_cry_wolf(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    text = f"dataset.path={value}/x.csv and {value}"
    assert mask(text) == text


@pytest.mark.parametrize("name", ["MY_SERVICE_TOKEN", "my_api_key", "DB_PASSWORD", "SECRET"])
def test_a_secret_of_the_environment_is_masked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "correct-horse-battery")
    assert mask("x correct-horse-battery y") == "x *** y"
    assert mask_config({"a": ["correct-horse-battery"]}) == {"a": ["***"]}


def test_a_log_line_and_its_traceback_are_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SERVICE_TOKEN", "correct-horse-battery")
    try:
        raise ValueError("no entry for correct-horse-battery")
    except ValueError as error:
        record = logging.LogRecord("n", 40, "p", 1, "m", (), (type(error), error, None))
    assert "correct-horse" not in secrets.MaskingFormatter("%(message)s").format(record)


def test_what_a_terminal_would_obey_is_written_out() -> None:
    text = "a\x1b[31mred\x07\x9b2J\u202eevil\u2066\r\n\tb"
    assert secrets.printable(text) == r"a\x1b[31mred\x07\x9b2J\u202eevil\u2066\r" + "\n\tb"
    record = logging.LogRecord("n", 20, "p", 1, "%s", ("\x1b]0;x\x07",), None)
    assert "\x1b" not in secrets.MaskingFormatter("%(message)s").format(record)
