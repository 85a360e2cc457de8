// OpenAI's npm package against a running API: OPENAI_BASE_URL, OPENAI_API_KEY, LIMITED_KEY. See clients.py.
import assert from "node:assert/strict";
import OpenAI from "openai";

const MODEL = "test-model";
const EMBEDDING = "text-embedding-3-small";
const TEXT = "It leaves at 21:40.";
const client = new OpenAI({ maxRetries: 0 });
const says = (content) => [{ role: "user", content }];
const ask = (content, more = {}, of = client) =>
  of.chat.completions.create({ model: MODEL, messages: says(content), ...more });

const checks = {
  async chat() {
    const answer = await ask("plain");
    assert.equal(answer.choices[0].message.content, TEXT);
    assert.equal(answer.usage.total_tokens, 5);
    const { response } = await ask("plain").withResponse();
    assert.equal(response.headers.get("x-lambent-model"), `openai::${MODEL}`);
  },
  async stream_with_usage() {
    const chunks = [];
    for await (const chunk of await ask("plain", { stream: true, stream_options: { include_usage: true } })) chunks.push(chunk);
    const last = chunks.pop();
    assert.deepEqual([last.choices, last.usage.completion_tokens], [[], 4]);
    assert.equal(chunks.map((chunk) => chunk.choices[0].delta.content ?? "").join(""), TEXT);
    assert.ok(chunks.every((chunk) => chunk.usage === null && chunk.id === last.id));
  },
  async json_schema() {
    const schema = {
      type: "object", properties: { time: { type: "string" } }, required: ["time"], additionalProperties: false,
    };
    const response_format = { type: "json_schema", json_schema: { name: "departure", schema, strict: true } };
    const parsed = await client.chat.completions.parse({ model: MODEL, messages: says("as asked"), response_format });
    assert.equal(typeof JSON.parse(parsed.choices[0].message.content).time, "string");
  },
  async embeddings() {
    const two = await client.embeddings.create({ model: EMBEDDING, input: ["night train", "invoice"], dimensions: 64 });
    assert.deepEqual(two.data.map((item) => item.embedding.length), [64, 64]);
  },
  async models() {
    const ids = [];
    for await (const model of client.models.list()) ids.push(model.id);
    assert.deepEqual(ids, [MODEL, EMBEDDING]);
    assert.equal((await client.models.retrieve(MODEL)).id, MODEL);
  },
  async typed_errors() {
    const raises = (kind, code, call) =>
      assert.rejects(call, (error) => {
        assert.equal(error.constructor, kind);
        assert.equal(error.code, code);
        return true;
      });
    const wrong = new OpenAI({ apiKey: "sk_wrong", maxRetries: 0 });
    await raises(OpenAI.AuthenticationError, "invalid_api_key", () => ask("plain", {}, wrong));
    await raises(OpenAI.NotFoundError, "model_not_found", () => ask("plain", { model: "gpt-99" }));
    await raises(OpenAI.BadRequestError, "invalid_type", () => ask("plain", { n: "two" }));
    const limited = new OpenAI({ apiKey: process.env.LIMITED_KEY, maxRetries: 0 });
    await ask("plain", {}, limited);
    await raises(OpenAI.RateLimitError, "rate_limit_exceeded", () => ask("plain", {}, limited));
    await raises(OpenAI.InternalServerError, "model_failed", () => ask("status 500"));
  },
  async broken_stream() {
    let heard = 0;
    await assert.rejects(
      async () => {
        for await (const _ of await ask("cut", { stream: true })) heard += 1;
      },
      (error) => error instanceof OpenAI.APIError,
    );
    assert.ok(heard > 0);
  },
};

for (const [name, check] of Object.entries(checks)) {
  await check();
  console.log("ok", name);
}
