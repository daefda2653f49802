"""Hot spots: a photo under a grid, of which one square is to be chosen.

Introduced in lesson 4, whose quiz asks for a click on a defect. The photos are read from the
package that ships them.
"""

import base64
import html
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import numpy as np

from course_lib.errors import CourseError
from course_lib.paths import shorten
from course_lib.quiz.picture import KINDS, LARGEST
from course_lib.quiz.place import Place, Table
from course_lib.quiz.questions import NOT_ATTEMPTED, Judgement, Public, Question, Remark
from course_lib.quiz.shapes import STRING, TEXT, WHOLE, YES_OR_NO, Shape, pair, several, table
from course_lib.quiz.texts import NOTHING, PUBLIC_TEXT, Text

Square: TypeAlias = tuple[int, int]  # row and column, from 1


@dataclass(frozen=True)
class Region:
    """Squares of the photo's grid that share one reason."""

    squares: tuple[Square, ...]
    right: bool
    reason: Text


@dataclass(frozen=True)
class Photo:
    """A real photo under a grid of squares; the learner chooses one square.

    ``credit`` names source and licence; it is shown below the photo.
    """

    file: str
    credit: str
    description: Text
    rows: int
    columns: int
    regions: tuple[Region, ...] = ()
    elsewhere: Text = NOTHING
    folder: Path = Path()  # of the bank

    def squares(self, right: bool) -> Iterator[Square]:
        """The squares that are right, or all the others."""
        key = {square for region in self.regions if region.right for square in region.squares}
        for square in product(range(1, self.rows + 1), range(1, self.columns + 1)):
            if (square in key) == right:
                yield square


@dataclass(frozen=True)
class Hotspot(Question):
    """A square to choose; the answer is ``[row, column]``, counted from 1."""

    type: ClassVar[str] = "hotspot"
    shape: ClassVar[Mapping[str, Shape]] = {
        "photo": table(
            file=STRING,
            credit=STRING,
            description=TEXT,
            grid=pair(WHOLE),
            regions=several(table(squares=several(pair(WHOLE)), right=YES_OR_NO, reason=TEXT)),
            elsewhere=TEXT,
        )
    }
    public: ClassVar[Public] = {"photo": {"file": True, "credit": True, "description": PUBLIC_TEXT, "grid": True}}
    paper_hint: ClassVar[Text] = Text("Mark one square.", "マス目を 1 つ選んで印を付けてください。")
    paper_loses: ClassVar[str] = "the square is marked by hand and compared by eye"

    photo: Photo

    @classmethod
    def read(cls, item: Table, here: Place, released: bool) -> dict[str, Any]:
        photo = here.table(item, "photo", "add file, description and grid")
        grid = _square(photo.get("grid"), here, "has no grid", "write 'grid: [rows, columns]'")
        file, description = here.string(photo, "file"), here.text(photo, "description")
        here.demand(
            ".." not in file and not file.startswith("/") and "\\" not in file,
            f"names the photo {file!r} outside of its folder",
            "put it beside the bank and name it as seen from there, such as photos/part.png",
        )
        here.demand(
            not file or Path(file).suffix.lower() in KINDS,
            f"has the photo {file!r}, which no browser shows",
            f"save it as one of {', '.join(KINDS)}",
        )
        credit = here.string(photo, "credit")
        if released:
            return {"photo": Photo(file, credit, description, *grid, folder=here.folder)}
        regions = tuple(_region(entry, grid, there) for entry, there in here.entries(photo, "regions"))
        here.no_twins([str(square) for region in regions for square in region.squares], "square")
        here.demand(any(region.right for region in regions), "has no right square", "add a region 'right: true'")
        elsewhere = here.text(photo, "elsewhere")
        return {"photo": Photo(file, credit, description, *grid, regions, elsewhere, here.folder)}

    def trial(self) -> Iterator[str]:
        yield from super().trial()
        try:
            if len(content := read_photo(self.photo)) > LARGEST:
                yield f"has a photo of {len(content):,} bytes; make it smaller than {LARGEST:,}"
        except CourseError as error:
            yield f"has a photo that cannot be shown. {str(error).rstrip('.')}"

    def own_files(self) -> list[Path]:
        own = self.photo.folder / self.photo.file
        return [*super().own_files(), *[own] * own.is_file()]

    def judge(self, answer: Any) -> Judgement:
        photo = self.photo
        if not (
            isinstance(answer, list)
            and len(answer) == 2
            and all(type(number) is int for number in answer)
            and 1 <= answer[0] <= photo.rows
            and 1 <= answer[1] <= photo.columns
        ):
            return Judgement(NOT_ATTEMPTED, 0.0)
        for region in photo.regions:
            if tuple(answer) in region.squares:
                return Judgement.of(float(region.right), Remark(region.reason, region.right))
        return Judgement.of(0.0, Remark(photo.elsewhere, False))

    def right_answer(self) -> list[int]:
        region = next(region for region in self.photo.regions if region.right)
        return list(region.squares[0])

    def wrong_answer(self, generator: np.random.Generator) -> list[int]:
        wrong = list(self.photo.squares(right=False))
        return list(wrong[int(generator.integers(len(wrong)))])

    def reasons(self) -> tuple[Remark, ...]:
        return tuple(Remark(region.reason, region.right) for region in self.photo.regions)

    def shown(self) -> dict[str, Any]:
        photo = self.photo
        try:
            picture = {"photo": photo_address(photo)}
        except CourseError as error:
            picture = {"missing": str(error)}
        return picture | {
            "credit": photo.credit,
            "description": photo.description.as_dict(),
            "grid": [photo.rows, photo.columns],
        }

    def still_html(self, language: str) -> str:
        return f"<br><em>{self.photo.description.html(language, quote=True)}</em>"

    def paper_html(self, language: str) -> str:
        photo = self.photo
        described = html.escape(photo.description.plain(language))
        grid = f"grid-template:repeat({photo.rows},1fr)/repeat({photo.columns},1fr)"
        squares = "<i></i>" * photo.rows * photo.columns
        columns, rows = (
            "".join(f"<b>{number}</b>" for number in range(1, count + 1)) for count in (photo.columns, photo.rows)
        )
        return (
            f'<div class="numbered"><div class="columns">{columns}</div><div class="rows">{rows}</div>'
            f'<div class="photo"><img alt="{described}" src="{photo_address(photo)}">'
            f'<div class="squares" style="{grid}">{squares}</div></div></div>'
            f"<p><small>{html.escape(photo.credit)}</small></p>"
        )

    def key_html(self, language: str) -> str:
        squares = list(self.photo.squares(right=True))
        return Text(
            "; ".join(f"row {row}, column {column}" for row, column in squares),
            "、".join(f"{row} 行 {column} 列" for row, column in squares),
        ).html(language)


def _square(found: Any, here: Place, fault: str, cure: str) -> Square:
    """Two whole numbers of a bank file, such as a grid or one of its squares."""
    sound = isinstance(found, list) and [type(number) for number in found] == [int, int]
    return (found[0], found[1]) if here.demand(sound, fault, cure) else (1, 1)


def _region(entry: Table, grid: Square, here: Place) -> Region:
    squares = tuple(
        _square(found, here, "has a square that is no pair", "write it as [row, column]")
        for found in here.items(entry, "squares")
    )
    whole = here.demand(
        all(1 <= row <= grid[0] and 1 <= column <= grid[1] for row, column in squares),
        "has a square outside its grid",
        "rows and columns count from 1",
    )
    whole &= here.demand(bool(squares), "is a region without squares", "add one or remove the region")
    right = here.yes_or_no(entry, "right", f"the region {list(squares[0]) if whole else ''}".strip())
    return Region(squares, right, here.text(entry, "reason"))


def read_photo(photo: Photo) -> bytes:
    """The bytes of a photo: one beside the bank, or a solar cell as it lies in the package ``elpv-dataset``.

    Raises:
        CourseError: the photo is not there.
    """
    package = find_spec("elpv_dataset")
    folders = [Path(folder) for folder in (package.submodule_search_locations or ())] if package else []
    for folder in (photo.folder, *folders, *(folder / "data" for folder in folders)):
        if (folder / photo.file).is_file():
            return (folder / photo.file).read_bytes()
    raise CourseError(
        f"The photo {photo.file!r} is neither beside its bank in {shorten(photo.folder)} nor one of the solar cells; "
        "put it there, or install the solar cells with: pip install elpv-dataset"
    )


def photo_address(photo: Photo) -> str:
    """The photo as a ``data:`` address, so that a page shows it without fetching anything."""
    encoded = base64.b64encode(read_photo(photo)).decode()
    return f"data:image/{KINDS[Path(photo.file).suffix.lower()]};base64,{encoded}"
