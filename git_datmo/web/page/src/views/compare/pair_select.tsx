/** Chooses the two experiments of a comparison by pairs. */

import { parameter, setParameters } from "../../address";
import type { ExperimentDocument } from "../../documents/types";
import { cutTitle } from "../../format";
import { titleOf } from "../experiment/experiment_view";

/** Returns the two experiments that the address names; the first and the last if it names none. */
export function chosenPair(documents: ExperimentDocument[]): [ExperimentDocument, ExperimentDocument] {
  const [left = "", right = ""] = parameter("pair").split("-");
  const one = documents[Number(left) - 1] ?? documents[0];
  const other = documents[Number(right) - 1] ?? documents[documents.length - 1];
  return [one as ExperimentDocument, other as ExperimentDocument];
}

export function PairSelect({ documents }: { documents: ExperimentDocument[] }) {
  const pair = chosenPair(documents).map((document) => documents.indexOf(document));
  if (documents.length === 2) return <p class="quiet pair-note">From 1. {cutTitle(titleOf(documents[0] as ExperimentDocument), 50)} to 2. {cutTitle(titleOf(documents[1] as ExperimentDocument), 50)}</p>;
  if (documents.length < 2) return null;
  const choose = (side: number, place: number) => {
    const next = pair.map((each, at) => (at === side ? place : each) + 1);
    setParameters({ pair: next.join("-") });
  };
  return (
    <div class="options">
      {["From", "To"].map((label, side) => (
        <label class="field" key={label}>
          <span>{label}</span>
          <select value={pair[side]} onChange={(event) => choose(side, Number(event.currentTarget.value))}>
            {documents.map((document, place) => <option key={document.id} value={place}>{place + 1}. {titleOf(document).slice(0, 50)}</option>)}
          </select>
        </label>
      ))}
    </div>
  );
}
