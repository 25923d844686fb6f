import { defineConfig } from "vite";

// One classic script and one style sheet with fixed names: modules do not load from `file://`,
// and names with hashes would make every build a new pair of files.
export default defineConfig({
  base: "./",
  publicDir: false,
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: "../dist",
    emptyOutDir: true,
    target: "es2022",
    cssCodeSplit: false,
    modulePreload: false,
    assetsInlineLimit: 0,
    rollupOptions: {
      input: "src/main.tsx",
      output: {
        format: "iife",
        entryFileNames: "page.js",
        assetFileNames: "page[extname]",
      },
    },
  },
  plugins: [
    {
      // The page's HTML is written as it is: Vite's own would load the script as a module.
      name: "html-as-it-is",
      async generateBundle() {
        const source = await this.fs.readFile(new URL("./index.html", import.meta.url).pathname, { encoding: "utf8" });
        this.emitFile({ type: "asset", fileName: "index.html", source });
      },
    },
  ],
});
