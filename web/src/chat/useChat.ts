import { useCallback, useEffect, useReducer, useRef } from "react";

import { streamAnswer } from "../api/completions";
import { fetchModel } from "../api/models";
import { Problem } from "../api/problem";
import {
  type Answer,
  conversationReducer,
  EMPTY,
  isAnswering,
  lastAnswer,
  type Message,
  promptOf,
} from "./conversation";
import { meter } from "./meter";

/** Text is handed to React this often, in ms: faster than one reads, slower than a fast model writes. */
const FLUSH_MS = 40;

export interface Chat {
  messages: readonly Message[];
  answering: boolean;
  ask: (text: string) => void;
  askAgain: () => void;
  /** Asks the last question in a conversation of its own. */
  askAfresh: () => void;
  /** Takes the last exchange out and returns its question. */
  withdraw: () => string;
  stop: () => void;
  clear: () => void;
}

function asProblem(cause: unknown): Problem {
  if (cause instanceof Problem) return cause;
  console.error(cause);
  return new Problem("interrupted");
}

/** One conversation with `model`, kept in memory. */
export function useChat(model: string | null): Chat {
  const [state, dispatch] = useReducer(conversationReducer, EMPTY);
  const running = useRef<AbortController | null>(null);
  const stop = useCallback(() => running.current?.abort(), []);
  useEffect(() => stop, [stop]);

  const answer = async (messages: readonly Message[], id: number) => {
    const controller = new AbortController();
    running.current = controller;
    let text = "";
    const flush = () => {
      if (text) dispatch({ type: "received", id, text });
      text = "";
    };
    const end = (change: Partial<Answer>) => {
      flush();
      dispatch({ type: "ended", id, change });
    };
    const timer = setInterval(flush, FLUSH_MS);
    try {
      const named = model ?? (await fetchModel(controller.signal));
      const measure = meter();
      for await (const part of streamAnswer({ model: named, messages: promptOf(messages) }, controller.signal)) {
        measure.take(part, performance.now());
        if (part.kind === "text") text += part.text;
      }
      end({ status: "done", model: named, ...measure.result() });
    } catch (cause) {
      if (controller.signal.aborted) end({ status: "stopped" });
      else end({ status: "failed", problem: asProblem(cause) });
    } finally {
      clearInterval(timer);
    }
  };

  const ask = (text: string) => {
    dispatch({ type: "asked", text });
    void answer([...state.messages, { role: "user", id: state.nextId, text }], state.nextId + 1);
  };
  const askAgain = () => {
    dispatch({ type: "askedAgain" });
    void answer(state.messages.slice(0, -1), state.nextId);
  };
  const withdraw = () => {
    const question = state.messages.at(-2);
    dispatch({ type: "withdrawn" });
    return question?.text ?? "";
  };
  const clear = () => {
    stop();
    dispatch({ type: "cleared" });
  };
  const askAfresh = () => {
    const text = withdraw();
    clear();
    dispatch({ type: "asked", text });
    void answer([{ role: "user", id: state.nextId, text }], state.nextId + 1);
  };
  const answering = isAnswering(lastAnswer(state.messages));
  return { messages: state.messages, answering, ask, askAgain, askAfresh, withdraw, stop, clear };
}
