import { Problem, request } from "./problem";

interface ModelList {
  data: { id: string }[];
}

/** The name of the model that this server serves. */
export async function fetchModel(signal?: AbortSignal): Promise<string> {
  const response = await request("/v1/models", signal ? { signal } : {});
  const list = (await response.json()) as ModelList;
  const first = list.data[0];
  if (!first) throw new Problem("noModel");
  return first.id;
}
