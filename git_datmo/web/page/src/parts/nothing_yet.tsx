/** Says that a repository has no experiments, and how to make the first one. */

import { CommandLine } from "./command_line";

export function NothingYet({ title }: { title: string }) {
  return (
    <div class="view">
      <div class="view-head"><h1>{title}</h1></div>
      <p class="lead">There are no experiments yet.</p>
      <CommandLine command="git datmo init" label="Prepare a repository once" />
      <CommandLine command="git datmo run python train.py" label="Run an experiment" />
    </div>
  );
}
