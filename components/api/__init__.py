"""Requests to a paid HTTP API, for embedders and for labels by a language model.

- `Provider` (`provider.py`): address, key, and what its SDK's exceptions mean. `OpenAI` and
  `Cohere` (`openai.py`, `cohere.py`) are providers; ``provider.connect(timeout)`` is their SDK's
  client.
- `Requests` (`requests.py`): retries with jittered back-off, one gate for all requests after a 429,
  a budget in tokens, a time limit for each request. ``requests.start(n, tokens, send)`` sends
  requests side by side and hands over each answer as it comes::

      provider = OpenAI(model="gpt-4o-mini", base_url=None)     # ParameterError, or a missing key
      requests = Requests(provider, concurrency=4, timeout=60, max_tokens=100_000)

      def send(rows):                                           # in a thread; one request
          raw = client.chat.completions.with_raw_response.create(model=..., messages=[...])
          body = provider.read(raw)                             # JSON, or the one clear error
          return body["choices"][0]["message"]["content"], total_tokens(body)

      with requests.start(len(prompts), lambda row: estimate_tokens(prompts[row]), send) as run:
          for rows, text in run:                                # rows: int array, here of one item
              ...                                               # store it: it is paid for

  Leaving the `with` raises whatever stopped the run: a refusal, the budget, a malformed answer
  (``raise provider.malformed("...")`` in `send`, or ``run.fail(error)``), Ctrl-C or SIGTERM. Before
  that, every answer that was under way has been handed over.
- `estimate_tokens`, `truncate_by_estimate` (`tokens.py`): tokens of a text without a vocabulary;
  `total_tokens` (`openai.py`): what an answer says that it cost.

A part names its parameters as `Requests` does (`concurrency`, `timeout`, `max_retries`,
`retry_delay`, `max_tokens`, `model`, `base_url`), so that an error names the right one.
"""
