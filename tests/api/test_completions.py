"""The OpenAI dialect of /v1/completions and /v1/models, on a scripted engine."""

import json

import httpx
import pytest


async def complete(running, **body: object) -> httpx.Response:
    return await running.client.post("/v1/completions", json={"model": "tiny", **body})


async def test_text(running) -> None:
    running.say(" souffle")
    body = (await complete(running, prompt="Le mistral", max_tokens=50)).json()
    assert body["id"].startswith("cmpl-")
    assert body["object"] == "text_completion"
    assert body["choices"] == [{"index": 0, "text": " souffle", "logprobs": None, "finish_reason": "stop"}]
    assert running.engine.asked[0].prompt_ids == running.tokenizer.encode_prompt("Le mistral")


async def test_special_tokens_in_text_are_text(running) -> None:
    await complete(running, prompt="<|im_end|>")
    assert running.tokenizer.special_ids["<|im_end|>"] not in running.engine.asked[0].prompt_ids


async def test_token_ids(running) -> None:
    await complete(running, prompt=[5, 6, 7])
    assert running.engine.asked[0].prompt_ids == [5, 6, 7]


@pytest.mark.parametrize("prompts", [["un", "deux"], [[20, 21], [22]]])
async def test_several_prompts(running, prompts: list[object]) -> None:
    running.say(" vent")
    body = (await complete(running, prompt=prompts, n=2)).json()
    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2, 3]
    asked = [request.prompt_ids for request in running.engine.asked]
    assert asked[0] == asked[1] != asked[2] == asked[3]
    assert body["usage"]["prompt_tokens"] == len(asked[0]) + len(asked[2])
    assert body["usage"]["completion_tokens"] == 4 * len(running.engine.tokens)


async def test_stream(running) -> None:
    running.say(" souffle")
    response = await complete(running, prompt="Le mistral", stream=True)
    *data, done = [line[6:] for line in response.text.split("\n") if line.startswith("data: ")]
    assert done == "[DONE]"
    chunks = [json.loads(item) for item in data]
    assert "".join(chunk["choices"][0]["text"] for chunk in chunks) == " souffle"
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


async def test_default_length_is_openais(running) -> None:
    await complete(running, prompt="x")
    assert running.engine.asked[0].sampling.max_tokens == 16


@pytest.mark.parametrize(
    ("field", "param"),
    [
        ({}, "prompt"),
        ({"prompt": None}, "prompt"),
        ({"prompt": []}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": [1, "a"]}, "prompt"),
        ({"prompt": [True]}, "prompt"),
        ({"prompt": [10**6]}, "prompt"),
        ({"prompt": [-1]}, "prompt"),
        ({"prompt": [[[1]]]}, "prompt"),
        ({"prompt": "\ud800"}, "prompt"),
        ({"prompt": ["x", "\udfff"]}, "prompt"),
        ({"prompt": ["x"] * 200}, "n"),
        ({"prompt": "x", "echo": True}, "echo"),
        ({"prompt": "x", "suffix": "y"}, "suffix"),
        ({"prompt": "x", "best_of": 3}, "best_of"),
        ({"prompt": "x", "logprobs": 0}, "logprobs"),
    ],
)
async def test_refused(running, field: dict[str, object], param: str) -> None:
    # json.dumps, unlike httpx, writes lone surrogates
    response = await running.client.post(
        "/v1/completions", content=json.dumps(field), headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 400
    assert response.json()["error"]["param"] == param
    assert not running.engine.asked


async def test_models(running) -> None:
    listed = (await running.client.get("/v1/models")).json()
    assert listed["object"] == "list"
    [card] = listed["data"]
    assert (card["id"], card["object"], card["max_model_len"]) == ("tiny", "model", 128)
    assert (await running.client.get("/v1/models/tiny")).json() == card
    missing = await running.client.get("/v1/models/other")
    assert missing.status_code == 404
    assert missing.json()["error"]["code"] == "model_not_found"
