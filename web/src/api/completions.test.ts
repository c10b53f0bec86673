import { describe, expect, it } from "vitest";

import { type AnswerPart, readAnswer, readChunk } from "./completions";
import type { ProblemKind } from "./problem";

const text = (content: string) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`;

function streamOf(bytes: Uint8Array, size: number): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.slice(at, at + size));
      controller.close();
    },
  });
}

async function read(body: string, size = 7): Promise<AnswerPart[]> {
  const parts: AnswerPart[] = [];
  const stream = streamOf(new TextEncoder().encode(body), size);
  for await (const part of readAnswer(stream, new AbortController().signal)) parts.push(part);
  return parts;
}

const problem = (kind: ProblemKind): unknown => expect.objectContaining({ kind });

describe("readAnswer", () => {
  it("gives text, the end and the usage, however the bytes were cut", async () => {
    const body =
      text("Où ça ? ") +
      ": a comment\n\n" +
      text("Là 🌬️") +
      'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n' +
      'data: {"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}}\n\n' +
      "data: [DONE]\n\n";
    for (let size = 1; size < 12; size++) {
      expect(await read(body, size)).toEqual([
        { kind: "text", text: "Où ça ? " },
        { kind: "text", text: "Là 🌬️" },
        { kind: "finish", reason: "stop" },
        { kind: "usage", promptTokens: 9, completionTokens: 4 },
      ]);
    }
  });

  it("calls a stream that ends early cut off", async () => {
    await expect(read(text("Half"))).rejects.toEqual(problem("interrupted"));
  });

  it("calls a stream that is no JSON cut off", async () => {
    await expect(read("data: {\n\n")).rejects.toEqual(problem("interrupted"));
  });

  it("tells an error that comes in mid-stream", async () => {
    const error = 'data: {"error":{"message":"The engine ended.","code":"engine_died"}}\n\n';
    await expect(read(text("Half") + error)).rejects.toEqual(problem("restarting"));
  });
});

describe("readChunk", () => {
  it("finds nothing in a chunk that says nothing", () => {
    expect(readChunk('{"choices":[{"delta":{"role":"assistant","content":""},"finish_reason":null}]}')).toEqual([]);
    expect(readChunk('{"choices":[],"usage":null}')).toEqual([]);
  });
});
