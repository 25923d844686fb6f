/** Frame of the page: name of the repository, views, theme, and the view that the address names. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { addressOf, route } from "./address";
import { experiments } from "./documents/experiments_store";
import { isLive } from "./documents/load";
import { connected } from "./documents/live_events";
import { ErrorBoundary } from "./parts/error_boundary";
import { Icon } from "./parts/icon";
import { Waiting } from "./parts/waiting";
import { theme, toggleTheme } from "./theme";
import { showTime } from "./format";
import { ExperimentsView } from "./views/experiments/experiments_view";
import { ExperimentView } from "./views/experiment/experiment_view";
import { CompareView } from "./views/compare/compare_view";
import { DataView } from "./views/data_view";
import { ContractsView } from "./views/contracts_view";
import { StoryView } from "./views/story_view";
import { HealthView } from "./views/health_view";

const VIEWS: [string, string][] = [
  ["experiments", "Experiments"],
  ["story", "Story"],
  ["data", "Data"],
  ["contracts", "Contracts"],
  ["health", "Health"],
];

export function Shell() {
  const { view, rest, query } = route.value;
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  useEffect(() => {
    // A person who follows a link hears and sees the new view from its beginning.
    if (!first.current) {
      main.current?.focus({ preventScroll: true });
      window.scrollTo(0, 0);
    }
    first.current = false;
  }, [view, rest]);
  const state = experiments.value;
  const repository = state.state === "ready" ? state.value.repository : null;
  useEffect(() => {
    document.title = `${titleOf(view)}${repository ? ` · ${repository.name}` : ""}`;
  }, [view, repository]);
  return (
    <>
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        Skip to content
      </a>
      <header class="top">
        <a class="brand" href="#/experiments">
          <Icon name="mark" />
          <span class="brand-name">{repository?.name ?? "git-datmo"}</span>
          {repository?.branch && <span class="brand-branch">{repository.branch}</span>}
        </a>
        <nav aria-label="Views">
          {VIEWS.map(([name, label]) => (
            <a key={name} href={addressOf(name)} aria-current={isCurrent(name, view) ? "page" : undefined}>
              {label}
            </a>
          ))}
        </nav>
        <Freshness made={state.state === "ready" ? state.value.made : null} />
        <button class="icon-button" type="button" onClick={toggleTheme} aria-label="Dark theme" aria-pressed={theme.value === "dark"} title="Light or dark">
          <Icon name={theme.value === "dark" ? "sun" : "moon"} />
        </button>
      </header>
      <main id="main" ref={main} tabIndex={-1}>
        <Waiting document={state}>{() => <ErrorBoundary key={`${view}/${rest}?${query.get("tab") ?? query.get("part") ?? ""}`}><Current view={view} rest={rest} /></ErrorBoundary>}</Waiting>
      </main>
    </>
  );
}

function Freshness({ made }: { made: number | null }) {
  if (!isLive) return made ? <span class="freshness">as of {showTime(made)}</span> : null;
  return connected.value ? (
    <span class="freshness"><span class="dot good" />live</span>
  ) : (
    <span class="freshness" role="status"><span class="dot bad" />not connected</span>
  );
}

function isCurrent(name: string, view: string): boolean {
  return name === view || (name === "experiments" && (view === "experiment" || view === "compare"));
}

function titleOf(view: string): string {
  return { experiment: "Experiment", compare: "Compare", story: "Story", data: "Data", contracts: "Contracts", health: "Health" }[view] ?? "Experiments";
}

function Current({ view, rest }: { view: string; rest: string }): ComponentChildren {
  switch (view) {
    case "experiment":
      return <ExperimentView id={rest} key={rest} />;
    case "compare":
      return <CompareView ids={rest.split(",").filter(Boolean)} />;
    case "data":
      return <DataView path={rest} />;
    case "contracts":
      return <ContractsView file={rest} />;
    case "story":
      return <StoryView />;
    case "health":
      return <HealthView />;
    default:
      return <ExperimentsView />;
  }
}
