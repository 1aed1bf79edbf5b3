"""How a data set is prepared: what the command line says and the manifest repeats."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from faceage_core.data.prepare.splits import folds, parse_split
from faceage_core.errors import InvalidArgument


class PrepareOptions(BaseModel):
    """Everything, besides the source itself, that decides what a prepared data set holds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    dataset: str = Field(description="the reader's name, such as utkface")
    crop: Literal["detect", "none"] = Field(
        default="detect", description="find, align and cut the subject's face, or don't"
    )
    margin: float = Field(
        default=-0.1,
        gt=-1,
        le=2,
        description="how much wider than the dlib-age card's crop, a fraction; below 0 narrower",
    )
    size_px: int = Field(
        default=160, ge=0, description="side of the stored pictures; 0 keeps the source's own"
    )
    quality: int = Field(default=95, ge=1, le=100, description="of the JPEGs")
    split: str | None = Field(
        default=None,
        description="percentages; None: the source's own split where it has one, else 80/20",
    )
    folds: int | None = Field(default=None, description="so many equal parts instead")
    seed: int = 0
    near_duplicate_bits: int = Field(
        default=4,
        ge=0,
        le=16,
        description="perceptual hashes that differ in so many of 64 bits are the same picture",
    )

    def check(self) -> None:
        """Refuse what contradicts itself.

        Raises:
            InvalidArgument: naming both options.
        """
        if self.split is not None and self.folds is not None:
            raise InvalidArgument("--split and --folds exclude each other", field="folds")
        if self.crop == "detect" and self.size_px == 0:
            raise InvalidArgument(
                "--size 0 keeps pictures as they are, which needs --crop none", field="size_px"
            )
        self.shares(given=False)

    def shares(self, *, given: bool) -> dict[str, float] | None:
        """Each split's share; None keeps the source's own split.

        Args:
            given: whether the source has one.
        """
        if self.folds is not None:
            return folds(self.folds)
        if self.split is not None:
            return parse_split(self.split)
        return None if given else parse_split("80/20")
