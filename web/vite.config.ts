import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react(), tailwindcss()],
  build: {
    // The HTTP server hands this folder out as it is.
    outDir: "../src/tramontane/api/page",
    emptyOutDir: true,
    // Nothing inline: the page lives under a strict content security policy.
    assetsInlineLimit: 0,
    // The licences of the libraries in it go where the page goes.
    license: { fileName: "licences.md" },
    // Markdown and one grammar are larger, but come after the page is there.
    chunkSizeWarningLimit: 900,
  },
  server: { proxy: { "/v1": "http://127.0.0.1:8000" } },
});
