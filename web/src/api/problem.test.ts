import { describe, expect, it } from "vitest";

import { problemFrom, readErrorBody } from "./problem";

describe("problemFrom", () => {
  it.each([
    [400, "context_length_exceeded", "tooLong"],
    [400, "invalid_request", "refused"],
    [404, "model_not_found", "noModel"],
    [429, "queue_full", "busy"],
    [429, undefined, "busy"],
    [503, "engine_died", "restarting"],
    [502, undefined, "restarting"],
    [500, undefined, "failed"],
    [413, "body_too_large", "refused"],
  ])("%i %s → %s", (status, code, kind) => {
    expect(problemFrom(status, { code, message: "Why." })).toMatchObject({ kind, detail: "Why." });
  });
});

describe("readErrorBody", () => {
  it("reads OpenAI's error body, and refuses what is none", () => {
    expect(readErrorBody({ error: { message: "Why.", code: "c", type: "t", param: null } })).toEqual({
      message: "Why.",
      code: "c",
    });
    expect(readErrorBody({ error: { message: "Why.", code: 3 } })).toEqual({ message: "Why.", code: undefined });
    expect(readErrorBody({ error: null })).toBeNull();
    expect(readErrorBody("no")).toBeNull();
  });
});
