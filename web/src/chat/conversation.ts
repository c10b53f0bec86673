import type { PromptMessage } from "../api/completions";
import type { Problem } from "../api/problem";

export interface Question {
  role: "user";
  id: number;
  text: string;
}

export interface Answer {
  role: "assistant";
  id: number;
  text: string;
  status: "waiting" | "streaming" | "done" | "stopped" | "failed";
  model: string | null;
  /** Why the model ended, in the API's words: "stop", "length". */
  finish: string | null;
  tokens: number | null;
  tokensPerSecond: number | null;
  problem: Problem | null;
}

export type Message = Question | Answer;

export interface Conversation {
  messages: readonly Message[];
  /** Ids are never used twice, so that what comes late for an answer that is gone finds nobody. */
  nextId: number;
}

export type ConversationEvent =
  | { type: "asked"; text: string }
  | { type: "askedAgain" }
  | { type: "withdrawn" }
  | { type: "cleared" }
  | { type: "received"; id: number; text: string }
  | { type: "ended"; id: number; change: Partial<Omit<Answer, "id" | "role" | "text">> };

export const EMPTY: Conversation = { messages: [], nextId: 1 };

export function conversationReducer(state: Conversation, event: ConversationEvent): Conversation {
  const { messages, nextId } = state;
  switch (event.type) {
    case "asked": {
      const question: Question = { role: "user", id: nextId, text: event.text };
      return { messages: [...messages, question, newAnswer(nextId + 1)], nextId: nextId + 2 };
    }
    case "askedAgain":
      return { messages: [...messages.slice(0, -1), newAnswer(nextId)], nextId: nextId + 1 };
    case "withdrawn":
      return { messages: messages.slice(0, -2), nextId };
    case "cleared":
      return { messages: [], nextId };
    case "received":
      return changeAnswer(state, event.id, (answer) => ({
        ...answer,
        status: "streaming",
        text: answer.text + event.text,
      }));
    case "ended":
      return changeAnswer(state, event.id, (answer) => ({ ...answer, ...event.change }));
  }
}

function newAnswer(id: number): Answer {
  return {
    role: "assistant",
    id,
    text: "",
    status: "waiting",
    model: null,
    finish: null,
    tokens: null,
    tokensPerSecond: null,
    problem: null,
  };
}

function changeAnswer(state: Conversation, id: number, change: (answer: Answer) => Answer): Conversation {
  const index = state.messages.findIndex((message) => message.id === id && message.role === "assistant");
  const answer = state.messages[index];
  if (answer?.role !== "assistant") return state;
  return { ...state, messages: state.messages.with(index, change(answer)) };
}

export function lastAnswer(messages: readonly Message[]): Answer | null {
  const last = messages.at(-1);
  return last?.role === "assistant" ? last : null;
}

export function isAnswering(answer: Answer | null): boolean {
  return answer?.status === "waiting" || answer?.status === "streaming";
}

/**
 * What to send for the question that `messages` end with. An exchange whose answer stayed empty is left out: many chat
 * templates refuse two questions in a row.
 */
export function promptOf(messages: readonly Message[]): PromptMessage[] {
  return messages.flatMap((message, index): PromptMessage[] => {
    if (message.role === "assistant") return message.text ? [{ role: "assistant", content: message.text }] : [];
    const answer = messages[index + 1];
    return !answer || answer.text ? [{ role: "user", content: message.text }] : [];
  });
}
