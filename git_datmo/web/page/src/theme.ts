/** Switches between the light and the dark theme; follows the system until a person chooses. */

import { computed, signal } from "@preact/signals";

type Theme = "light" | "dark";

const KEY = "git-datmo-theme";
const system = window.matchMedia("(prefers-color-scheme: dark)");
const systemTheme = signal<Theme>(system.matches ? "dark" : "light");
const chosen = signal<Theme | null>(readChoice());

system.addEventListener("change", () => (systemTheme.value = system.matches ? "dark" : "light"));

export const theme = computed<Theme>(() => chosen.value ?? systemTheme.value);

// Storage may be refused, as in a private window.
function readChoice(): Theme | null {
  try {
    const text = localStorage.getItem(KEY);
    return text === "dark" || text === "light" ? text : null;
  } catch {
    return null;
  }
}

export function applyTheme(): void {
  theme.subscribe((value) => (document.documentElement.dataset.theme = value));
}

export function toggleTheme(): void {
  chosen.value = theme.peek() === "dark" ? "light" : "dark";
  try {
    localStorage.setItem(KEY, chosen.value);
  } catch {
    // The choice then lasts as long as the page.
  }
}

// Okabe and Ito's palette without yellow, and lighter or darker where a background needs it.
const LIGHT = ["#0067a5", "#c64f00", "#007d5b", "#a8518a", "#b07d00", "#3a8fc4", "#5b5f66", "#7a3e12"];
const DARK = ["#5cb4f0", "#ff9252", "#3fcfa3", "#e79bcb", "#f0c04d", "#9ad5ff", "#b3b7be", "#d3a27f"];

/** Returns the colour of the series with this number. */
export function seriesColour(index: number): string {
  const colours = theme.value === "dark" ? DARK : LIGHT;
  return colours[index % colours.length] as string;
}

export const PALETTE_SIZE = LIGHT.length;

/** Returns dashes that tell series apart whose colours repeat. */
export function seriesDash(index: number): number[] {
  const dashes = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
  return dashes[Math.floor(index / PALETTE_SIZE) % dashes.length] as number[];
}

/** Returns a colour of the style sheet. */
export function ink(name: "ink" | "muted" | "line" | "panel" | "accent" | "bad"): string {
  theme.value;
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
