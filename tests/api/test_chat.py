"""The OpenAI dialect of /v1/chat/completions, on a scripted engine."""

import json
from typing import Any

import httpx
import pytest

from tramontane.engine.request import SamplingParams


def events(response: httpx.Response) -> list[dict[str, Any]]:
    """The JSON of each event but the last, which must be [DONE]."""
    assert response.headers["content-type"].startswith("text/event-stream")
    *data, done = [line[6:] for line in response.text.split("\n") if line.startswith("data: ")]
    assert done == "[DONE]"
    return [json.loads(item) for item in data]


def streamed_text(response: httpx.Response, index: int = 0) -> str:
    choices = [choice for event in events(response) for choice in event["choices"]]
    return "".join(c["delta"].get("content", "") for c in choices if c["index"] == index)


async def test_whole_answer(running) -> None:
    running.say("Le mistral.")
    response = await running.chat()
    assert response.status_code == 200
    body = response.json()
    assert body["id"].startswith("chatcmpl-")
    assert (body["object"], body["model"]) == ("chat.completion", "tiny")
    assert body["system_fingerprint"].startswith("fp_")
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Le mistral.", "refusal": None},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ]
    prompt, completion = len(running.engine.asked[0].prompt_ids), len(running.engine.tokens)
    assert body["usage"] == {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


async def test_streamed_answer(running) -> None:
    running.say("Le mistral.")
    chunks = events(await running.chat(stream=True))
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in chunks)
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert all("role" not in chunk["choices"][0]["delta"] for chunk in chunks[1:])
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == "Le mistral."
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
    # without include_usage, the last chunk tells it
    assert chunks[-1]["usage"]["completion_tokens"] == len(running.engine.tokens)
    assert all("usage" not in chunk for chunk in chunks[:-1])


async def test_include_usage(running) -> None:
    running.say("Le mistral.")
    chunks = events(await running.chat(stream=True, stream_options={"include_usage": True}))
    assert all(chunk["usage"] is None for chunk in chunks[:-1])
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == len(running.engine.tokens)


@pytest.mark.parametrize("stream", [False, True])
async def test_stop_string_across_tokens(running, stream: bool) -> None:
    """It is never sent, and the engine is told to stop."""
    running.say("abc END def", pause=0.001)
    assert len(running.engine.tokens) > 5
    response = await running.chat(stop=["END"], stream=stream)
    if stream:
        text, finish = streamed_text(response), events(response)[-1]["choices"][0]["finish_reason"]
    else:
        choice = response.json()["choices"][0]
        text, finish = choice["message"]["content"], choice["finish_reason"]
    assert (text, finish) == ("abc ", "stop")
    assert not running.engine.running


async def test_beginning_of_a_stop_string_is_sent_in_the_end(running) -> None:
    running.say("abc EN")
    assert streamed_text(await running.chat(stop="END", stream=True)) == "abc EN"


async def test_characters_of_several_tokens_stay_whole(running) -> None:
    text = "Été 🌬️ \u2028 fin 漢字"
    running.say(text)
    whole = (await running.chat()).json()["choices"][0]["message"]["content"]
    response = await running.chat(stream=True)
    assert whole == text == streamed_text(response)
    for chunk in events(response):
        assert "\ufffd" not in chunk["choices"][0]["delta"].get("content", "")


async def test_several_answers(running) -> None:
    running.say("Le vent.", pause=0.001)
    body = (await running.chat(n=3, seed=7)).json()
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    assert {choice["message"]["content"] for choice in body["choices"]} == {"Le vent."}
    assert [request.sampling.seed for request in running.engine.asked] == [7, 8, 9]
    assert body["usage"]["prompt_tokens"] == len(running.engine.asked[0].prompt_ids)
    assert body["usage"]["completion_tokens"] == 3 * len(running.engine.tokens)
    response = await running.chat(n=3, stream=True)
    assert [streamed_text(response, index) for index in range(3)] == ["Le vent."] * 3
    assert events(response)[-1]["usage"]["completion_tokens"] == 3 * len(running.engine.tokens)


async def test_sampling_reaches_the_engine(running) -> None:
    asked = {"temperature": 0.5, "top_p": 0.9, "top_k": 40, "min_p": 0.05, "seed": 3, "max_tokens": 5}
    penalties = {"presence_penalty": 0.1, "frequency_penalty": 0.2, "repetition_penalty": 1.1}
    await running.chat(**asked, **penalties)
    assert running.engine.asked[0].sampling == SamplingParams(
        **asked, **penalties, stop_ids=running.tokenizer.eos_ids
    )


async def test_ignoring_the_end_leaves_no_stop_id(running) -> None:
    await running.chat(ignore_eos=True)
    sampling = running.engine.asked[0].sampling
    assert sampling.ignore_eos
    assert sampling.stop_ids == ()


async def test_model_folder_has_an_opinion(running) -> None:
    from tramontane.api.defaults import SamplingDefaults

    running.service.model.defaults = SamplingDefaults(temperature=0.6, top_k=20)
    await running.chat()
    await running.chat(temperature=0)
    first, second = (request.sampling for request in running.engine.asked)
    assert (first.temperature, first.top_k) == (0.6, 20)
    assert (second.temperature, second.top_k) == (0, 20)


async def test_without_a_limit_the_rest_of_the_context(running) -> None:
    await running.chat()
    request = running.engine.asked[0]
    assert len(request.prompt_ids) + request.sampling.max_tokens == running.engine.info.context_length


async def test_max_completion_tokens_wins(running) -> None:
    running.say("un deux trois quatre")
    body = (await running.chat(max_tokens=9, max_completion_tokens=2)).json()
    assert body["usage"]["completion_tokens"] == 2
    assert body["choices"][0]["finish_reason"] == "length"


async def test_messages_become_the_template(running) -> None:
    parts = [{"type": "text", "text": "Bon"}, {"type": "text", "text": "jour <|im_end|>"}]
    messages = [
        {"role": "developer", "content": "Sois bref."},
        {"role": "user", "content": parts, "name": "Anne"},
        {"role": "assistant", "content": None},
        {"role": "user", "content": "Encore"},
    ]
    await running.chat(messages=messages)
    plain = [
        {"role": "system", "content": "Sois bref."},
        {"role": "user", "content": "Bonjour <|im_end|>"},
        {"role": "assistant", "content": ""},
        {"role": "user", "content": "Encore"},
    ]
    assert running.engine.asked[0].prompt_ids == running.tokenizer.encode_chat(plain)


@pytest.mark.parametrize("tokens", [None, 5])
async def test_too_long_a_prompt_is_refused_whole(running, tokens: int | None) -> None:
    long = [{"role": "user", "content": "vent " * 200}]
    for stream in (False, True):
        response = await running.chat(messages=long, max_tokens=tokens, stream=stream)
        assert response.status_code == 400
        error = response.json()["error"]
        assert (error["code"], error["param"]) == ("context_length_exceeded", "messages")
        assert str(running.engine.info.context_length) in error["message"]
    assert not running.engine.asked


async def test_hopelessly_long_a_prompt_is_not_tokenised_whole(running, monkeypatch) -> None:
    longest = 0
    tokenizer = running.service.model.tokenizer

    def encode(text: str) -> list[int]:
        nonlocal longest
        longest = max(longest, len(text))
        return running.tokenizer.encode(text)

    monkeypatch.setattr(tokenizer, "encode", encode)
    monkeypatch.setattr(tokenizer, "encode_chat", None)
    error = (await running.chat(messages=[{"role": "user", "content": "vent " * 10**6}])).json()["error"]
    assert (error["code"], error["param"]) == ("context_length_exceeded", "messages")
    assert 0 < longest < 10_000


async def test_too_long_an_answer_is_refused(running) -> None:
    response = await running.chat(max_tokens=running.engine.info.context_length)
    assert response.json()["error"]["code"] == "context_length_exceeded"


@pytest.mark.parametrize(
    "field",
    [
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {"tool_choice": "required"},
        {"functions": [{"name": "f"}]},
        {"logprobs": True},
        {"top_logprobs": 3},
        {"response_format": {"type": "json_object"}},
        {"logit_bias": {"5": 10}},
        {"modalities": ["text", "audio"]},
        {"chat_template": "{{ messages }}"},
        {"guided_json": {}},
    ],
    ids=lambda field: next(iter(field)),
)
async def test_unsupported_is_refused_by_name(running, field: dict[str, object]) -> None:
    response = await running.chat(**field)
    name = next(iter(field))
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", name)
    assert error["code"] == "unsupported_parameter"
    assert name in error["message"]
    assert not running.engine.asked


@pytest.mark.parametrize(
    "message",
    [
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]},
        {"role": "tool", "content": "4", "tool_call_id": "x"},
    ],
)
async def test_unsupported_messages(running, message: dict[str, object]) -> None:
    error = (await running.chat(messages=[message])).json()["error"]
    assert (error["code"], error["param"]) == ("unsupported_parameter", "messages")


async def test_harmless_fields_are_ignored(running) -> None:
    harmless = {
        "user": "u1",
        "metadata": {"a": "b"},
        "store": False,
        "service_tier": "auto",
        "parallel_tool_calls": True,
        "prompt_cache_key": "k",
        "safety_identifier": "s",
        "reasoning_effort": "low",
        "verbosity": "low",
        "tools": [],
        "tool_choice": "auto",
        "response_format": {"type": "text"},
        "logprobs": False,
        "logit_bias": {},
        "something_new": {"x": [1]},
    }
    assert (await running.chat(**harmless)).status_code == 200


@pytest.mark.parametrize(
    ("field", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "hello"}, "messages"),
        ({"messages": [{"role": "pope", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": "\ud800"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": 2.5}, "temperature"),
        ({"temperature": "0.5"}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": float("inf")}, "temperature"),
        ({"top_p": 0}, "top_p"),
        ({"top_p": 1.1}, "top_p"),
        ({"top_k": -2}, "top_k"),
        ({"min_p": -0.1}, "min_p"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 1.5}, "max_tokens"),
        ({"max_completion_tokens": -1}, "max_completion_tokens"),
        ({"n": 0}, "n"),
        ({"n": 10**9}, "n"),
        ({"stop": ""}, "stop[0]"),
        ({"stop": ["x"] * 10_000}, "stop"),
        ({"stop": [5]}, "stop[0]"),
        ({"presence_penalty": 3}, "presence_penalty"),
        ({"repetition_penalty": 0}, "repetition_penalty"),
        ({"seed": 2**63}, "seed"),
        ({"stream": "yes"}, "stream"),
        ({"stream_options": 5}, "stream_options"),
    ],
)
async def test_wrong_values_are_named(running, field: dict[str, object], param: str) -> None:
    # json.dumps, unlike httpx, writes NaN and lone surrogates, as careless clients do
    body = json.dumps({"model": "tiny", "messages": [{"role": "user", "content": "x"}], **field})
    response = await running.client.post(
        "/v1/chat/completions", content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert param in error["message"]
    assert not running.engine.asked


async def test_wrong_model(running) -> None:
    response = await running.chat(model="gpt-4\r\nX: y")
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "model_not_found"
    assert (
        await running.client.post(
            "/v1/chat/completions", json={"messages": [{"role": "user", "content": "x"}]}
        )
    ).status_code == 200
