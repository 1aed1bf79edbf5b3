"""Columns and descriptions with known statistics."""

from typing import Any

import numpy as np
import pyarrow as pa

from faceage_core.data.describe.columns import Columns
from faceage_core.data.describe.description import Description, describe
from tests.core.data.factories import manifest_of

# Hashes that differ in more than four bits from each other; NEAR differs from FAR[0] in three.
FAR = ("0" * 16, "f" * 16, "0f" * 8, "f0" * 8, "00ff" * 4)
NEAR = "0" * 15 + "7"


def words(*values: str | None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, pa.string())])


def balanced(count: int, **changes: Any) -> Description:
    """The description of a balanced data set without leaks; `changes` replace columns."""
    table = pa.table(
        {
            "age_years": pa.array([float(i % 40) for i in range(count)], pa.float32()),
            "gender": words(*(("female", "male")[i // 40 % 2] for i in range(count))),
            "race": words(*["any"] * count),
            "identity": words(*[None] * count),
            "width": pa.array([160] * count, pa.int32()),
            "height": pa.array([160] * count, pa.int32()),
            "sha256": words(*(f"{i:064x}" for i in range(count))),
            "perceptual_hash": words(
                *(f"{i * 0x9E3779B97F4A7C15 % 2**64:016x}" for i in range(count))
            ),
        }
    )
    for name, values in changes.items():
        table = table.set_column(table.schema.get_field_index(name), name, values)
    split_of = np.arange(count) // 40 % 2
    columns = Columns(table, ("train", "val"), split_of, (("part", count),))
    return describe("balanced", manifest_of({}), columns, words())
