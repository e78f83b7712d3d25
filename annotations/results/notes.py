"""What the figures mean, in words, told with them."""

from __future__ import annotations

from collections.abc import Mapping

PSEUDONYMS = (
    "Raters are called r1, r2, ... in the order they were added, as in curated records. Comments and reasons are as they were "
    "written: read them before publishing."
)

NOTES: Mapping[str, str] = {
    "both": (
        "95 % interval with traces and raters drawn anew at once (pigeonhole bootstrap, Owen 2007; percentiles). It holds for "
        "other traces and other raters, and is the one to go by. Where each step has few ratings, it is rather too wide than "
        "too narrow."
    ),
    "trace": (
        "95 % interval with whole traces drawn anew (bias-corrected and accelerated bootstrap, Efron 1987). It holds for other "
        "traces judged by the same raters."
    ),
    "rater": (
        "95 % interval with whole raters drawn anew (bias-corrected and accelerated bootstrap). It holds for other raters who "
        "judge the same traces. The paper gives its intervals with a number of people, so this is the one to compare with them."
    ),
    "wilson": (
        "Where every answer is the same, resampling shows no spread, and Wilson's interval of a share stands instead, with as "
        "many trials as there are traces or raters."
    ),
    "unscored": (
        "Answers without a score (Unsure) and skipped, withdrawn, surplus and set apart ratings are counted and never scored: "
        "they are neither right nor wrong."
    ),
    "helpfulness": (
        "Helpfulness when accurate is the mean over the ratings in which the same rater judged the same step accurate, and when "
        "not accurate, over those in which the same rater judged it not accurate. The overall mean has those of an unsure rater "
        "as well."
    ),
    "breakdowns": (
        "Each row has its own interval. Of twenty rows, one misses on average what it estimates: a single row that stands out "
        "is no finding."
    ),
    "pairs": (
        "The same items are the same samples, by content hash: same picture, same question. A model's score on a sample is the "
        "mean of all ratings of its steps there; each sample counts once. Samples are drawn anew for the interval of the "
        "difference; raters are taken as they are. p is by turning the signs of the differences, p (Holm) is raised for all "
        "pairs of the same figure."
    ),
    "agreement": (
        "On the steps that two or more raters judged. Krippendorff's alpha and Gwet's AC2 with ordinal weights for the answers "
        "that have a score, in its order (with two answers that is the same as nominal); where a question has answers without a "
        "score, alpha and AC1 over all its answers, as names without order. Alpha falls when nearly all answers are the same, "
        "however much raters agree; AC1 and AC2 do not. Steps of one rater enter AC1 and AC2 as far as they say how often an "
        "answer is given. Intervals: whole traces drawn anew. The rule of thumb (.80, .667) is Krippendorff's, for alpha."
    ),
    "points": (
        "Distances in pixels of the upright original and in widths of the picture, between the points of two raters on the same "
        "step, and from the model's point to the raters' median point. A box is not counted as a point: its centre was not "
        "marked by anybody. Intervals: whole traces drawn anew, percentiles for medians."
    ),
    "raters": (
        "Agreement with the others: pairs with another rater on the same step in which both gave the same scored answer, and "
        "the mean difference from the others' mean. Drift: the first half of a rater's ratings in time against the second "
        "(means; medians of seconds) and Spearman's rho with their order. The p values are not corrected for the number of "
        "raters, and steps of a trace follow each other."
    ),
    "leave_one_out": ("Each headline once more without each rater."),
}
"""By what they are about."""
