// The official Node client against running servers: node openai_node.mjs BASE_URL BUSY_URL MODULES.

import assert from "node:assert";
import { createRequire } from "node:module";

const OpenAI = createRequire(process.argv[4] + "/")("openai").OpenAI;
const client = new OpenAI({ baseURL: process.argv[2], apiKey: "right", maxRetries: 0 });
const model = "tiny";
const messages = [{ role: "user", content: "Hello" }];

const checks = {
  async models() {
    const names = [];
    for await (const one of client.models.list()) names.push(one.id);
    assert.deepEqual(names, ["tiny", "alias/of-tiny"]);
  },

  async chat() {
    const made = await client.chat.completions.create({ model, messages, max_tokens: 5, n: 2, seed: 1 });
    assert.equal(made.choices.length, 2);
    assert.equal(made.usage.total_tokens, made.usage.prompt_tokens + made.usage.completion_tokens);
  },

  async stream() {
    const options = { model, messages, max_tokens: 20, seed: 3 };
    const whole = await client.chat.completions.create(options);
    const stream = await client.chat.completions.create({
      ...options, stream: true, stream_options: { include_usage: true },
    });
    let text = "", usage = null;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta?.content ?? "";
      usage = chunk.usage ?? usage;
    }
    assert.equal(text, whole.choices[0].message.content);
    assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
  },

  async helperStream() {
    const runner = client.chat.completions.stream({ model, messages, max_tokens: 20, seed: 3 });
    let text = "";
    runner.on("content", (piece) => { text += piece; });
    assert.equal((await runner.finalChatCompletion()).choices[0].message.content, text);
  },

  async abort() {
    const stream = await client.chat.completions.create({ model, messages, stream: true });
    for await (const _ of stream) stream.controller.abort();
  },

  async completions() {
    const made = await client.completions.create({ model, prompt: ["ab", "cd"], max_tokens: 3, echo: true });
    assert.deepEqual(made.choices.map((choice) => choice.text.slice(0, 2)), ["ab", "cd"]);
  },

  async responses() {
    const options = { model, input: "Hello", max_output_tokens: 8, seed: 2 };
    const made = await client.responses.create(options);
    let text = "";
    for await (const event of await client.responses.create({ ...options, stream: true })) {
      if (event.type === "response.output_text.delta") text += event.delta;
    }
    assert.equal(text, made.output_text);
  },

  async embeddings() {
    const made = await client.embeddings.create({ model, input: ["Hello", "Hallo"] });
    const floats = await client.embeddings.create({ model, input: "Hello", encoding_format: "float" });
    assert.deepEqual(made.data[0].embedding, floats.data[0].embedding);
  },

  async tools() {
    const parameters = {
      type: "object", properties: { city: { enum: ["Rome", "Oslo"] } }, required: ["city"], additionalProperties: false,
    };
    const made = await client.chat.completions.create({
      model, messages, tools: [{ type: "function", function: { name: "weather", parameters } }],
      tool_choice: { type: "function", function: { name: "weather" } },
    });
    const call = made.choices[0].message.tool_calls[0].function;
    assert(["Rome", "Oslo"].includes(JSON.parse(call.arguments).city));
  },

  async toolsOfResponses() {
    const parameters = {
      type: "object", properties: { city: { enum: ["Rome", "Oslo"] } }, required: ["city"], additionalProperties: false,
    };
    const options = {
      model, input: "Hello", seed: 1, tools: [{ type: "function", name: "weather", parameters, strict: true }],
      tool_choice: { type: "function", name: "weather" },
    };
    const made = await client.responses.create(options);
    const [call] = made.output;
    assert(["Rome", "Oslo"].includes(JSON.parse(call.arguments).city));
    const streamed = await client.responses.stream(options).finalResponse();
    assert.equal(streamed.output[0].arguments, call.arguments);
  },

  async storedResponses() {
    const first = await client.responses.create({ model, input: "Hello", max_output_tokens: 4 });
    const on = { model, input: "Go on", previous_response_id: first.id, max_output_tokens: 4 };
    const second = await client.responses.create(on);
    assert.deepEqual((await client.responses.retrieve(second.id)).output, second.output);
    const roles = [];
    for await (const item of client.responses.inputItems.list(second.id, { order: "asc", limit: 2 })) {
      roles.push(item.role);
    }
    assert.deepEqual(roles, ["user", "assistant", "user"]);
    await client.responses.delete(first.id);
    await assert.rejects(client.responses.retrieve(first.id), OpenAI.NotFoundError);
    await assert.rejects(client.responses.create(on), (error) => {
      assert.equal(error.code, "previous_response_not_found");
      return error instanceof OpenAI.BadRequestError;
    });
  },

  async structuredOutput() {
    const schema = { type: "object", properties: { up: { type: "boolean" } }, required: ["up"], additionalProperties: false };
    const made = await client.chat.completions.create({
      model, messages, response_format: { type: "json_schema", json_schema: { name: "x", strict: true, schema } },
    });
    assert.equal(typeof JSON.parse(made.choices[0].message.content).up, "boolean");
  },

  async errors() {
    const create = (extra) => client.chat.completions.create({ model, messages, ...extra });
    for (const [extra, status, param] of [
      [{ model: "other" }, 404, "model"],
      [{ temperature: 3 }, 400, "temperature"],
      [{ audio: { voice: "alloy", format: "wav" } }, 400, "audio"],
      [{ colour: "red" }, 400, "colour"],
    ]) {
      await assert.rejects(create(extra), (error) => {
        assert.equal(error.status, status);
        assert.equal(error.param, param);
        return error instanceof OpenAI.APIError;
      });
    }
    const wrong = new OpenAI({ baseURL: process.argv[2], apiKey: "wrong", maxRetries: 0 });
    await assert.rejects(wrong.models.list(), OpenAI.AuthenticationError);
  },

  // A server with one place, which another answer holds for a while.
  async retries() {
    const busy = new OpenAI({ baseURL: process.argv[3], apiKey: "right", maxRetries: 3 });
    const holder = await busy.completions.create({
      model, prompt: "a", max_tokens: 100000, stream: true, ignore_eos: true,
    });
    await holder[Symbol.asyncIterator]().next();
    const ask = { model, prompt: "b", max_tokens: 1 };
    await assert.rejects(busy.completions.create(ask, { maxRetries: 0 }), (error) => {
      assert.equal(error.status, 503);
      assert.equal(error.code, "overloaded");
      return error instanceof OpenAI.InternalServerError;
    });
    setTimeout(() => holder.controller.abort(), 300);
    const start = performance.now();
    const made = await busy.completions.create(ask);
    assert.equal(made.usage.completion_tokens, 1);
    assert(performance.now() - start > 900, "it waits as long as it is told to");
  },
};

for (const [name, check] of Object.entries(checks)) {
  await check();
  console.log(`ok ${name}`);
}
