import type { AnswerPart } from "../api/completions";
import type { Answer } from "./conversation";

export type Measured = Pick<Answer, "finish" | "tokens" | "tokensPerSecond">;

/** Shorter than this, in ms, a rate would say more about the network than about the model. */
const SHORTEST_MS = 50;

/** Follows an answer's parts with the time (ms) at which each came: how it ended, its tokens and their rate. */
export function meter() {
  let first: number | null = null;
  let last = 0;
  let finish: string | null = null;
  let tokens: number | null = null;

  const take = (part: AnswerPart, now: number) => {
    if (part.kind === "text") {
      first ??= now;
      last = now;
    } else if (part.kind === "finish") {
      finish = part.reason;
    } else {
      tokens = part.completionTokens;
    }
  };

  const result = (): Measured => {
    const elapsed = first === null ? 0 : last - first;
    const measurable = tokens !== null && tokens > 1 && elapsed >= SHORTEST_MS;
    // The first token marks the start of the clock, so it is not in the time that the others took.
    return { finish, tokens, tokensPerSecond: measurable && tokens ? ((tokens - 1) * 1000) / elapsed : null };
  };

  return { take, result };
}
