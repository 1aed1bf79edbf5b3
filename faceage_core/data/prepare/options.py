"""The options of a preparation, as the command line sets them and the manifest records them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from faceage_core.data.prepare.splits import fold_shares, parse_split
from faceage_core.errors import InvalidArgument


class PrepareOptions(BaseModel):
    """All options that determine the content of a prepared data set, besides the source."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str = Field(description="the reader's name, such as utkface")
    crop: Literal["detect", "none"] = Field(
        default="detect", description="detect, align and crop the subject's face, or keep the image"
    )
    margin: float = Field(
        default=-0.1,
        gt=-1,
        le=2,
        description="how much wider than the dlib-age card's crop, a fraction; below 0 narrower",
    )
    size_px: int = Field(
        default=160, ge=0, description="side of the stored images; 0 keeps the source's size"
    )
    quality: int = Field(default=95, ge=1, le=100, description="JPEG quality")
    split: str | None = Field(
        default=None,
        description="percentages; None: the source's own split if it has one, else 80/20",
    )
    folds: int | None = Field(default=None, description="number of equal folds, instead of split")
    seed: int = 0
    near_duplicate_bits: int = Field(
        default=4,
        ge=0,
        le=16,
        description="images whose 64-bit perceptual hashes differ in so few bits look the same",
    )

    def check(self) -> None:
        """Check that the options do not contradict each other.

        Raises:
            InvalidArgument: they do, or split or folds is out of range.
        """
        if self.split is not None and self.folds is not None:
            raise InvalidArgument("split and folds exclude each other", field="folds")
        if self.crop == "detect" and self.size_px == 0:
            raise InvalidArgument(
                "size 0 keeps images as they are, which needs crop none", field="size_px"
            )
        self.shares(source_has_splits=False)

    def shares(self, *, source_has_splits: bool) -> dict[str, float] | None:
        """Each split's share, 0-1; None keeps the source's own splits.

        Args:
            source_has_splits: whether the source assigns splits itself.
        """
        if self.folds is not None:
            return fold_shares(self.folds)
        if self.split is not None:
            return parse_split(self.split)
        return None if source_has_splits else parse_split("80/20")
