import "i18next";

import type en from "./en.json";

// A key that does not exist is a compile error.
declare module "i18next" {
  interface CustomTypeOptions {
    resources: { translation: typeof en };
  }
}
