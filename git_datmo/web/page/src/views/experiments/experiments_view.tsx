/** The table of experiments, with its filter, its groups, and charts over the rows that it shows. */

import { useEffect } from "preact/hooks";
import { addressOf, parameter, setParameters } from "../../address";
import { requireColumns, table } from "../../documents/experiments_store";
import { count, shellWord, showTime } from "../../format";
import { CommandLine } from "../../parts/command_line";
import { NothingYet } from "../../parts/nothing_yet";
import { columnNames, SPARKLINE } from "./column_choice";
import { ExperimentsGrid } from "./experiments_grid";
import { ExperimentsTools } from "./experiments_tools";
import { GroupsTable } from "./groups_table";
import { OverviewCharts } from "./overview_charts";
import { parameterNames, SEED } from "./seed_groups";
import { chosen, filter, followerCount, hidden, loadForState, shownRows } from "./table_state";

export function ExperimentsView() {
  const current = table.value;
  const where = parameter("where");
  const sort = parameter("sort");
  const names = columnNames.value;
  useEffect(loadForState, [current, where, sort]);
  useEffect(() => void requireColumns(names), [current, names.join(",")]);
  if (!current) return null;
  if (!current.count && !runsInProgress().length) return <NothingYet title="Experiments" />;
  const rows = shownRows.value;
  const showsFollowers = parameter("followers") === "1";
  const total = current.count - (showsFollowers ? 0 : followerCount.value);
  const problem = filter.value.error;
  return (
    <div class="view wide">
      <div class="view-head">
        <h1>Experiments</h1>
        <p class="quiet" role="status">
          {rows.length === total ? count(total, "experiment") : `${rows.length.toLocaleString("en-US")} of ${count(total, "experiment")}`}
          {hidden.value.size > 0 && (
            <>, {hidden.value.size} hidden <button type="button" class="text-button" onClick={() => setParameters({ hide: "" })}>Show them</button></>
          )}
        </p>
        {followerCount.value > 0 && (
          <button type="button" class="text-button small" onClick={() => setParameters({ followers: showsFollowers ? "" : "1" })}>
            {showsFollowers ? "Hide" : "Show"} {count(followerCount.value, "snapshot")} that only {followerCount.value === 1 ? "follows" : "follow"} the data
          </button>
        )}
      </div>
      <Running />
      <ExperimentsTools />
      {problem && <p class="notice bad" role="alert">{problem}</p>}
      {parameter("chart") && <OverviewCharts rows={rows} />}
      <Chosen />
      {parameter("group") ? <GroupsTable rows={rows} /> : <ExperimentsGrid rows={rows} />}
      <CommandLine command={commandLine(names)} label="On the command line" />
    </div>
  );
}

function runsInProgress() {
  return (table.value?.document.running ?? []).filter((each) => each.pid_alive);
}

function Running() {
  const running = runsInProgress();
  if (!running.length) return null;
  return (
    <ul class="running" aria-label="Running now">
      {running.map((each) => (
        <li key={each.id}><span class="dot busy" /><a href={addressOf("experiment", `run-${each.id}`)}>{each.command || each.id}</a> <span class="quiet">since {showTime(each.started)}</span></li>
      ))}
    </ul>
  );
}

function Chosen() {
  const ids = chosen.value;
  if (!ids.length) return null;
  return (
    <div class="chosen" role="status">
      <span>{count(ids.length, "experiment")} chosen</span>
      {ids.length > 1 && <a class="button primary" href={addressOf("compare", ids.join(","))}>Compare</a>}
      <button type="button" class="button" onClick={() => setParameters({ choose: "" })}>Clear</button>
    </div>
  );
}

/** Returns the command that prints the same rows and columns. */
function commandLine(names: string[]): string {
  const words = [parameter("followers") === "1" ? "git datmo log --all" : "git datmo log --branches --remotes --tags"];
  const where = parameter("where").trim();
  if (where && !filter.value.error) words.push("--where", shellWord(where));
  const sort = parameter("sort");
  if (sort) words.push("--sort", shellWord(inCommands(sort)));
  const group = parameter("group");
  const same = parameterNames().filter((name) => !SEED.test(name));
  if (group === "same" && same.length) words.push("--group-by", shellWord(same.map(inCommands).join(",")));
  else if (group && group !== "same") words.push("--group-by", shellWord(inCommands(group)));
  else if (parameter("columns")) {
    const known = names.filter((name) => name !== SPARKLINE && !["branch", "receipts", "annotations", "data"].includes(name));
    words.push("--columns", shellWord(["id", ...known.map(inCommands)].join(",")));
  } else words.push("--oneline");
  return words.join(" ");
}

const NAMES: Record<string, string> = { time: "created", mail: "email", exit: "exit_code" };

/** Returns the name of a column as the command line writes it. */
function inCommands(name: string): string {
  const sign = name.startsWith("-") ? "-" : "";
  const plain = name.slice(sign.length);
  const full = NAMES[plain] ?? plain;
  const dot = full.indexOf(".");
  const needsQuotes = dot > 0 && /[\s()[\],'"<>=!~]/.test(full);
  return sign + (needsQuotes ? `${full.slice(0, dot)}["${full.slice(dot + 1).replace(/[\\"]/g, "\\$&")}"]` : full);
}
