import pytest


@pytest.fixture
def api_server(monkeypatch):
    """A local server in place of OpenAI's and Cohere's; no key is set."""
    from api_server import ApiServer

    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "CO_API_KEY", "CO_API_URL"):
        monkeypatch.delenv(name, raising=False)
    server = ApiServer()
    yield server
    server.close()
