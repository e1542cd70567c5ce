"""A chat API on this machine, which answers as OpenAI's does, or misbehaves as `ApiServer` can."""

import json

from api_server import ApiServer


class ChatServer(ApiServer):
    """`say` is what the model says: a str, a dict (as JSON) or a function of the prompt."""

    def __init__(self):
        super().__init__()
        self.say = {"label": "A name", "description": "About it."}
        self.finish = "stop"

    @property
    def prompts(self):
        return [body["messages"][0]["content"] for _, _, _, body in self.requests]

    def _reply(self, path, headers, body):
        key = headers["Authorization"].removeprefix("Bearer ")
        if self.key not in (None, key):
            return 401, f"Incorrect API key provided: {key}."
        if path != "/v1/chat/completions":
            return 404, f"Unknown URL {path}."
        prompt = body["messages"][0]["content"]
        said = self.say(prompt) if callable(self.say) else self.say
        content = said if isinstance(said, str) or said is None else json.dumps(said)
        message = {"role": "assistant", "content": content}
        choice = {"index": 0, "finish_reason": self.finish, "message": message}
        usage = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
        return 200, {"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage}
