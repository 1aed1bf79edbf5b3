"""A stage of a space in Ray Tune's words."""

from collections.abc import Mapping
from typing import Any

from ray import tune
from ray.tune.experiment import Trial as TuneTrial
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler
from ray.tune.search import (
    BasicVariantGenerator,
    ConcurrencyLimiter,
    SearchAlgorithm,
    Searcher,
)

from faceage_core.errors import InvalidArgument
from tune.journal import Journal
from tune.space import Parameter, Stage

METRIC, MODE = "val_mae", "min"


def param_space(stage: Stage, best: Mapping[str, Any]) -> dict[str, Any]:
    """What Tune draws from.

    Args:
        stage: whose keys are varied.
        best: the values of the best trial of the stage before.
    """
    return {
        key: _domain(parameter, best.get(key), grid=stage.search == "grid")
        for key, parameter in stage.parameters.items()
    }


def scheduler(stage: Stage, epochs: int, journal: Journal) -> TrialScheduler:
    """Who is stopped: nobody, or by ASHA all but the best at each rung.

    Li et al., "A System for Massively Parallel Hyperparameter Tuning", 2020. Rungs count the epochs
    that a trial reports, which a resumed trial does not count anew.
    """
    if stage.asha:
        return ResumableASHA(stage, epochs, journal)
    return FIFOScheduler()  # type: ignore[no-untyped-call]


def search_algorithm(stage: Stage, seed: int, at_once: int) -> Searcher | SearchAlgorithm:
    """Who chooses the next trial's values, and when: not before there is room for its workers.

    Args:
        stage: what is searched.
        seed: of what is drawn.
        at_once: how many trials may run at the same time. Tune's own `max_concurrent_trials` does
            not bind a generator that has been built.

    Raises:
        InvalidArgument: Optuna is asked for and not installed.
    """
    if stage.search != "optuna":
        return BasicVariantGenerator(max_concurrent=at_once, random_state=seed)
    try:
        import optuna
        from ray.tune.search.optuna import OptunaSearch

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        search = OptunaSearch(metric=METRIC, mode=MODE, seed=seed)
    except ImportError:
        raise InvalidArgument(
            "search optuna needs the package optuna: pip install 'faceage[optuna]'", field="search"
        ) from None
    return ConcurrencyLimiter(search, max_concurrent=at_once)


class ResumableASHA(ASHAScheduler):
    """ASHA that after a resume knows what trials had reached before.

    Tune does not keep a scheduler's state; it adds the old trials to a new one.
    """

    def __init__(self, stage: Stage, epochs: int, journal: Journal) -> None:
        super().__init__(
            time_attr="epoch",
            max_t=epochs,
            grace_period=min(stage.grace_epochs, epochs),
            reduction_factor=stage.reduction,
            stop_last_trials=False,  # they end by themselves, and write what serves
        )
        self._journal = journal

    def on_trial_add(self, tune_controller: Any, trial: TuneTrial) -> None:
        """Put a trial of before on the rungs that it had reached."""
        super().on_trial_add(tune_controller, trial)
        for metrics in self._journal.epochs(trial.trial_id):
            self.on_trial_result(tune_controller, trial, metrics)


def _domain(parameter: Parameter, best: Any, *, grid: bool) -> Any:
    if parameter.log_uniform is not None:
        return tune.loguniform(*parameter.log_uniform)
    if parameter.uniform is not None:
        return tune.uniform(*parameter.uniform)
    values = list(parameter.values_round(best))
    return tune.grid_search(values) if grid else tune.choice(values)
