/** Decides whether a large or a small value of a metric is better (as `git_datmo/query/goals.py`). */

export type Goal = "" | "max" | "min";

const SMALL = new Set(
  ("loss losses logloss nll bce hinge cost regret deviance error errors err mse rmse mae mape rmsle wer cer eer " +
    "perplexity ppl fid brier kl distance divergence latency time seconds duration memory bytes").split(" "),
);
const LARGE = new Set(
  ("acc accuracy f1 auc auroc auprc precision recall r2 map bleu rouge iou dice score psnr ssim mrr ndcg mcc " +
    "reward").split(" "),
);

/** Returns `min`, `max`, or "" if the name of a metric does not tell. The last word that tells decides. */
export function knownGoal(name: string): Goal {
  return goalOfWords(name) || goalOfWords(name.replace(/([a-z])([A-Z])/g, "$1 $2"));
}

function goalOfWords(name: string): Goal {
  const words = name.toLowerCase().match(/[a-z]+[0-9]?/g) ?? [];
  for (const word of words.reverse()) {
    // The digit belongs to names like `f1` and `r2`, but not to `mAP50`.
    for (const form of [word, word.replace(/[0-9]+$/, "")]) {
      if (SMALL.has(form)) return "min";
      if (LARGE.has(form)) return "max";
    }
  }
  return "";
}
