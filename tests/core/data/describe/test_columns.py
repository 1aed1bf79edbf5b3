from faceage_core.data.describe.columns import Columns
from faceage_core.data.layout import Layout


def test_images_are_not_read_for_statistics(layout: Layout, columns: Columns) -> None:
    assert "image" not in columns.table.column_names
    assert columns.table.nbytes < 400 * len(columns.ages)
    assert columns.parts == (
        ("train/part-00000.parquet", 2),
        ("train/part-00001.parquet", 2),
        ("val/part-00000.parquet", 1),
        ("val/part-00001.parquet", 1),
    )
