"""Keys of servers' own: master keys that seal them, and a provider that takes one key and refuses all others."""

from __future__ import annotations

from cryptography.fernet import Fernet

from bot.models.catalogue import Model
from tests.servers.model_server import ModelServer, model_list

MASTER, NEWER = (Fernet.generate_key().decode() for _ in range(2))
OWN_KEY = "sk-own-of-a-server-0123456789"
GPT = Model("m", "openai/test", "M", "openai")  # asked at OpenAI's own host, or where OPENAI_BASE_URL says


def take_keys(server: ModelServer) -> dict[str, str]:
    """Have a server list its models; return the environment in which it is OpenAI's, with a key of the operator's."""
    server.tell(model_list("test"), path="/v1/models")
    base = f"{server.url}/v1"
    return {"OPENAI_BASE_URL": base, "OPENAI_API_BASE": base, "OPENAI_API_KEY": "sk-of-the-operator-0123456789"}
