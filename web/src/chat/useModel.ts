import { useEffect, useState } from "react";

import { fetchModel } from "../api/models";
import { Problem } from "../api/problem";

/** While the server does not answer it is asked again this often, in ms. */
const RETRY_MS = 4000;

export interface ServedModel {
  name: string | null;
  problem: Problem | null;
}

/** The model that the server serves: asked for until it answers. */
export function useModel(): ServedModel {
  const [served, setServed] = useState<ServedModel>({ name: null, problem: null });
  useEffect(() => {
    const controller = new AbortController();
    let timer: number | undefined;
    const look = async () => {
      try {
        setServed({ name: await fetchModel(controller.signal), problem: null });
      } catch (cause) {
        if (controller.signal.aborted) return;
        setServed({ name: null, problem: cause instanceof Problem ? cause : new Problem("unreachable") });
        timer = window.setTimeout(() => void look(), RETRY_MS);
      }
    };
    void look();
    return () => {
      controller.abort();
      window.clearTimeout(timer);
    };
  }, []);
  return served;
}

/** A model's folder name as people write it: `brise` → `Brise`. */
export function displayName(model: string): string {
  const last = model.split("/").at(-1) ?? model;
  return last.charAt(0).toUpperCase() + last.slice(1);
}
