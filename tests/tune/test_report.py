"""The HTML report of a sweep."""

from tests.tune.factories import TRIALS
from trainers.recipe import load_recipe
from tune.report import render_report
from tune.space import load_space


def test_the_page_has_all_plots_and_needs_no_other_file() -> None:
    space, recipe = load_space("asha_lr_wd_sigma"), load_recipe("resnet18_age_gender")
    page = render_report(space, recipe, TRIALS)
    assert "MAE 5.00" in page
    for alt in ("values and MAE of each trial", "MAE against optimizer.lr", "interval coverage",
                "MAE of each trial by epoch", "epochs trained between rungs"):  # fmt: skip
        assert alt in page
    assert page.count("data:image/png;base64,") == 6
    assert "http" not in page.replace("http-equiv", "")
    assert page == render_report(space, recipe, TRIALS)
