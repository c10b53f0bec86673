/** What can go wrong between the page and the server, by what a person can do about it. */
export type ProblemKind =
  | "unreachable"
  | "busy"
  | "restarting"
  | "tooLong"
  | "noModel"
  | "interrupted"
  | "failed"
  | "refused";

export class Problem extends Error {
  readonly kind: ProblemKind;
  /** The server's own sentence, if it gave one. */
  readonly detail: string | undefined;

  constructor(kind: ProblemKind, detail?: string) {
    super(detail ?? kind);
    this.kind = kind;
    this.detail = detail;
  }
}

/** The body of an error as OpenAI's API writes it: `{"error": {"message", "type", "param", "code"}}`. */
export interface ErrorBody {
  message?: string | undefined;
  code?: string | undefined;
}

export function readErrorBody(json: unknown): ErrorBody | null {
  if (typeof json !== "object" || json === null || !("error" in json)) return null;
  const { error } = json;
  if (typeof error !== "object" || error === null) return null;
  return {
    message: "message" in error && typeof error.message === "string" ? error.message : undefined,
    code: "code" in error && typeof error.code === "string" ? error.code : undefined,
  };
}

const KIND_BY_CODE: Record<string, ProblemKind> = {
  context_length_exceeded: "tooLong",
  queue_full: "busy",
  model_not_found: "noModel",
  draining: "restarting",
  engine_died: "restarting",
  service_unavailable: "restarting",
  internal_error: "failed",
};

const KIND_BY_STATUS: Record<number, ProblemKind> = {
  404: "noModel",
  500: "failed",
  429: "busy",
  502: "restarting",
  503: "restarting",
  504: "restarting",
};

/** The problem that an error's code says, else the one its HTTP status says. */
export function problemFrom(status: number, body: ErrorBody | null): Problem {
  const kind = KIND_BY_CODE[body?.code ?? ""] ?? KIND_BY_STATUS[status] ?? "refused";
  return new Problem(kind, body?.message);
}

async function problemOf(response: Response): Promise<Problem> {
  const text = await response.text().catch(() => "");
  let body: ErrorBody | null = null;
  try {
    body = readErrorBody(JSON.parse(text));
  } catch {
    // A proxy between us and the server answers in HTML: its status is all there is to tell.
  }
  return problemFrom(response.status, body);
}

/** `fetch` that answers with a successful response, or throws a Problem; an abort passes through as it is. */
export async function request(url: string, init?: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, init);
  } catch (cause) {
    if (init?.signal?.aborted) throw cause;
    throw new Problem("unreachable");
  }
  if (!response.ok) throw await problemOf(response);
  return response;
}
