"""The sentences of the age report, for the terminal and for Markdown."""

from faceage_core.evaluation.age.report import AgeReport, Breakdown, DataFacts


def sample_phrase(report: AgeReport) -> str:
    """The number of faces, their ages and the split, such as "6 faces aged 5 to 41 years, ..."."""
    errors = report.overall
    return (
        f"{errors.n:,} faces aged {errors.youngest_years:g} to {errors.oldest_years:g} years, "
        f"split hash {short_split_hash(report.data)}"
    )


def short_split_hash(data: DataFacts) -> str:
    """The first digits of the split hash, which are enough to tell splits apart."""
    return data.split_hash[:12]


def worst_sentence(breakdown: Breakdown) -> str:
    """The group with the largest error."""
    worst = breakdown.groups[breakdown.worst]
    return (
        f"Worst group: {breakdown.worst}, MAE {worst.mae.value:.2f} years, n = {worst.n:,} (among "
        f"{breakdown.worst_among})."
    )


def split_sentence(data: DataFacts) -> str:
    """Whether a person can be both in training and here."""
    match data.identities:
        case "all":
            return "The data set states the identity in each image; no person is in two splits."
        case "some":
            return (
                "The data set states the identity in some images only; those people are in one "
                "split."
            )
    return (
        "Image-level split: the data set does not state identities, so the model may have been "
        "trained on other images of the same people. Errors on new people are likely larger."
    )


def bootstrap_sentence(report: AgeReport) -> str:
    """How the intervals were computed."""
    bootstrap = report.bootstrap
    unit = "people, each with all images," if bootstrap.unit == "subject" else "single images"
    return (
        f"In brackets: 95 % bootstrap intervals, {bootstrap.resamples:,} resamples of {unit} with "
        f"seed {bootstrap.seed}; for groups of a few faces they are too narrow."
    )


def rejected_sentence(data: DataFacts) -> str:
    """How many images were rejected without a face, and how many for other reasons."""
    total = sum(data.set_aside.values())
    if not total:
        return f"All {data.read:,} images of the source, over all splits, could be used."
    missed = data.faces_not_found
    return (
        f"When the data set was prepared, over all splits, no face was found in {missed:,} of "
        f"{data.read:,} images ({missed / data.read:.1%}); rejected for other reasons: "
        f"{total - missed:,}. None of them is in the figures above."
    )
