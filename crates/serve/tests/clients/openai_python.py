"""The official Python client against running servers: python openai_python.py BASE_URL BUSY_URL."""

import json
import sys
import threading
import time
from typing import Literal

import openai
import pydantic
from openai import OpenAI
from openai.types.responses import Response, ResponseItemList

client = OpenAI(base_url=sys.argv[1], api_key="right", max_retries=0)
HELLO = [{"role": "user", "content": "Hello"}]


def refused(kind, status, param, call):
    """The call must be refused by this exception, status and parameter."""
    try:
        call()
    except kind as error:
        assert error.status_code == status, error
        assert error.param == param, (error.param, error)
        assert error.request_id.startswith("req-"), error.request_id
        return error
    raise AssertionError(f"no {kind.__name__}")


def models():
    names = [model.id for model in client.models.list()]
    assert names == ["tiny", "alias/of-tiny"], names
    assert client.models.retrieve("tiny").owned_by == "ulp"


def chat():
    made = client.chat.completions.create(
        model="tiny", messages=HELLO, max_completion_tokens=8, n=2, seed=1, logprobs=True, top_logprobs=3
    )
    assert made.object == "chat.completion" and len(made.choices) == 2
    assert made.usage.total_tokens == made.usage.prompt_tokens + made.usage.completion_tokens
    for choice in made.choices:
        assert choice.finish_reason in ("stop", "length")
        assert choice.message.role == "assistant"
        for token in choice.logprobs.content:
            assert len(token.top_logprobs) == 3 and token.logprob <= 0


def stream():
    options = {"model": "tiny", "messages": HELLO, "max_tokens": 20, "seed": 3}
    whole = client.chat.completions.create(**options)
    chunks = list(
        client.chat.completions.create(**options, stream=True, stream_options={"include_usage": True})
    )
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens
    assert {chunk.id for chunk in chunks} == {chunks[0].id}


def helper_stream():
    """The client's own accumulator, which checks the order of chunks."""
    with client.chat.completions.stream(model="tiny", messages=HELLO, max_tokens=20, seed=3) as events:
        texts = [event.delta for event in events if event.type == "content.delta"]
        try:
            final = events.get_final_completion()
        except openai.LengthFinishReasonError as error:  # what the client makes of a cut answer
            final = error.completion
    assert "".join(texts) == final.choices[0].message.content


def leave_a_stream():
    with client.chat.completions.create(model="tiny", messages=HELLO, stream=True) as answer:
        next(iter(answer))


def parts_and_roles():
    made = client.chat.completions.create(
        model="tiny",
        max_tokens=2,
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Hel"}, {"type": "text", "text": "lo"}]},
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": "Go on."},
        ],
    )
    prompt = "<system>Be brief.\n<user>Hello\n<assistant>Yes?\n<user>Go on.\n<assistant>"
    assert made.usage.prompt_tokens == len(prompt), made.usage


def completions():
    made = client.completions.create(model="tiny", prompt=["ab", "cd"], max_tokens=3, logprobs=2, echo=True)
    assert [choice.text[:2] for choice in made.choices] == ["ab", "cd"]
    assert len(made.choices[0].logprobs.tokens) == 5
    pieces = client.completions.create(model="tiny", prompt="ab", max_tokens=3, stream=True)
    assert list(pieces)[-1].choices[0].finish_reason in ("stop", "length")


def errors():
    create = client.chat.completions.create
    refused(openai.NotFoundError, 404, "model", lambda: create(model="other", messages=HELLO))
    refused(openai.BadRequestError, 400, "messages", lambda: create(model="tiny", messages=[]))
    refused(
        openai.BadRequestError, 400, "temperature",
        lambda: create(model="tiny", messages=HELLO, temperature=3),
    )
    refused(
        openai.BadRequestError, 400, "prediction",
        lambda: create(model="tiny", messages=HELLO, prediction={"type": "content", "content": "x"}),
    )
    refused(
        openai.BadRequestError, 400, "colour",
        lambda: create(model="tiny", messages=HELLO, extra_body={"colour": "red"}),
    )
    long = [{"role": "user", "content": "x" * 3000}]
    error = refused(openai.BadRequestError, 400, "messages", lambda: create(model="tiny", messages=long))
    assert error.code == "context_length_exceeded"
    wrong = client.with_options(api_key="wrong")
    refused(openai.AuthenticationError, 401, None, lambda: wrong.models.list())


def extensions():
    made = client.chat.completions.create(
        model="tiny", messages=HELLO, max_tokens=4, extra_body={"top_k": 1, "min_p": 0.1, "ignore_eos": True}
    )
    assert made.usage.completion_tokens == 4


def raw_response():
    raw = client.chat.completions.with_raw_response.create(model="tiny", messages=HELLO, max_tokens=1)
    assert raw.headers["x-request-id"].startswith("req-")
    assert raw.parse().choices[0].finish_reason


def responses():
    made = client.responses.create(model="tiny", input="Hello", max_output_tokens=8, extra_body={"seed": 2})
    assert made.output_text and made.status in ("completed", "incomplete")
    Response.model_validate(made.to_dict())  # the client itself checks nothing
    with client.responses.stream(
        model="tiny", input="Hello", max_output_tokens=8, extra_body={"seed": 2}
    ) as events:
        text = ""
        for event in events:
            text += event.delta if event.type == "response.output_text.delta" else ""
            type(event).model_validate(event.to_dict())
    assert text == made.output_text


def stored_responses():
    first = client.responses.create(model="tiny", input="Hello", instructions="Be brief.", max_output_tokens=4)
    assert first.store and first.previous_response_id is None, first
    second = client.responses.create(
        model="tiny", input="Go on", previous_response_id=first.id, max_output_tokens=4
    )
    assert second.previous_response_id == first.id
    kept = client.responses.retrieve(second.id)
    assert kept == second
    Response.model_validate(kept.to_dict())
    items = list(client.responses.input_items.list(second.id, order="asc", limit=2))  # two pages
    assert [item.role for item in items] == ["user", "assistant", "user"], items
    assert items[1].id == first.output[0].id
    for item in items:
        type(item).model_validate(item.to_dict())
    whole = client.responses.input_items.with_raw_response.list(second.id).http_response.json()
    ResponseItemList.model_validate(whole)
    assert whole["first_id"] == items[2].id and not whole["has_more"]
    with client.responses.stream(
        model="tiny", input="And?", previous_response_id=second.id, max_output_tokens=4
    ) as events:
        *_, last = events
    third = last.response
    assert client.responses.retrieve(third.id).output_text == third.output_text

    client.responses.delete(first.id)
    refused(openai.NotFoundError, 404, None, lambda: client.responses.retrieve(first.id))
    refused(openai.NotFoundError, 404, None, lambda: client.responses.input_items.list(first.id))
    refused(openai.NotFoundError, 404, None, lambda: client.responses.delete(first.id))
    secret = client.responses.create(model="tiny", input="a", store=False, max_output_tokens=1)
    for gone in (first, secret):
        error = refused(
            openai.BadRequestError, 400, "previous_response_id",
            lambda: client.responses.create(model="tiny", input="a", previous_response_id=gone.id),
        )
        assert error.code == "previous_response_not_found", error
    refused(openai.BadRequestError, 400, "stream", lambda: client.responses.retrieve(second.id, stream=True))


def embeddings():
    made = client.embeddings.create(model="tiny", input=["Hello", "Hallo"])  # base64 on the wire
    floats = client.embeddings.create(model="tiny", input="Hello", encoding_format="float")
    assert len(made.data) == 2 and made.usage.prompt_tokens == 10
    assert made.data[0].embedding == floats.data[0].embedding
    assert abs(sum(x * x for x in floats.data[0].embedding) - 1) < 1e-5
    refused(
        openai.BadRequestError, 400, "dimensions",
        lambda: client.embeddings.create(model="tiny", input="a", dimensions=8),
    )


WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"enum": ["Rome", "Oslo"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


def tools():
    options = {"model": "tiny", "messages": HELLO, "tools": [WEATHER], "tool_choice": "required",
               "parallel_tool_calls": False, "seed": 1}
    made = client.chat.completions.create(**options)
    (call,) = made.choices[0].message.tool_calls
    assert made.choices[0].finish_reason == "tool_calls" and call.function.name == "weather"
    assert json.loads(call.function.arguments)["city"] in ("Rome", "Oslo")
    with client.chat.completions.stream(**options) as events:
        for _ in events:
            pass
        final = events.get_final_completion()
    assert final.choices[0].message.tool_calls[0].function.arguments == call.function.arguments


def tools_of_responses():
    flat = {"type": "function", **WEATHER["function"], "strict": True}
    options = {"model": "tiny", "input": "Hello", "tools": [flat], "tool_choice": "required",
               "parallel_tool_calls": False, "extra_body": {"seed": 1}}
    made = client.responses.create(**options)
    (call,) = made.output
    assert call.type == "function_call" and call.name == "weather", made
    Response.model_validate(made.to_dict())
    assert made.tools[0].name == "weather" and made.tool_choice == "required"
    assert json.loads(call.arguments)["city"] in ("Rome", "Oslo")
    with client.responses.stream(**options) as events:
        final = [event for event in events if event.type == "response.function_call_arguments.done"]
    assert [event.arguments for event in final] == [call.arguments]
    told = client.responses.create(
        model="tiny", tools=[flat], max_output_tokens=4, tool_choice="none",
        input=[{"role": "user", "content": "Weather?"}, call.to_dict(),
               {"type": "function_call_output", "call_id": call.call_id, "output": "Rain"}],
    )
    assert told.usage.input_tokens > 20


def structured_output():
    class Point(pydantic.BaseModel):
        up: bool
        colour: Literal["red", "green"]

    made = client.chat.completions.parse(model="tiny", messages=HELLO, response_format=Point)
    assert made.choices[0].message.parsed.colour in ("red", "green")
    made = client.responses.parse(model="tiny", input="Hello", text_format=Point)
    assert made.output_parsed.up in (True, False)
    asked = made.text.format
    assert (asked.type, asked.name, asked.strict) == ("json_schema", "Point", True), asked
    assert asked.schema_["properties"].keys() == {"up", "colour"}, asked


def retries():
    """A server with one place, which another answer holds for a while."""
    busy = OpenAI(base_url=sys.argv[2], api_key="right", max_retries=3)
    holder = busy.completions.create(
        model="tiny", prompt="a", max_tokens=100000, stream=True, extra_body={"ignore_eos": True}
    )
    next(iter(holder))
    ask = {"model": "tiny", "prompt": "b", "max_tokens": 1}
    error = refused(
        openai.InternalServerError, 503, None,
        lambda: busy.with_options(max_retries=0).completions.create(**ask),
    )
    assert error.code == "overloaded" and error.response.headers["retry-after"] == "1"
    threading.Timer(0.3, holder.close).start()
    start = time.monotonic()
    raw = busy.completions.with_raw_response.create(**ask)
    assert raw.retries_taken >= 1 and raw.parse().usage.completion_tokens == 1
    assert time.monotonic() - start > 0.9, "it waits as long as it is told to"


CHECKS = [
    models, chat, stream, helper_stream, leave_a_stream, parts_and_roles, completions, errors,
    extensions, raw_response, responses, stored_responses, embeddings, tools,
    tools_of_responses, structured_output, retries,
]
for check in CHECKS:
    check()
    print(f"ok {check.__name__}")
