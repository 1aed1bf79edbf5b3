import pytest

from tests.core.evaluation.age.factories import predictions


def test_lengths_must_agree() -> None:
    with pytest.raises(ValueError, match="'race': 1"):
        predictions([20, 30], [20, 30], race=["a"])
