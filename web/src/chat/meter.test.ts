import { describe, expect, it } from "vitest";

import { meter } from "./meter";

describe("meter", () => {
  it("counts tokens over the time after the first", () => {
    const measure = meter();
    measure.take({ kind: "text", text: "a" }, 1000);
    measure.take({ kind: "text", text: "b" }, 2000);
    measure.take({ kind: "finish", reason: "stop" }, 2001);
    measure.take({ kind: "usage", promptTokens: 5, completionTokens: 41 }, 2002);
    expect(measure.result()).toEqual({ finish: "stop", tokens: 41, tokensPerSecond: 40 });
  });

  it("gives no rate where there is nothing to measure", () => {
    const measure = meter();
    expect(measure.result()).toEqual({ finish: null, tokens: null, tokensPerSecond: null });
    measure.take({ kind: "text", text: "a" }, 1000);
    measure.take({ kind: "usage", promptTokens: 5, completionTokens: 1 }, 1000);
    expect(measure.result()).toMatchObject({ tokens: 1, tokensPerSecond: null });
  });
});
