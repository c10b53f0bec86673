import { describe, expect, it } from "vitest";

import { Problem } from "../api/problem";
import {
  type Conversation,
  type ConversationEvent,
  conversationReducer,
  EMPTY,
  isAnswering,
  lastAnswer,
  promptOf,
} from "./conversation";

const play = (...events: ConversationEvent[]): Conversation => events.reduce(conversationReducer, EMPTY);

const ASKED: ConversationEvent = { type: "asked", text: "Why?" };
const ANSWERED: ConversationEvent[] = [
  ASKED,
  { type: "received", id: 2, text: "Be" },
  { type: "received", id: 2, text: "cause." },
  { type: "ended", id: 2, change: { status: "done", tokens: 2 } },
];

describe("conversationReducer", () => {
  it("grows an answer from its pieces", () => {
    const { messages } = play(...ANSWERED);
    expect(messages.map((message) => message.text)).toEqual(["Why?", "Because."]);
    expect(lastAnswer(messages)).toMatchObject({ status: "done", tokens: 2 });
  });

  it("is answering from the question to the end", () => {
    expect(isAnswering(lastAnswer(play(ASKED).messages))).toBe(true);
    expect(isAnswering(lastAnswer(play(...ANSWERED).messages))).toBe(false);
    expect(isAnswering(lastAnswer(EMPTY.messages))).toBe(false);
  });

  it("puts a new answer in the old one's place when asked again", () => {
    const { messages } = play(...ANSWERED, { type: "askedAgain" });
    expect(messages).toHaveLength(2);
    expect(lastAnswer(messages)).toMatchObject({ text: "", status: "waiting", tokens: null });
  });

  it("ignores what comes late for an answer that is gone", () => {
    const again = play(ASKED, { type: "askedAgain" });
    expect(conversationReducer(again, { type: "received", id: 2, text: "late" })).toBe(again);
    const cleared = play(ASKED, { type: "cleared" }, ASKED);
    expect(conversationReducer(cleared, { type: "ended", id: 2, change: { status: "stopped" } })).toBe(cleared);
  });

  it("takes the last exchange out when it is withdrawn", () => {
    expect(play(...ANSWERED, ASKED, { type: "withdrawn" }).messages).toHaveLength(2);
  });
});

describe("promptOf", () => {
  it("sends what was said, and leaves out a question that got no answer", () => {
    const failed: ConversationEvent = {
      type: "ended",
      id: 4,
      change: { status: "failed", problem: new Problem("busy") },
    };
    const { messages } = play(...ANSWERED, { type: "asked", text: "Lost?" }, failed, { type: "asked", text: "And?" });
    expect(promptOf(messages.slice(0, -1))).toEqual([
      { role: "user", content: "Why?" },
      { role: "assistant", content: "Because." },
      { role: "user", content: "And?" },
    ]);
  });
});
