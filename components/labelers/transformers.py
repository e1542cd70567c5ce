"""Topics are labelled by a language model in this process, loaded by transformers."""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from functools import cached_property
from typing import Any

from components.api.chat import UNSENT, Refused, Replies, answer_key
from components.base import ParameterError, at_least, progress
from components.embedders import weights
from components.embedders.torch_models import pick_device, position_limit
from components.labelers.llm import ModelLabels


class TransformersLabels(ModelLabels):
    """Labels by a text-generation model that runs here, without a server.

    Parameters
    ----------
    prompt, language, n_documents, max_input_tokens
        See `ModelLabels`.
    model, revision, device, max_new_tokens, begin
        See `LocalChat`.
    """

    def __init__(
        self,
        *,
        model: str,
        prompt: str,
        revision: str | None = None,
        language: str | None = None,
        n_documents: int = 4,
        max_input_tokens: int = 1500,
        max_new_tokens: int = 200,
        begin: str = "",
        device: str | None = None,
    ) -> None:
        chat = LocalChat(
            model=model,
            revision=revision,
            max_new_tokens=max_new_tokens,
            begin=begin,
            device=device,
        )
        super().__init__(
            chat,
            prompt=prompt,
            language=language,
            n_documents=n_documents,
            max_input_tokens=max_input_tokens,
        )


class LocalChat:
    """What `transformers.pipeline("text-generation")` answers, with its most likely words.

    A prompt goes through the model's chat template, if it has one. Only weights in safetensors are
    loaded, and no code that comes with a model is run. Nothing is loaded where every answer is
    cached.

    Parameters
    ----------
    model : str
        A hub's name, a local folder, or `pkg://package/folder`.
    revision : str, optional
        Branch, tag or commit on the hub; None takes what is cached here, else the newest.
    max_new_tokens : int
        Of an answer.
    begin : str
        The first characters of every answer, which the model goes on from. A small model that
        would answer with a sentence continues JSON where it finds it begun.
    device : str, optional
        cpu, cuda, cuda:1, mps; None takes the best one there is.

    Raises
    ------
    ParameterError
        When there is no such folder, or the hub neither can be reached nor was before.
    """

    def __init__(
        self,
        *,
        model: str,
        revision: str | None = None,
        max_new_tokens: int = 200,
        begin: str = "",
        device: str | None = None,
    ) -> None:
        self.model = model
        self.revision = revision
        self.max_new_tokens = max_new_tokens
        self.begin = begin
        self.device = device
        at_least(1, max_new_tokens=max_new_tokens)
        if not model:
            raise self._not_loaded("none is named")
        # Labels come last: what would fail then for certain fails before any work.
        if not weights.is_local(weights.resolve(model)) and self._identity["commit"] is None:
            raise self._not_loaded("the hub cannot be reached from here, or has no such model")
        self._answers: dict[str, str] = {}  # of this process, for runs without a cache

    def ask(
        self, prompts: Sequence[str], answers: MutableMapping[str, str] | None = None
    ) -> Replies:
        """The model's answers to `prompts`; parameters as for `ServerChat.ask`."""
        stored = self._answers if answers is None else answers
        keys = [answer_key(**self._settings, prompt=prompt) for prompt in prompts]
        texts: dict[str, str | Refused] = {
            key: text for key in set(keys) if (text := stored.get(key)) is not None
        }
        new = {key: prompt for key, prompt in zip(keys, prompts, strict=True) if key not in texts}
        n_tokens = 0
        try:
            for key, prompt in progress(new.items(), total=len(new), label="answers"):
                answer, used = self._generate(prompt)
                texts[key] = answer
                n_tokens += used
                if isinstance(answer, str):
                    stored[key] = answer
        except ParameterError as error:  # the model cannot be loaded
            return Replies([texts.get(key, UNSENT) for key in keys], failure=error)
        return Replies([texts[key] for key in keys], len(new), n_tokens)

    def _generate(self, prompt: str) -> tuple[str | Refused, int]:
        """The answer to a prompt, and the tokens of both."""
        import torch

        tokenizer, model, limit = self._loaded
        has_template = bool(tokenizer.chat_template)
        text = prompt
        if has_template:
            message = {"role": "user", "content": prompt}
            text = tokenizer.apply_chat_template(
                [message], tokenize=False, add_generation_prompt=True
            )
        text += self.begin
        # The template has written the special tokens already.
        inputs = tokenizer(text, add_special_tokens=not has_template, return_tensors="pt")
        inputs = {name: inputs[name].to(model.device) for name in ("input_ids", "attention_mask")}
        n_input = inputs["input_ids"].shape[1]
        if limit is not None and n_input + self.max_new_tokens > limit:
            return Refused(
                f"the prompt has {n_input} tokens, and the model takes {limit}, less "
                f"max_new_tokens={self.max_new_tokens} of the answer: lower max_input_tokens"
            ), 0
        with torch.inference_mode():
            output = model.generate(
                **inputs,
                max_new_tokens=self.max_new_tokens,
                do_sample=False,
                num_beams=1,
                temperature=None,
                top_p=None,
                top_k=None,
                pad_token_id=tokenizer.eos_token_id,
            )[0]
        answer = tokenizer.decode(output[n_input:], skip_special_tokens=True)
        return self.begin + answer, len(output)

    @cached_property
    def _settings(self) -> dict[str, Any]:
        """All that an answer depends on, but the prompt."""
        begin = {"begin": self.begin} if self.begin else {}
        return self._identity | {"max_new_tokens": self.max_new_tokens} | begin

    @cached_property
    def _identity(self) -> dict[str, Any]:
        return weights.identity(self.model, self.revision)

    @cached_property
    def _loaded(self) -> tuple[Any, Any, int | None]:
        """The tokenizer, the model, and the most tokens of a prompt and its answer."""
        device = pick_device(self.device)

        def build(name: str, **source: Any) -> Any:
            from transformers import AutoModelForCausalLM, AutoTokenizer

            return (
                AutoTokenizer.from_pretrained(name, **source),
                AutoModelForCausalLM.from_pretrained(
                    name, dtype="auto", use_safetensors=True, **source
                ),
            )

        try:
            tokenizer, model = weights.fetch(self.model, self.revision, build, "config.json")
        except ParameterError as error:
            cause = error.__cause__ or error
            raise self._not_loaded(
                f"{type(cause).__name__}: {cause}".splitlines()[0][:300]
            ) from error
        return tokenizer, model.to(device).eval(), position_limit(model)

    def _not_loaded(self, reason: str) -> ParameterError:
        return ParameterError(
            "model",
            self.model,
            f"could not be loaded ({reason}). Give the folder of a downloaded text-generation "
            "model with safetensors, or the name of one that the hub has, such as "
            "HuggingFaceTB/SmolLM2-360M-Instruct; a server on this machine is reached by "
            "labels=llm.",
        )
