"""Tasks and guesses of lesson 3: understanding image features."""

from functools import lru_cache

import numpy as np

from course_lib.quiz import Guess, NotYet, Task


def refuse(found, mistakes, tolerance=1e-6):
    """Tell a typical mistake by what it gives: (result, English, Japanese) each."""
    for result, en, ja in mistakes:
        if np.shape(found) == np.shape(result) and np.allclose(np.asarray(found, float), result, atol=tolerance):
            raise NotYet(en, ja)


class DarkShare(Task):
    """Compare with the photo's own median, and take a share."""

    id = "03-dark-share"
    objective = "compute-features"
    defines = "dark_share"
    prompt_ja = (
        "**課題 1：暗いピクセルの割合。** 画像の中央値 `np.median(photo)` の 0.6 倍より暗いピクセルの割合（0〜1）を返す "
        "`dark_share` を書いてください。"
    )
    given = "import numpy as np"
    stub = '''
def dark_share(photo):
    """Share of the pixels that are darker than 0.6 times the median of the photo."""
    ...
'''
    why = {
        "en": "The limit moves with the photo, so a dark photo without a dark area gets a small share.",
        "ja": "しきい値が画像ごとに変わるので、全体が暗いだけの画像では割合が大きくなりません。",
    }
    hints = (
        {
            "en": "`photo < 100` is an array of `True` and `False`. Its mean is the share of `True`.",
            "ja": "`photo < 100` は `True` と `False` の配列です。その平均が `True` の割合になります。",
        },
        {
            "en": "Instead of 100, write 0.6 times the median: `0.6 * np.median(photo)`.",
            "ja": "100 の代わりに、中央値の 0.6 倍 `0.6 * np.median(photo)` を使います。",
        },
    )
    solution = "def dark_share(photo):\n    return (photo < 0.6 * np.median(photo)).mean()"
    wrong = (
        ("def dark_share(photo):\n    return (photo < 0.6 * np.median(photo)).sum()", "number of dark pixels"),
        ("def dark_share(photo):\n    return 100 * (photo < 0.6 * np.median(photo)).mean()", "per cent"),
        ("def dark_share(photo):\n    return (photo < 0.6 * photo.mean()).mean()", "the mean of the photo"),
        ("def dark_share(photo):\n    return (photo < 0.6 * 255).mean()", "white"),
        ("def dark_share(photo):\n    return (photo < np.median(photo)).mean()", "0.6 is missing"),
        ("def dark_share(photo):\n    return (photo > 0.6 * np.median(photo)).mean()", "not darker"),
        (
            "def dark_share(photo):\n    return photo[photo < 0.6 * np.median(photo)].mean()",
            "how bright the dark pixels are",
        ),
        ("def dark_share(photo):\n    return photo < 0.6 * np.median(photo)", "True or False for each pixel"),
        ("def dark_share(photo):\n    return (photo < 0.6 * np.median(photo)).sum() / len(photo)", "number of rows"),
        ("def dark_share(photo):\n    return len(photo < 0.6 * np.median(photo)) / photo.size", "number of rows"),
    )

    def check(self, dark_share):
        """A photo on which each mistake gives another number."""
        pixels = [200] * 10 + [20] * 3 + [200] * 7 + [110] * 2 + [150] * 4 + [170] * 4
        photo = np.array(pixels, np.uint8).reshape(2, 15)
        found, limit = dark_share(photo), 0.6 * np.median(photo)
        if np.shape(found) == photo.shape:
            raise NotYet(
                "That is True or False for each pixel. Its mean, `.mean()`, is the share of True.",
                "それはピクセルごとの True / False です。`.mean()` で平均を取ると、True の割合になります。",
            )
        refuse(
            found,
            (
                (
                    (photo < limit).sum(),
                    "That is the number of dark pixels, not their share.",
                    "それは暗いピクセルの個数です。割合にしてください。",
                ),
                (
                    (photo < limit).sum() / len(photo),
                    "`len(photo)` is the number of rows. Divide by the number of pixels, `photo.size`.",
                    "`len(photo)` は行数です。ピクセル数 `photo.size` で割ってください。",
                ),
                (
                    len(photo) / photo.size,
                    "`len` of an array is its number of rows. Count the dark pixels with `.sum()`.",
                    "配列の `len` は行数です。暗いピクセルは `.sum()` で数えてください。",
                ),
                (
                    100 * (photo < limit).mean(),
                    "That is per cent. The share goes from 0 to 1.",
                    "それはパーセントです。割合は 0〜1 で返してください。",
                ),
                (
                    (photo < 0.6 * photo.mean()).mean(),
                    "The limit is 0.6 times the median, not 0.6 times the mean of the photo.",
                    "しきい値は平均ではなく中央値の 0.6 倍です。",
                ),
                (
                    (photo < 0.6 * 255).mean(),
                    "The limit is 0.6 times the median of the photo, not 0.6 times white (255).",
                    "しきい値は白（255）ではなく、画像の中央値の 0.6 倍です。",
                ),
                (
                    (photo < np.median(photo)).mean(),
                    "The limit is the median itself; the factor 0.6 is missing.",
                    "しきい値が中央値そのものです。0.6 倍していません。",
                ),
                (
                    (photo > limit).mean(),
                    "These are the pixels that are not darker than the limit. Turn the `>` round.",
                    "しきい値より明るいピクセルを数えています。不等号が逆です。",
                ),
                (
                    photo[photo < limit].mean(),
                    "That is how bright the dark pixels are, not how many they are.",
                    "それは暗いピクセルの明るさです。求めるのは割合です。",
                ),
            ),
        )
        self.expect(found, 5 / 30, "For 5 dark pixels among 30", "30 ピクセルのうち 5 ピクセルが暗い画像では", tolerance=1e-6)
        even = np.full((4, 4), 90, np.uint8)
        self.expect(dark_share(even), 0.0, "For an even grey", "一様な灰色では", tolerance=1e-6)


class Slide(Task):
    """Two loops, nine pixels at a time."""

    id = "03-slide"
    objective = "apply-kernel"
    defines = "slide"
    prompt_ja = (
        "**課題 2：カーネルをずらす。** カーネルを、はみ出さずに置けるすべての位置に重ねる `slide` を書いてください。まず 0〜2 行・0〜2 列、"
        "次に 1 列右、というように進み、すべての和を配列で返します。3 × 3 のカーネルは縦に `height - 2` か所、横に `width - 2` か所置けます。"
    )
    given = "import numpy as np"
    stub = '''
def slide(photo, kernel):
    """The sum of products at each place of a photo, (height - 2, width - 2)."""
    height, width = photo.shape
    sums = np.zeros((height - 2, width - 2))
    ...
    return sums
'''
    why = {
        "en": "This is a convolution. A convolutional network does nothing else, thousands of times.",
        "ja": "これが畳み込みです。畳み込みネットワークは、これを何千回も行っているだけです。",
    }
    hints = (
        {
            "en": "Two loops: `for row in range(height - 2):` and inside it one over the columns.",
            "ja": "ループは 2 重です。`for row in range(height - 2):` の中に、列のループを書きます。",
        },
        {
            "en": "The nine pixels at a place: `photo[row : row + 3, column : column + 3]`.",
            "ja": "その位置の 9 ピクセルは `photo[row : row + 3, column : column + 3]` です。",
        },
        {
            "en": "`sums[row, column] = (nine * kernel).sum()`, where `nine` is those nine pixels.",
            "ja": "その 9 ピクセルを `nine` とすると、`sums[row, column] = (nine * kernel).sum()` です。",
        },
    )
    _loops = (
        "def slide(photo, kernel):\n    height, width = photo.shape\n    sums = np.zeros((height - 2, width - 2))\n"
        "    for row in range(height - 2):\n        for column in range(width - 2):\n"
    )
    solution = _loops + (
        "            sums[row, column] = (photo[row : row + 3, column : column + 3] * kernel).sum()\n    return sums"
    )
    wrong = (
        (
            _loops + "            sums[row, column] = (photo[row : row + 3, column : column + 3] * kernel).mean()\n"
            "    return sums",
            "mean of the nine products",
        ),
        (
            _loops + "            sums[row, column] = photo[row : row + 3, column : column + 3].sum()\n    return sums",
            "without the kernel",
        ),
        (
            _loops.replace("column in range(width - 2)", "column in range(height - 2)")
            + "            sums[row, column] = (photo[row : row + 3, column : column + 3] * kernel).sum()\n"
            "    return sums",
            "as many columns",
        ),
        (
            _loops.replace("row in range(height - 2)", "row in range(height - 3)")
            + "            sums[row, column] = (photo[row : row + 3, column : column + 3] * kernel).sum()\n"
            "    return sums",
            "last row",
        ),
        (
            _loops + "            sums[row, column] = (photo[row : row + 3, column : column + 3] * kernel).sum()\n"
            "            return sums",
            "first place only",
        ),
        (
            _loops + "            sums[row, column] = photo[row, column] * kernel[1, 1]\n    return sums",
            "at row 0 and column 0",
        ),
        (
            _loops + "            nine = (photo[row : row + 3, column : column + 3] * kernel).sum()\n    return sums",
            "All sums are 0",
        ),
        (
            _loops + "            sums[row, column] = (photo[row : row + 2, column : column + 2] * kernel).sum()\n"
            "    return sums",
            "broadcast",
        ),
        (
            _loops
            + "            sums[row, column] = (photo[row : row + 3, column : column + 3] @ kernel).sum()\n    return sums",
            "multiplies matrices",
        ),
        (
            _loops + "            for i in range(3):\n                for j in range(3):\n"
            "                    sums[row, column] = photo[row + i, column + j] * kernel[i, j]\n    return sums",
            "Only the last",
        ),
    )

    def check(self, slide):
        """A photo that is wider than high, and a kernel whose numbers all differ."""
        photo = (np.arange(35) ** 2 % 97).astype(np.uint8).reshape(5, 7)
        kernel = np.array([[-4, 1, 2], [0, 3, -1], [5, -2, 6]])
        places = np.lib.stride_tricks.sliding_window_view(photo.astype(int), (3, 3))
        right = (places * kernel).sum(axis=(2, 3))
        found = slide(photo, kernel)
        if np.shape(found) != right.shape:
            raise NotYet(
                f"For a photo of 5 × 7 pixels the sums should have the shape (3, 5), not {np.shape(found)}.",
                f"5 × 7 の画像では、和の配列の形は (3, 5) のはずですが、{np.shape(found)} でした。",
            )
        found = np.asarray(found, float)
        refuse(
            found,
            (
                (
                    right / 9,
                    "That is the mean of the nine products. Add them: `.sum()`.",
                    "9 つの積の平均になっています。`.sum()` で足してください。",
                ),
                (
                    places.sum(axis=(2, 3)),
                    "These are the sums of the pixels, without the kernel: multiply first.",
                    "カーネルを掛けずにピクセルを足しています。先に掛けてください。",
                ),
                (
                    places[:, :, 2, 2] * kernel[2, 2],
                    "Only the last of the nine products is left. Add each to the sum: `+=`.",
                    "9 つの積のうち最後のものしか残っていません。`+=` で足していってください。",
                ),
                (
                    (places @ kernel).sum(axis=(2, 3)),
                    "`@` multiplies matrices. Multiply each pixel by the number on it: `*`.",
                    "`@` は行列の積です。ピクセルごとに数を掛けるには `*` を使います。",
                ),
            ),
        )
        for missing, en, ja in (
            (
                np.s_[:, 3:],
                "It goes over as many columns as there are rows. The columns end at `width - 2`.",
                "列を行と同じ数しか進んでいません。列は `width - 2` までです。",
            ),
            (
                np.s_[2:, :],
                "The last row is missing: `range(height - 2)` ends before `height - 2` already.",
                "最後の行が計算されていません。`range(height - 2)` は `height - 2` の手前で終わります。",
            ),
        ):
            filled = right.copy()
            filled[missing] = 0
            refuse(found, ((filled, en, ja),))
        if found[0, 0] == right[0, 0] and not found.ravel()[1:].any():
            raise NotYet(
                "The first place only is filled: does `return` stand inside the loop? Move it to the left.",
                "最初の位置しか計算されていません。`return` がループの中にあるなら、左に戻してください。",
            )
        if not found.any():
            raise NotYet(
                "All sums are 0: nothing is put into `sums` yet.", "和がすべて 0 です。`sums` に値を入れていません。"
            )
        for row, column in np.argwhere(~np.isclose(found, right))[:1]:
            self.expect(
                found[row, column],
                right[row, column],
                f"For a photo of 5 × 7 pixels, at row {row} and column {column}",
                f"5 × 7 の画像の {row} 行 {column} 列では",
            )


class MyKernel(Task):
    """Rows and columns that add up to 0 make level and upright lines vanish."""

    id = "03-my-kernel"
    objective = "apply-kernel"
    defines = "my_kernel"
    prompt_ja = (
        "**課題 3：自分のカーネル。** 左上から右下への斜めの線に反応し、一様な部分、縦線、横線では 0 になる 3 × 3 のカーネルを作って"
        "ください（どの行の和も、どの列の和も 0 になれば、そうなります）。"
    )
    given = "import numpy as np"
    stub = "my_kernel = np.array([[0, 0, 0], [0, 0, 0], [0, 0, 0]])"
    why = {
        "en": "Nine numbers decide what is seen and what is not. In lesson 6 a network finds such numbers itself.",
        "ja": "9 つの数が、何が見えて何が見えないかを決めます。レッスン 6 では、ネットワークが自分でその数を見つけます。",
    }
    hints = (
        {
            "en": "The line should lie on large numbers: put the same positive number on the diagonal.",
            "ja": "線が大きな数に重なるように、対角線に同じ正の数を置きます。",
        },
        {
            "en": "Each row now has one positive number. The two others must take it away again.",
            "ja": "どの行にも正の数が 1 つあります。残りの 2 つでそれを打ち消します。",
        },
        {"en": "2 on the diagonal, −1 everywhere else.", "ja": "対角線は 2、ほかはすべて −1 です。"},
    )
    solution = "my_kernel = np.array([[2, -1, -1], [-1, 2, -1], [-1, -1, 2]])"
    wrong = (
        ("my_kernel = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]])", "even area"),
        ("my_kernel = np.array([[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]])", "upright line"),
        ("my_kernel = np.array([[-1, -1, -1], [0, 0, 0], [1, 1, 1]])", "level line"),
        ("my_kernel = np.array([[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]])", "upright line"),
        ("my_kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])", "both directions"),
        ("my_kernel = np.array([[-1, -1, 2], [-1, 2, -1], [2, -1, -1]])", "hardly responds"),
        ("my_kernel = np.array([[1, 0, -1], [0, 0, 0], [-1, 0, 1]])", "both directions"),
        ("my_kernel = np.array([2, -1, -1, -1, 2, -1, -1, -1, 2])", "three rows"),
    )

    def check(self, my_kernel):
        """Lay it on an even area and on four lines."""
        kernel = np.asarray(my_kernel)
        if kernel.shape != (3, 3) or kernel.dtype.kind not in "iuf":
            raise NotYet(
                f"A kernel has three rows of three numbers; yours has the shape {kernel.shape}.",
                f"カーネルは 3 行 3 列の数です。形が {kernel.shape} になっています。",
            )
        total, rows, columns = kernel.sum(), kernel.sum(axis=1), kernel.sum(axis=0)
        if abs(total) > 1e-6:
            raise NotYet(
                f"On an even area of 100 it gives {100 * total:g}, since its numbers add up to {total:g}; 0 was expected.",
                f"すべて 100 の一様な部分で {100 * total:g} になります（和が {total:g}）。0 になるようにしてください。",
            )
        if np.abs(columns).max() > 1e-6:
            raise NotYet(
                f"It responds to an upright line: its columns add up to {columns.tolist()}, not to 0.",
                f"縦線に反応します。列の和が 0 ではなく {columns.tolist()} です。",
            )
        if np.abs(rows).max() > 1e-6:
            raise NotYet(
                f"It responds to a level line: its rows add up to {rows.tolist()}, not to 0.",
                f"横線に反応します。行の和が 0 ではなく {rows.tolist()} です。",
            )
        here, other = abs(np.trace(kernel)), abs(np.trace(kernel[:, ::-1]))
        if here == other:
            raise NotYet(
                f"It responds to slanted lines in both directions alike ({here:g}). Give the diagonal from the top left to "
                "the bottom right more weight than the other one.",
                f"どちら向きの斜め線にも同じだけ（{here:g}）反応します。左上から右下への対角線の数を、もう一方より大きくしてください。",
            )
        if here < other or here < np.abs(kernel).max() * 2:
            raise NotYet(
                f"It hardly responds to a line from the top left to the bottom right: the numbers on this diagonal add up to "
                f"{here:g}. Make all three of them large, with the same sign.",
                f"左上から右下への線にほとんど反応しません（対角線の和は {here:g}）。対角線の 3 つを、同じ符号の大きな数にしてください。",
            )


READ = """
import numpy as np
from course_lib import data, datasets, lesson
cells = lesson.split_index(data.solar_cells())
cells = cells[cells["split"] != "test"].reset_index(drop=True)
pixels = datasets.pixels(cells, size=96, progress=False)[:, 0]
"""


@lru_cache
def validation_cells():
    """The validation photos of the solar cells, (N, 96, 96), and which of them are defective.

    The lesson has read them already, so they come from its file.
    """
    names = {}
    exec(READ, names)
    cells = names["cells"]
    validation = (cells["split"] == "validation").to_numpy()
    return np.array(names["pixels"][validation], np.float32), (cells["label"][validation] == "defective").to_numpy()


def pairs_right(values, defective):
    """As in the lesson."""
    differences = np.subtract.outer(values[defective], values[~defective])
    larger = (differences > 0).mean() + (differences == 0).mean() / 2
    return max(larger, 1 - larger)


class MyFeature(Task):
    """Beat ten guesses with one of your own, on photos that decide."""

    id = "03-my-feature"
    objective = "compute-features"
    defines = "my_feature"
    copies = False  # 395 photos
    prompt_ja = (
        "**課題 4：自分の特徴量。** 画像ごとに 1 つの数を返す `my_feature` を書いてください。太陽電池セルの検証用画像で、10 個の特徴量の"
        "どれよりも多くの組を正しい順に並べられれば合格です。何度でも試せます。"
    )
    given = READ
    stub = '''
def my_feature(photo):
    """One number for a grey photo of 96 × 96 pixels."""
    ...
'''
    why = {
        "en": "One number of yours tells more than any of our ten. Ask yourself what it measures: the defect, or the light?",
        "ja": "あなたの特徴量 1 つが、用意した 10 個のどれよりもよく見分けました。それは欠陥を測っているのでしょうか、それとも明るさでしょうか。",
    }
    hints = (
        {
            "en": "The best ones of ours: brightness, the darkest 5 %, the darkest area. Each knows something that the others "
            "do not. Could one number know two things?",
            "ja": "用意した 10 個の上位は、`brightness`、`darkest 5 %`、`darkest area` です。それぞれ表しているものが違います。1 つの数で 2 つのことを表せませんか。",
        },
        {
            "en": "`darkest area` divides by the median, and so throws the brightness away.",
            "ja": "`darkest area` は中央値で割っているので、明るさの情報を捨てています。",
        },
        {
            "en": "The mean of each of the 6 × 6 areas, and of these the smallest, not divided by anything.",
            "ja": "6 × 6 の区画ごとの平均を求め、その最小値を、何でも割らずに返します。",
        },
    )
    solution = """
def my_feature(photo):
    corners = [(top, left) for top in range(0, 96, 16) for left in range(0, 96, 16)]
    return min(photo[top : top + 16, left : left + 16].mean() for top, left in corners)
"""
    wrong = (
        ("def my_feature(photo):\n    return photo.mean()", "of 100 pairs"),
        ("def my_feature(photo):\n    return np.quantile(photo, 0.95)", "of 100 pairs"),
        ("def my_feature(photo):\n    return photo.mean(axis=0)", "one number for each photo"),
        ("def my_feature(photo):\n    return 1", "the same number"),
        ("def my_feature(photo):\n    return 1 / (photo.max() - photo.max())", "not a number"),
        ("def my_feature(photo):\n    return 'dark' if photo.mean() < 100 else 'bright'", "one number for each photo"),
    )

    def check(self, my_feature):
        """Judge it on the validation photos of the solar cells, beside the best of ours."""
        photos, defective = validation_cells()
        first = my_feature(photos[0].copy())
        if np.shape(first) != () or isinstance(first, str | bytes):
            raise NotYet(
                f"It should return one number for each photo, but it returned {type(first).__name__}.",
                f"画像ごとに 1 つの数を返すはずですが、{type(first).__name__} が返りました。",
            )
        values = np.array([my_feature(photo) for photo in photos], float)
        if not np.isfinite(values).all():
            raise NotYet(
                "For some photos it gives infinity, or something that is not a number. Is there a division by 0?",
                "無限大や、数ではない値になる画像があります。0 で割っていませんか。",
            )
        if np.ptp(values) == 0:
            raise NotYet(
                "It gives the same number for every photo, so it cannot tell them apart.",
                "どの画像でも同じ数になるため、見分けられません。",
            )
        best = pairs_right(np.quantile(photos, 0.05, axis=(1, 2)), defective)
        reached = pairs_right(values, defective)
        if reached <= best:
            raise NotYet(
                f"It puts {100 * reached:.1f} of 100 pairs in the right order; the best of our ten, `darkest 5 %`, "
                f"{100 * best:.1f}. Try another idea.",
                f"正しい順に並べられたのは 100 組中 {100 * reached:.1f} です。10 個のうち最良の `darkest 5 %` は "
                f"{100 * best:.1f} です。別の案も試してください。",
            )


class SaysDefective(Task):
    """Multiply, add, compare with 0."""

    id = "03-says-defective"
    objective = "compare-baselines"
    defines = "says_defective"
    prompt_ja = (
        "**課題 5：分類器になる。** 1 枚の画像のスケーリング済み特徴量 `numbers`、重み `weights`、切片 `intercept` を受け取り、"
        "`True` か `False` を返す `says_defective` を書いてください。"
    )
    given = "import numpy as np"
    stub = '''
def says_defective(numbers, weights, intercept):
    """True if the weighted sum of a photo's features plus the intercept is above 0."""
    ...
'''
    why = {
        "en": "A classifier is no magic: one line of multiplying and adding. Learning only finds the weights.",
        "ja": "分類器は魔法ではなく、掛けて足すだけの 1 行です。学習とは、その重みを見つけることです。",
    }
    hints = (
        {
            "en": "`numbers * weights` multiplies them one by one.",
            "ja": "`numbers * weights` で、対応する数どうしを掛けられます。",
        },
        {
            "en": "Add them up with `.sum()`, add the intercept, and compare with 0: `… > 0`.",
            "ja": "`.sum()` で足し、切片を加え、0 と比べます（`… > 0`）。",
        },
    )
    solution = "def says_defective(numbers, weights, intercept):\n    return (numbers * weights).sum() + intercept > 0"
    wrong = (
        (
            "def says_defective(numbers, weights, intercept):\n    return (numbers * weights).sum() > 0",
            "intercept is forgotten",
        ),
        (
            "def says_defective(numbers, weights, intercept):\n    return (numbers * weights).sum() + intercept",
            "the sum itself",
        ),
        (
            "def says_defective(numbers, weights, intercept):\n    return numbers * weights + intercept > 0",
            "one answer for each feature",
        ),
        (
            "def says_defective(numbers, weights, intercept):\n    return (numbers * weights).sum() + intercept < 0",
            "turned round",
        ),
        (
            "def says_defective(numbers, weights, intercept):\n    return (numbers + weights).sum() + intercept > 0",
            "multiplied",
        ),
        ("def says_defective(numbers, weights, intercept):\n    return numbers.sum() + intercept > 0", "multiplied"),
        (
            "def says_defective(numbers, weights, intercept):\n    return (numbers * weights).sum() > intercept",
            "compared with the intercept",
        ),
        (
            "def says_defective(numbers, weights, intercept):\n    return sum(numbers * weights + intercept) > 0",
            "once for each feature",
        ),
        (
            "def says_defective(numbers, weights, intercept):\n    if (numbers * weights).sum() + intercept > 0:\n        return True",
            "returns nothing",
        ),
        (
            "def says_defective(numbers, weights, intercept):\n"
            "    return 'defective' if (numbers * weights).sum() + intercept > 0 else 'functional'",
            "not 'defective'",
        ),
    )

    def check(self, says_defective):
        """Six photos, on which each mistake shows."""
        numbers, weights = np.array([2.0, 1.0, -1.0]), np.array([1.0, -3.0, -0.5])
        found = says_defective(numbers, weights, 1.0)  # -0.5 + 1 > 0
        if np.shape(found) == numbers.shape:
            raise NotYet(
                "That is one answer for each feature. Add the products up first: `.sum()`.",
                "特徴量ごとに答えが出ています。先に `.sum()` で積を足してください。",
            )
        if found is None or isinstance(found, str):
            raise NotYet(
                f"Return `True` or `False`, not {found!r}.", f"{found!r} ではなく `True` か `False` を返してください。"
            )
        if not isinstance(found, bool | np.bool_):
            raise NotYet(
                f"That is the sum itself, {found}. The answer is `True` or `False`: is it above 0?",
                f"それは和そのもの（{found}）です。0 より大きいかどうかを `True` か `False` で返してください。",
            )
        cases = [(numbers, 1.0), (numbers, 0.2), (-numbers, -0.2), (np.array([1.0, 1.0, 1.0]), 0.5), (np.zeros(3), 0.1)]
        cases.append((-numbers, 1.0))
        given = [says_defective(case, weights, intercept) for case, intercept in cases]
        if any(answer is None for answer in given):
            raise NotYet(
                "For some photos it returns nothing. Return `False` where the sum is not above 0.",
                "何も返さない画像があります。和が 0 より大きくないときは `False` を返してください。",
            )
        given = [bool(answer) for answer in given]
        sums = [(case * weights).sum() for case, _ in cases]
        truth = [bool(total + intercept > 0) for total, (_, intercept) in zip(sums, cases, strict=True)]
        mistakes = (
            (
                [total > 0 for total in sums],
                "It seems that the intercept is forgotten. Add it to the sum.",
                "切片を加え忘れているようです。和に加えてください。",
            ),
            (
                [total > i for total, (_, i) in zip(sums, cases, strict=True)],
                "The sum is compared with the intercept. Add the intercept to it, and compare with 0.",
                "和を切片と比べています。和に切片を加えてから、0 と比べてください。",
            ),
            (
                [(case * weights + i).sum() > 0 for case, i in cases],
                "The intercept is added once for each feature. Add it once, after the sum.",
                "切片を特徴量ごとに加えています。和を求めた後で、1 回だけ加えてください。",
            ),
            (
                [not answer for answer in truth],
                "The answers are turned round: above 0 means defective.",
                "答えが逆です。0 より大きいときが不良です。",
            ),
            (
                [(case + weights).sum() + i > 0 for case, i in cases],
                "Each number is multiplied by its weight, not added to it.",
                "数と重みは足すのではなく掛けます。",
            ),
            (
                [case.sum() + i > 0 for case, i in cases],
                "Each number must be multiplied by its weight first.",
                "先に、それぞれの数に重みを掛けてください。",
            ),
        )
        for result, en, ja in mistakes:
            if given == [bool(answer) for answer in result]:
                raise NotYet(en, ja)
        self.expect(given, truth, "For six photos of three features", "3 つの特徴量を持つ 6 枚の画像では")


class Shuffled(Guess):
    """A histogram knows how many, not where."""

    id = "03-shuffled"
    ask = {
        "en": "We put all pixels of the photo with the crack into random places. What happens to its histogram?",
        "ja": "ひび割れのある画像の全ピクセルを、ランダムな位置に並べ替えます。ヒストグラムはどうなるでしょうか。",
    }
    choices = {"same": {"en": "It stays the same", "ja": "変わらない"}, "other": {"en": "It changes", "ja": "変わる"}}
    see = {
        "en": "Nothing changes: a histogram knows how many, not where. It cannot tell a crack from scattered dark dots.",
        "ja": "何も変わりません。ヒストグラムは「いくつあるか」だけを表し、「どこにあるか」は表しません。ひび割れと散らばった暗い点を区別できません。",
    }


class SixKernels(Guess):
    """The crack runs up and down."""

    id = "03-six-kernels"
    ask = {
        "en": "The crack runs up and down, the bars run from left to right. Which kernel shows the crack best and hides the bars?",
        "ja": "ひび割れは縦に、バスバーは横に走っています。ひび割れが最もよく見え、バスバーが消えるのはどのカーネルでしょうか。",
    }
    choices = {
        "blur": {"en": "blur", "ja": "blur"},
        "sharpen": {"en": "sharpen", "ja": "sharpen"},
        "left-right edges": {"en": "left-right edges", "ja": "left-right edges"},
        "up-down edges": {"en": "up-down edges", "ja": "up-down edges"},
        "spots": {"en": "spots", "ja": "spots"},
    }
    answer = "left-right edges"
    see = {
        "en": "Across the crack, left and right differ. Along a bar they are equal, so the bars give 0. The kernel for up-down "
        "edges does the opposite. “Spots” responds to every small change, grain included.",
        "ja": "ひび割れでは左右の明るさが違います。バスバーに沿っては左右が同じなので 0 です。up-down edges はその逆で、spots は粒状の模様も含めて"
        "小さな変化すべてに反応します。",
    }


class DarkLines(Guess):
    """The feature made for cracks is smaller where the cracks are."""

    id = "03-dark-lines"
    ask = {
        "en": "Which class has more `dark lines`, on average over the train photos?",
        "ja": "訓練用画像の平均で `dark lines` が大きいのは、どちらのクラスでしょうか。",
    }
    choices = {
        "functional": {"en": "The functional cells", "ja": "良品"},
        "defective": {"en": "The defective cells", "ja": "不良品"},
    }
    see = {
        "en": "We made `dark lines` for cracks, and it is larger in the cells that have none. The edges go the same way. Keep this "
        "in mind when somebody sells you a feature by its name.",
        "ja": "ひび割れのために作った `dark lines` は、ひび割れのない良品のほうが大きくなりました。エッジも同様です。特徴量を名前だけで信用してはいけません。",
    }


class Accuracy(Guess):
    """Ten numbers beat the baseline, but not by much."""

    id = "03-accuracy"
    ask = {
        "en": "“Always functional” is right for about 69 of 100 validation photos. For how many is the classifier on ten features right?",
        "ja": "「常に良品」と答えると、検証用画像の約 69 % で正解します。10 個の特徴量による分類器の正解率は何 % でしょうか。",
    }
    unit = "%"
    see = {
        "en": "About ten points above the baseline, with eleven numbers that anybody can read.",
        "ja": "ベースラインより約 10 ポイント高くなりました。使ったのは、誰でも読める 11 個の数だけです。",
    }
