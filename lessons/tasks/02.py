"""Tasks and guesses of lesson 2: loading and checking images."""

from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from course_lib.quiz import Guess, NotYet, Task


class MeanOfBox(Task):
    """Cut a box out of a photo: rows first, and ends instead of sizes."""

    id = "02-mean-of-box"
    objective = "read-array"
    defines = "mean_of_box"
    prompt_ja = (
        "**課題 1：矩形の平均。** グレースケール画像から切り出した矩形領域（縦横に区切った四角い部分）の平均値を返す `mean_of_box` を書いてください。"
        "矩形は行 `top`、列 `left` から始まり、高さは `height`、幅は `width` です。"
    )
    stub = '''
def mean_of_box(image, top, left, height, width):
    """Mean of the numbers in a box of a grey photo."""
    ...
'''
    why = {
        "en": "A photo now answers questions: how bright is it here, and how bright over there?",
        "ja": "これで画像に「ここはどれくらい明るいか」と問えるようになりました。",
    }
    hints = (
        {
            "en": "`image[a:b, c:d]` is the box of the rows a to b and the columns c to d; b and d are left out.",
            "ja": "`image[a:b, c:d]` は a 行から b 行の手前まで、c 列から d 列の手前までの矩形です。",
        },
        {
            "en": "The last row is not `height`: a box that begins in row 100 and is 10 high ends before row 110.",
            "ja": "終わりの行は `height` ではありません。100 行目から高さ 10 の矩形は、110 行目の手前で終わります。",
        },
        {
            "en": "`image[top : top + height, …].mean()`; the columns go the same way.",
            "ja": "`image[top : top + height, …].mean()` とします。列も同じ要領です。",
        },
    )
    solution = """
def mean_of_box(image, top, left, height, width):
    return image[top : top + height, left : left + width].mean()
"""
    wrong = (
        (
            "def mean_of_box(image, top, left, height, width):\n    return image[top:height, left:width].mean()",
            "end of a slice",
        ),
        (
            "def mean_of_box(image, top, left, height, width):\n"
            "    return image[left : left + width, top : top + height].mean()",
            "rows come first",
        ),
        (
            "def mean_of_box(image, top, left, height, width):\n"
            "    return image[top : top + height, left : left + width].sum()",
            "the sum",
        ),
        ("def mean_of_box(image, top, left, height, width):\n    return image.mean()", "whole photo"),
        (
            "def mean_of_box(image, top, left, height, width):\n"
            "    return image[top : top + height, left : left + width].mean",
            "with brackets",
        ),
        (
            "def mean_of_box(image, top, left, height, width):\n"
            "    return image[top : top + height, left : left + width]",
            "the box itself",
        ),
        (
            "def mean_of_box(image, top, left, height, width):\n"
            "    return image[top : top + height + 1, left : left + width + 1].mean()",
            "one row and one column too many",
        ),
    )

    def check(self, mean_of_box):
        """Ask for one box whose wrong answers all differ."""
        image = (np.arange(600) ** 2 % 251).astype(np.uint8).reshape(20, 30)
        top, left, height, width = 2, 4, 6, 9
        found = mean_of_box(image, top, left, height, width)
        box = image[top : top + height, left : left + width]
        if np.shape(found) == box.shape:
            raise NotYet(
                "That is the box itself. Its mean is one number: `.mean()`.",
                "それは矩形そのものです。`.mean()` で平均を 1 つの数にしてください。",
            )
        mistakes = (
            (
                image[top:height, left:width].mean(),
                "It seems that `height` and `width` are taken for the end of a slice. The box ends `height` rows after "
                "`top`, that is, before row `top + height`.",
                "`height` と `width` をスライスの終わりに使っているようです。矩形は `top` から `height` 行なので、"
                "`top + height` 行の手前で終わります。",
            ),
            (
                image[left : left + width, top : top + height].mean(),
                "Rows and columns have changed places: in an array the rows come first, so write `image[rows, columns]`.",
                "行と列が入れ替わっています。配列では行が先なので、`image[行, 列]` と書きます。",
            ),
            (box.sum(), "That is the sum of the box, not its mean.", "それは合計です。平均を求めてください。"),
            (
                image.mean(),
                "That is the mean of the whole photo, not of the box.",
                "それは画像全体の平均です。矩形の中だけの平均を求めてください。",
            ),
            (
                image[top : top + height + 1, left : left + width + 1].mean(),
                "The box is one row and one column too many: the end of a slice is left out already.",
                "矩形が 1 行と 1 列だけ大きくなっています。スライスの終わりは含まれません。",
            ),
        )
        for result, en, ja in mistakes:
            if isinstance(found, int | float | np.number) and np.isclose(found, result):
                raise NotYet(en, ja)
        self.expect(
            found,
            box.mean(),
            "For the box of 6 × 9 pixels at row 2, column 4 of a photo of 20 × 30 pixels",
            "20 × 30 ピクセルの画像で 2 行 4 列から始まる 6 × 9 の矩形に対し",
            tolerance=1e-6,
        )
        self.expect(
            mean_of_box(image, 0, 0, 20, 30),
            image.mean(),
            "For a box as large as the photo",
            "画像全体と同じ大きさの矩形に対し",
            tolerance=1e-6,
        )


def small_photo(seed):
    """A photo of 40 × 60 pixels with a pattern of its own."""
    return np.random.default_rng(seed).integers(40, 200, (40, 60)).astype(np.uint8)


def as_png(image):
    """The bytes of a PNG file."""
    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "PNG")
    return buffer.getvalue()


class ReadAll(Task):
    """Go on where one file is broken, and remember which."""

    id = "02-read-all"
    objective = "find-unusable"
    defines = "read_all"
    prompt_ja = (
        "**課題 2：壊れたファイルがあっても止まらずに読む。** すべての画像を `data.read_image` で読む `read_all` を書いてください。"
        "返すのは 2 つです。読めた画像の辞書 `{パス: 画像}` と、読めなかったファイルのパスのリストです。"
    )
    given = "from course_lib import data"
    stub = '''
def read_all(paths):
    """Read every photo; returns {path: image} and a list of the paths that cannot be read."""
    images, broken = {}, []
    ...
    return images, broken
'''
    why = {
        "en": "One broken file among ten thousand no longer stops the other 9,999, and you know which one it is.",
        "ja": "1 万枚のうち 1 枚が壊れていても残りは止まらず、どれが壊れているかも分かります。",
    }
    hints = (
        {
            "en": "A loop over `paths`; inside it `try:` the reading, and `except Exception:` say what happens if it fails.",
            "ja": "`paths` を順に処理します。ループの中で `try:` で読み、失敗したときの処理を `except Exception:` に書きます。",
        },
        {
            "en": "Where the reading fails, put the path into the list: `broken.append(path)`. Then the loop goes on.",
            "ja": "読めなかったら `broken.append(path)` でリストに加えます。ループはそのまま続きます。",
        },
        {
            "en": "Inside `try` stands one line: `images[path] = data.read_image(path)`.",
            "ja": "`try` の中は 1 行です：`images[path] = data.read_image(path)`。",
        },
    )
    solution = """
def read_all(paths):
    images, broken = {}, []
    for path in paths:
        try:
            images[path] = data.read_image(path)
        except Exception:
            broken.append(path)
    return images, broken
"""
    wrong = (
        (
            "def read_all(paths):\n    images, broken = {}, []\n    for path in paths:\n"
            "        images[path] = data.read_image(path)\n    return images, broken",
            "stopped at",
        ),
        (
            "from PIL import Image\ndef read_all(paths):\n    images, broken = {}, []\n    for path in paths:\n"
            "        try:\n            images[path] = Image.open(path)\n        except Exception:\n"
            "            broken.append(path)\n    return images, broken",
            "only opened",
        ),
        (
            "def read_all(paths):\n    images, broken = {}, []\n    try:\n        for path in paths:\n"
            "            images[path] = data.read_image(path)\n    except Exception:\n"
            "        broken.append(path)\n    return images, broken",
            "stops at the first broken file",
        ),
        (
            "def read_all(paths):\n    images = {}\n    for path in paths:\n        try:\n"
            "            images[path] = data.read_image(path)\n        except Exception:\n            pass\n"
            "    return images",
            "two things",
        ),
        (
            "def read_all(paths):\n    images, broken = {}, []\n    for path in paths:\n        try:\n"
            "            images[path] = data.read_image(path)\n        except Exception:\n            pass\n"
            "    return images, broken",
            "list of broken files",
        ),
        (
            "def read_all(paths):\n    images, broken = [], []\n    for path in paths:\n        try:\n"
            "            images.append(data.read_image(path))\n        except Exception:\n"
            "            broken.append(path)\n    return images, broken",
            "dictionary",
        ),
        (
            "def read_all(paths):\n    images, broken = {}, []\n    for path in paths:\n        try:\n"
            "            images[path.name] = data.read_image(path)\n        except Exception:\n"
            "            broken.append(path)\n    return images, broken",
            "whole paths",
        ),
        (
            "def read_all(paths):\n    images, broken = {}, []\n    for path in paths:\n        try:\n"
            "            images[path] = data.read_image(path)\n        except Exception:\n"
            "            broken = path\n    return images, broken",
            "whole paths",
        ),
    )

    def check(self, read_all):
        """Give it two good photos and two broken ones, the broken ones between."""
        with TemporaryDirectory() as folder:
            contents = {
                "first.png": as_png(small_photo(1)),
                "cut_off.png": as_png(small_photo(2))[:1500],
                "web_page.png": b"<!doctype html><title>404 Not Found</title>",
                "last.png": as_png(small_photo(3)),
            }
            for name, content in contents.items():
                (Path(folder) / name).write_bytes(content)
            paths = [Path(folder) / name for name in contents]
            try:
                found = read_all(paths)
            except NotYet as stopped:
                if "CourseError" not in stopped.en:
                    raise
                raise NotYet(
                    "`read_all` stopped at `cut_off.png`, a file that cannot be read. Put the reading under `try:` and "
                    "say under `except Exception:` what happens then.",
                    "読めないファイル `cut_off.png` で `read_all` が止まりました。読み込みを `try:` の下に置き、失敗したときの処理を "
                    "`except Exception:` の下に書いてください。",
                ) from None
            self.look(found, paths)

    def look(self, found, paths):
        """Compare what came back with the four files."""
        first, cut_off, web_page, last = paths
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise NotYet(
                "`read_all` must return two things, the photos and the broken files: `return images, broken`.",
                "`read_all` は画像と壊れたファイルの 2 つを返します：`return images, broken`。",
            )
        images, broken = found
        if not isinstance(images, dict):
            raise NotYet(
                f"The photos must come as a dictionary, path → image, so that each keeps its name; "
                f"this is a {type(images).__name__}.",
                f"画像は {type(images).__name__} ではなく、パスから画像を引ける辞書で返してください。",
            )
        if not isinstance(broken, list | tuple | set) or any(not isinstance(key, Path) for key in [*images, *broken]):
            raise NotYet(
                "Keep the whole paths, as they come: `images[path] = …` and `broken.append(path)`.",
                "受け取ったパスをそのまま使ってください：`images[path] = …` と `broken.append(path)`。",
            )
        if cut_off in images:
            raise NotYet(
                "`cut_off.png` counts as read, although half of it is missing: it was only opened, and its pixels "
                "were not read. `data.read_image` reads them.",
                "`cut_off.png` は後半が欠けているのに、読めたことになっています。開いただけで、ピクセルを読んでいません"
                "。`data.read_image` はピクセルまで読みます。",
            )
        if last not in images:
            raise NotYet(
                "The last photo is good and was not read: the loop stops at the first broken file. Put `try` inside "
                "the loop.",
                "最後の画像は正常なのに読まれていません。最初の壊れたファイルでループが終わっています。`try` を"
                "ループの中に入れてください。",
            )
        self.expect(
            [path.name for path in broken],
            [cut_off.name, web_page.name],
            "For two good and two broken files, the list of broken files: here",
            "正常な 2 枚と壊れた 2 つに対し、壊れたファイルのリストとして",
        )
        for path, seed in ((first, 1), (last, 3)):
            self.expect(images[path], small_photo(seed), f"For the photo {path.name}", f"画像 {path.name} に対し")


class IsBlack(Task):
    """Ask about every pixel, not about their mean."""

    id = "02-is-black"
    objective = "find-unusable"
    defines = "is_black"
    prompt_ja = (
        "**課題 3：真っ暗な画像。** どのピクセルも 20 より明るくない画像なら `True`、そうでなければ `False` を返す "
        "`is_black` を書いてください。"
    )
    stub = '''
def is_black(image):
    """True if no pixel of the photo is brighter than 20."""
    ...
'''
    why = {
        "en": "A camera that lost its light still writes perfectly readable files.",
        "ja": "照明が消えても、カメラは問題なく読めるファイルを書き出し続けるからです。",
    }
    hints = (
        {
            "en": "If the brightest pixel is dark, they all are.",
            "ja": "いちばん明るいピクセルが暗ければ、すべてが暗いはずです。",
        },
        {"en": "The brightest pixel is `image.max()`.", "ja": "いちばん明るいピクセルの値は `image.max()` です。"},
    )
    solution = """
def is_black(image):
    return image.max() <= 20
"""
    wrong = (
        ("def is_black(image):\n    return image.mean() <= 20", "one bright spot"),
        ("def is_black(image):\n    return image.min() <= 20", "one dark spot"),
        ("def is_black(image):\n    return image.max() < 20", "exactly 20"),
        ("def is_black(image):\n    return image <= 20", "one answer for the whole photo"),
        ("def is_black(image):\n    return image.max() == 0", "not quite black"),
        ("def is_black(image):\n    return (image <= 20).all", "with brackets"),
    )

    def check(self, is_black):
        """Six photos, from quite black to a dark one with a bright spot."""
        dark, grey = np.full((20, 30), 7, np.uint8), np.full((20, 30), 120, np.uint8)
        spot, hole, limit, above = dark.copy(), grey.copy(), dark.copy(), dark.copy()
        spot[3, 4], hole[3, 4], limit[0, 0], above[0, 0] = 250, 0, 20, 21
        found = is_black(dark)
        if getattr(found, "shape", ()) != ():
            raise NotYet(
                "There must be one answer for the whole photo, `True` or `False`; this is an answer for each pixel.",
                "ピクセルごとではなく、画像全体に 1 つの答え `True` か `False` を返してください。",
            )
        photos = (
            (np.zeros((20, 30), np.uint8), True, "For a photo of zeros", "すべて 0 の画像に対し"),
            (dark, True, "For a photo that is not quite black (all 7)", "真っ黒に近い（すべて 7）画像に対し"),
            (grey, False, "For a grey photo (all 120)", "灰色（すべて 120）の画像に対し"),
            (hole, False, "For a grey photo with one dark spot", "灰色の中に 1 点だけ暗い画像に対し"),
            (spot, False, "For a dark photo with one bright spot", "暗い中に 1 点だけ明るい画像に対し"),
            (limit, True, "For a photo whose brightest pixel is exactly 20", "最大値がちょうど 20 の画像に対し"),
            (above, False, "For a photo whose brightest pixel is 21", "最大値が 21 の画像に対し"),
        )
        for image, wanted, en, ja in photos:
            self.expect(is_black(image), wanted, en, ja)


class HasWrongSize(Task):
    """Compare height and width, in this order, whatever comes after them."""

    id = "02-has-wrong-size"
    objective = "find-unusable"
    defines = "has_wrong_size"
    prompt_ja = (
        "**課題 4：大きさの違う画像。** 画像が `height` × `width` でなければ `True`、そうなら `False` を返す "
        "`has_wrong_size` を書いてください。カラー画像でも動くようにします。"
    )
    stub = '''
def has_wrong_size(image, height, width):
    """True if the photo, grey or colour, is not height × width pixels in size."""
    ...
'''
    why = {
        "en": "A network that gets all photos squeezed into one size would never complain about half a photo.",
        "ja": "ネットワークには同じ大きさに縮めて渡すので、半分に切れた画像があっても誰も気づかないからです。",
    }
    hints = (
        {
            "en": "`image.shape` begins with the height, then comes the width.",
            "ja": "`image.shape` は高さ、幅の順です。",
        },
        {
            "en": "A colour photo has a third number in its shape. `image.shape[:2]` is the first two.",
            "ja": "カラー画像の形状には 3 つ目の数があります。最初の 2 つは `image.shape[:2]` です。",
        },
    )
    solution = """
def has_wrong_size(image, height, width):
    return image.shape[:2] != (height, width)
"""
    wrong = (
        ("def has_wrong_size(image, height, width):\n    return image.shape != (height, width)", "colour photo"),
        ("def has_wrong_size(image, height, width):\n    return image.shape[:2] != (width, height)", "60 wide"),
        ("def has_wrong_size(image, height, width):\n    return image.size != height * width", "as many pixels"),
        ("def has_wrong_size(image, height, width):\n    return len(image) != height", "right height"),
        ("def has_wrong_size(image, height, width):\n    return image.shape[:2] == (height, width)", "other way round"),
    )

    def check(self, has_wrong_size):
        """Photos that fit, that lie on their side, and that only have as many pixels."""
        fits = np.zeros((40, 60), np.uint8)
        if has_wrong_size(fits, 40, 60) and not has_wrong_size(np.zeros((9, 9), np.uint8), 40, 60):
            raise NotYet(
                "It is the other way round: `True` means that the size is wrong.",
                "逆です。大きさが違うときに `True` を返します。",
            )
        if has_wrong_size(fits, 40, 60) and not has_wrong_size(np.zeros((60, 40), np.uint8), 40, 60):
            raise NotYet(
                "A photo 40 high and 60 wide is refused and one on its side is accepted; in the shape the height "
                "comes first.",
                "高さ 40、幅 60 の画像がはねられ、横倒しの画像が通ります。形状では高さが先です。",
            )
        photos = (
            (
                fits,
                False,
                "For a photo 40 high and 60 wide, wanted as 40 × 60",
                "40 × 60 であるべき高さ 40、幅 60 の画像に対し",
            ),
            (np.zeros((40, 50), np.uint8), True, "For a photo of the right height only", "高さだけ正しい画像に対し"),
            (
                np.zeros((30, 80), np.uint8),
                True,
                "For a photo of 30 × 80, which has as many pixels",
                "ピクセル数だけが同じ 30 × 80 の画像に対し",
            ),
            (np.zeros((60, 40), np.uint8), True, "For a photo on its side", "横倒しの画像に対し"),
            (
                np.zeros((40, 60, 3), np.uint8),
                False,
                "For a colour photo of the right size",
                "大きさの正しいカラー画像に対し",
            ),
        )
        for image, wanted, en, ja in photos:
            self.expect(has_wrong_size(image, 40, 60), wanted, en, ja)


class ExactCopies(Task):
    """Equal bytes, wherever the file lies and whatever its name is."""

    id = "02-exact-copies"
    objective = "find-duplicates"
    defines = "exact_copies"
    prompt_ja = (
        "**課題 5：完全なコピー。** リストの中で、前に出てきたファイルと全バイトが同じファイルのパスだけをリストで返す "
        "`exact_copies` を書いてください。最初の 1 つ（元のファイル）は含めません。"
    )
    stub = '''
def exact_copies(paths):
    """The paths whose file has the same bytes as a file before it in the list."""
    ...
'''
    why = {
        "en": "A copy in training and in the test is an answer that the model has seen before.",
        "ja": "訓練とテストの両方に同じ画像があれば、モデルは答えを先に見たことになるからです。",
    }
    hints = (
        {
            "en": "Go through the paths in order and remember what you have seen: `path.read_bytes()` gives all bytes.",
            "ja": "パスを順に見て、すでに見た内容を覚えておきます。`path.read_bytes()` で全バイトが得られます。",
        },
        {
            "en": "A `set` remembers: `seen = set()`, then `content in seen` asks, and `seen.add(content)` adds.",
            "ja": "記憶には `set` を使います。`seen = set()` とし、`content in seen` で調べ、`seen.add(content)` で加えます。",
        },
        {
            "en": "If the content is in `seen`, the path belongs to the copies; if not, the content goes into `seen`.",
            "ja": "内容が `seen` にあればコピーのリストへ、なければ内容を `seen` に加えます。",
        },
    )
    solution = """
def exact_copies(paths):
    seen, copies = set(), []
    for path in paths:
        content = path.read_bytes()
        if content in seen:
            copies.append(path)
        seen.add(content)
    return copies
"""
    wrong = (
        (
            "def exact_copies(paths):\n    seen, copies = set(), []\n    for path in paths:\n"
            "        if path.name in seen:\n            copies.append(path)\n        seen.add(path.name)\n"
            "    return copies",
            "name",
        ),
        (
            "def exact_copies(paths):\n    seen, copies = set(), []\n    for path in paths:\n"
            "        size = path.stat().st_size\n        if size in seen:\n            copies.append(path)\n"
            "        seen.add(size)\n    return copies",
            "as many bytes",
        ),
        (
            "def exact_copies(paths):\n    contents = [path.read_bytes() for path in paths]\n"
            "    return [path for path in paths if contents.count(path.read_bytes()) > 1]",
            "original itself",
        ),
        (
            "def exact_copies(paths):\n"
            "    return [b for a, b in zip(paths, paths[1:]) if a.read_bytes() == b.read_bytes()]",
            "side by side",
        ),
        (
            "def exact_copies(paths):\n    return len(paths) - len({path.read_bytes() for path in paths})",
            "list of paths",
        ),
    )

    def check(self, exact_copies):
        """Copies under another name, three of one photo, and a file of the same length."""
        contents = {
            "a/1.png": b"photo one",
            "a/2.png": b"photo two",  # as long as the first
            "b/2.png": b"photo three",  # the name of the second
            "b/3.png": b"photo one",
            "b/4.png": b"photo one",
            "b/5.png": b"photo four",
        }
        with TemporaryDirectory() as folder:
            paths = [Path(folder) / name for name in contents]
            for path in paths:
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(contents[path.relative_to(folder).as_posix()])
            found = exact_copies(paths)
            if not isinstance(found, list | tuple | set) or not all(isinstance(path, Path) for path in found):
                raise NotYet(
                    "`exact_copies` must return a list of paths, those of the copies.",
                    "`exact_copies` はコピーのパスのリストを返してください。",
                )
            names = sorted(path.relative_to(folder).as_posix() for path in found)
        mistakes = (
            (
                "b/2.png",
                "`b/2.png` has the same name as `a/2.png` but other bytes, so it is no copy: compare the content.",
                "`b/2.png` は `a/2.png` と名前が同じでも内容が違います。内容を比べてください。",
            ),
            (
                "a/2.png",
                "`a/2.png` has as many bytes as `a/1.png`, but they are different bytes: compare the content.",
                "`a/2.png` は `a/1.png` とサイズが同じだけで、内容が違います。内容を比べてください。",
            ),
            (
                "a/1.png",
                "`a/1.png` is the original itself; only what comes after it with the same bytes is a copy.",
                "`a/1.png` は元のファイルです。後から出てきた同じ内容だけがコピーです。",
            ),
        )
        for name, en, ja in mistakes:
            if name in names:
                raise NotYet(en, ja)
        if names == ["b/4.png"]:
            raise NotYet(
                "`b/3.png` is a copy of `a/1.png` and was missed: copies need not lie side by side in the list.",
                "`a/1.png` のコピー `b/3.png` が見つかっていません。コピーは隣り合うとは限りません。",
            )
        self.expect(
            names, ["b/3.png", "b/4.png"], "For six files, two of them copies", "コピー 2 つを含む 6 つのファイルに対し"
        )


RIGHT = {
    "nearly white": "leave out",
    "blurred": "ask",
    "odd size": "ask",
    "EXIF rotation": "use",
    "wrong ending": "use",
    "two labels": "ask",
}
# What a sensible inspector may decide, and why not otherwise.
ACCEPTED = {
    "nearly white": (
        {"leave out"},
        "nobody could judge the part in it; leave it out",
        "写っている部品を誰も判断できません。外してください",
    ),
    "blurred": (
        {"ask", "leave out"},
        "it cannot be used without a look: perhaps the defect has vanished in the blur",
        "見ずに使うことはできません。欠陥がぼけて消えているかもしれません",
    ),
    "odd size": (
        {"ask", "leave out"},
        "part of the photo may be missing, and with it the defect",
        "画像の一部が、欠陥ごと切り落とされているかもしれません",
    ),
    "EXIF rotation": (
        {"use"},
        "nothing is lost: `data.read_image` turns it upright",
        "何も失われていません。`data.read_image` が正しい向きで読みます",
    ),
    "wrong ending": (
        {"use"},
        "nothing is lost: the content is a good photo, and programs that read photos look at the content",
        "何も失われていません。中身は正常な画像で、読み込みは中身を見て行われます",
    ),
    "two labels": (
        {"ask"},
        "one of the two labels is wrong, and only a person can say which",
        "2 つのラベルのどちらかが誤りで、どちらなのかは人にしか分かりません",
    ),
}


class Decisions(Task):
    """Judge each kind of doubtful photo by whether the truth is still in it."""

    id = "02-decisions"
    objective = "set-aside"
    defines = "decisions"
    prompt_ja = (
        "**課題 6：あなたが決める。** 疑わしい画像の種類ごとに、`use`（使う）、`leave out`（外す）、`ask`（人に聞く）の"
        "どれかを書いてください。"
    )
    stub = """
decisions = {
    "nearly white": "?",
    "blurred": "?",
    "odd size": "?",
    "EXIF rotation": "?",
    "wrong ending": "?",
    "two labels": "?",
}
"""
    why = {
        "en": "A finding is a question; somebody has to answer it, and now it is written down who decided what.",
        "ja": "検出結果は問いにすぎず、答えるのは人です。何をどう決めたかも記録に残りました。",
    }
    hints = (
        {
            "en": "Two of the six lose nothing: everything a person needs is still in the photo, and `data.read_image` "
            "reads it as it should.",
            "ja": "6 つのうち 2 つは何も失われていません。必要な情報は画像に残っていて、`data.read_image` が正しく読みます。",
        },
        {
            "en": "Where nothing is left to see, nobody can help: leave it out.",
            "ja": "何も見えないものは、誰に聞いても分かりません。外します。",
        },
        {
            "en": "Where somebody else knows the truth (who took the photo? who labelled it?), ask.",
            "ja": "撮影した人やラベルを付けた人なら真実を知っている、というものは聞きます。",
        },
    )
    solution = """
decisions = {
    "nearly white": "leave out",
    "blurred": "ask",
    "odd size": "ask",
    "EXIF rotation": "use",
    "wrong ending": "use",
    "two labels": "ask",
}
"""
    wrong = (
        (f"decisions = {dict.fromkeys(RIGHT, 'use')}", "nobody could judge"),
        (f"decisions = {dict.fromkeys(RIGHT, 'leave out')}", "nothing is lost"),
        (f"decisions = {RIGHT | {'blurred': 'use'}}", "without a look"),
        (f"decisions = {RIGHT | {'two labels': 'use'}}", "one of the two labels"),
        (f"decisions = {RIGHT | {'two labels': 'leave out'}}", "one of the two labels"),
        (f"decisions = {RIGHT | {'blurred': 'keep'}}", "one of three words"),
        ("decisions = {'nearly white': 'leave out'}", "no decision"),
    )

    def check(self, decisions):
        """Look at one decision after the other."""
        for problem, (accepted, en, ja) in ACCEPTED.items():
            decided = decisions.get(problem) if isinstance(decisions, dict) else None
            if decided is None:
                raise NotYet(f"There is no decision for '{problem}'.", f"'{problem}' の決定がありません。")
            if decided not in {"use", "leave out", "ask"}:
                raise NotYet(
                    f"'{problem}' has the decision '{decided}'; write one of three words: use, leave out, ask.",
                    f"'{problem}' が '{decided}' になっています。use、leave out、ask のどれかを書いてください。",
                )
            if decided not in accepted:
                raise NotYet(
                    f"You decided '{decided}' for '{problem}', but {en}.",
                    f"'{problem}' を '{decided}' としましたが、{ja}。",
                )


class SwappedColours(Guess):
    """Red and blue change places."""

    id = "02-swapped-colours"
    ask = {
        "en": "The library OpenCV keeps colours as blue, green, red (BGR). What becomes of the orange flower if such "
        "an array is shown as if it were RGB?",
        "ja": "OpenCV は色を青・緑・赤（BGR）の順に並べます。その配列を RGB として表示すると、オレンジ色の花はどうなるでしょうか。",
    }
    choices = {
        "orange": {"en": "It stays orange", "ja": "オレンジ色のまま"},
        "green": {"en": "It turns green", "ja": "緑になる"},
        "blue": {"en": "It turns blue", "ja": "青くなる"},
        "error": {"en": "Python stops with an error", "ja": "エラーで止まる"},
    }
    see = {
        "en": "Red and blue change places, green stays. Nothing fails and nothing warns you. You see the mistake at once; "
        "a model does not. It gets the wrong colours, works a little worse, and says nothing.",
        "ja": "赤と青が入れ替わり、緑は変わりません。エラーも警告も出ません。人なら一目で気づきますが、モデルは気づかず、"
        "少し性能が落ちるだけで何も言いません。",
    }


class SixteenBits(Guess):
    """Only the real range gives the photo back."""

    id = "02-sixteen-bits"
    ask = {
        "en": "Which of the three ways gives the photo back?",
        "ja": "3 つの方法のうち、元の画像に戻るのはどれでしょうか。",
    }
    choices = {
        "cut": {"en": "`astype(np.uint8)`: cut to 8 bits", "ja": "`astype(np.uint8)`：8 ビットに切り詰める"},
        "convert": {"en": '`convert("L")`: let Pillow convert it', "ja": '`convert("L")`：Pillow に変換させる'},
        "scaled": {"en": "Scaled by the largest value, 4095", "ja": "最大値 4095 で割って縮める"},
        "all": {"en": "All three", "ja": "3 つとも"},
    }
    see = {
        "en": "`astype(np.uint8)` counts to 255 and begins again at 0, which draws edges where there are none. "
        '`convert("L")` turns everything above 255 into 255. Only scaling by the largest value that the camera can give '
        "brings the photo back. Neither of the wrong ways raises an error.",
        "ja": '`astype(np.uint8)` は 255 の次に 0 へ戻るため、実在しない境目が現れます。`convert("L")` は 255 を超える値をすべて '
        "255 にします。元に戻るのは、カメラの最大値に合わせて縮めた場合だけです。どの方法でもエラーは出ません。",
    }


class FaultsFound(Guess):
    """Most faults lie in files that can be read."""

    id = "02-faults-found"
    ask = {
        "en": "28 faults are planted in the folder. How many of them do your finders find together?",
        "ja": "フォルダーには 28 個の不具合が仕込まれています。あなたの関数は合わせていくつ見つけるでしょうか。",
    }
    see = {
        "en": "Each finder finds what it was written for and hardly anything else. Without an idea in `my_check` fewer than "
        "half of the faults are found, although no check went wrong.",
        "ja": "どの関数も、想定した不具合以外はほとんど見つけません。`my_check` に何も書かなければ、すべての関数が正しくても、"
        "見つかるのは半分に届きません。",
    }


class AlteredCopies(Guess):
    """A finder that compares point with point needs the points to lie on each other."""

    id = "02-altered-copies"
    ask = {
        "en": "Three copies of one photo: turned by a quarter, cropped by 2 % at each side, turned by 3 degrees. "
        "Which of them will the course's finder recognise?",
        "ja": "同じ画像のコピーが 3 つあります：90 度回転、各辺を 2 % 切り落とし、3 度回転。コースの検出器はどれを見つけるでしょうか。",
    }
    choices = {
        "quarter turn and crop and 3 degrees": {"en": "All three", "ja": "3 つとも"},
        "crop and 3 degrees": {"en": "The two that are changed least: crop and 3 degrees", "ja": "変化の小さい 2 つ（切り落としと 3 度）"},
        "quarter turn": {"en": "Only the quarter turn", "ja": "90 度回転だけ"},
        "none": {"en": "None", "ja": "どれも見つけない"},
    }  # fmt: skip
    see = {
        "en": "The finder tries quarter turns and mirror images, and then compares point with point. A crop of a few pixels "
        "moves the points and is enough to fool it. So “no near duplicate found” does not prove that there is none.",
        "ja": "検出器は 90 度ごとの回転と鏡像を試し、点と点を比べます。数ピクセル切り落とすだけで点がずれ、見つからなくなります。"
        "「ほぼ同じ画像は見つからなかった」は、存在しないことの証明ではありません。",
    }
