"""A stage of a space as Ray Tune's objects: parameter space, scheduler, search algorithm."""

from collections.abc import Mapping
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler, TrialScheduler
from ray.tune.search import BasicVariantGenerator, ConcurrencyLimiter, SearchAlgorithm, Searcher

from faceage_core.errors import InvalidArgument
from tune.journal import Journal
from tune.space import Parameter, Stage

METRIC, MODE = "val_mae", "min"


def param_space(stage: Stage, best: Mapping[str, Any]) -> dict[str, Any]:
    """Return the domain of each varied key.

    Args:
        stage: whose keys are varied.
        best: the best values of the stages before, by key.
    """
    return {
        key: _domain(parameter, best.get(key), grid=stage.search == "grid")
        for key, parameter in stage.parameters.items()
    }


def scheduler(stage: Stage, epochs: int, journal: Journal) -> TrialScheduler:
    """Return the scheduler: ASHA, which stops the worse trials at each rung, or FIFO.

    Li et al., "A System for Massively Parallel Hyperparameter Tuning", 2020. Rungs count the epochs
    that a trial reports; a resumed trial continues its count.
    """
    if stage.asha:
        return ResumableASHA(stage, epochs, journal)
    return FIFOScheduler()  # type: ignore[no-untyped-call]


def search_algorithm(stage: Stage, seed: int, max_concurrent: int) -> Searcher | SearchAlgorithm:
    """Return the algorithm that chooses the values of each trial.

    Args:
        stage: what is searched.
        seed: of the random numbers.
        max_concurrent: the next trial is not created before one of so many has ended. Ray Tune's
            own `max_concurrent_trials` has no effect on an algorithm that is passed as an object.

    Raises:
        InvalidArgument: the search is optuna, and Optuna is not installed.
    """
    if stage.search != "optuna":
        return BasicVariantGenerator(max_concurrent=max_concurrent, random_state=seed)
    try:
        import optuna
        from ray.tune.search.optuna import OptunaSearch

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        search = OptunaSearch(metric=METRIC, mode=MODE, seed=seed)
    except ImportError:
        raise InvalidArgument(
            "search optuna needs the package optuna: pip install 'faceage[optuna]'", field="search"
        ) from None
    return ConcurrencyLimiter(search, max_concurrent=max_concurrent)


class ResumableASHA(ASHAScheduler):
    """ASHA that restores the rungs of earlier trials from the journal when a sweep is resumed.

    Ray Tune does not save the state of a scheduler: it adds the old trials to a new one.
    """

    def __init__(self, stage: Stage, epochs: int, journal: Journal) -> None:
        super().__init__(
            time_attr="epoch",
            max_t=epochs,
            grace_period=min(stage.grace_epochs, epochs),
            reduction_factor=stage.reduction,
            stop_last_trials=False,  # they end by themselves, and publish their checkpoints
        )
        self._journal = journal

    def on_trial_add(self, tune_controller: Any, trial: Trial) -> None:
        """Add a trial and replay its earlier reports."""
        super().on_trial_add(tune_controller, trial)
        for metrics in self._journal.epochs(trial.trial_id):
            self.on_trial_result(tune_controller, trial, metrics)


def _domain(parameter: Parameter, best: Any, *, grid: bool) -> Any:
    if parameter.log_uniform is not None:
        return tune.loguniform(*parameter.log_uniform)
    if parameter.uniform is not None:
        return tune.uniform(*parameter.uniform)
    values = list(parameter.candidates(best))
    return tune.grid_search(values) if grid else tune.choice(values)
