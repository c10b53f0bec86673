import { EventSourceParserStream } from "eventsource-parser/stream";

import { Problem, problemFrom, readErrorBody, request } from "./problem";

export interface PromptMessage {
  role: "user" | "assistant";
  content: string;
}

export interface CompletionRequest {
  model: string;
  messages: PromptMessage[];
}

/** What one event of the stream says. */
export type AnswerPart =
  | { kind: "text"; text: string }
  | { kind: "finish"; reason: string }
  | { kind: "usage"; promptTokens: number; completionTokens: number };

interface Chunk {
  choices?: { delta?: { content?: string | null }; finish_reason?: string | null }[];
  usage?: { prompt_tokens: number; completion_tokens: number } | null;
}

const DONE = "[DONE]";

/** Reads one event's data. Throws the Problem that an error in mid-stream names. */
export function readChunk(data: string): AnswerPart[] {
  const json: unknown = JSON.parse(data);
  const error = readErrorBody(json);
  if (error) throw problemFrom(0, error);
  const { choices, usage } = json as Chunk;
  const parts: AnswerPart[] = [];
  const choice = choices?.[0];
  if (choice?.delta?.content) parts.push({ kind: "text", text: choice.delta.content });
  if (choice?.finish_reason) parts.push({ kind: "finish", reason: choice.finish_reason });
  if (usage) {
    parts.push({ kind: "usage", promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens });
  }
  return parts;
}

/** Streams an answer from the chat completions API. Throws a Problem, or the abort of `signal`. */
export async function* streamAnswer(asked: CompletionRequest, signal: AbortSignal): AsyncGenerator<AnswerPart> {
  const response = await request("/v1/chat/completions", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...asked, stream: true, stream_options: { include_usage: true } }),
    signal,
  });
  if (!response.body) throw new Problem("interrupted");
  yield* readAnswer(response.body, signal);
}

/** The parts of an answer's event stream. One that ends without `[DONE]` was cut off: a Problem. */
export async function* readAnswer(body: ReadableStream<Uint8Array>, signal: AbortSignal): AsyncGenerator<AnswerPart> {
  const events = body
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  try {
    for (;;) {
      const { done, value } = await events.read();
      if (done) throw new Problem("interrupted");
      if (value.data === DONE) return;
      yield* readChunk(value.data);
    }
  } catch (cause) {
    // A connection that breaks in mid-stream is a TypeError in one browser and a DOMException in another.
    if (cause instanceof Problem || signal.aborted) throw cause;
    throw new Problem("interrupted");
  } finally {
    await events.cancel().catch(() => undefined);
  }
}
