"""Tasks and guesses of lesson 1: introduction."""

import time
from functools import lru_cache

import numpy as np

from course_lib.quiz import Guess, NotYet, Task

DAISY = "daisy"


@lru_cache
def first_guess_of():
    """The network of the lesson as a function: photo in, its first guess and the probability out."""
    import torch

    from course_lib import data, models
    from course_lib.transforms import to_float

    network, names = models.load_backbone("efficientnet_lite0"), models.imagenet_classes()

    def first_guess(photo):
        pixels = torch.tensor(data.to_pixels(photo, network.size))[None]
        with torch.no_grad():
            scores = network.imagenet_head(network(to_float(pixels, network.mean, network.std)))
        sure, number = scores.softmax(dim=1)[0].max(dim=0)
        return names[int(number)], float(sure)

    return first_guess


class Change(Task):
    """A network looks at other things than a person: some changes it bears, some it does not."""

    id = "01-change"
    objective = "explain-transfer"
    defines = "change"
    prompt_ja = (
        "**課題 1：答えを変えさせる。** ネットワークは花の画像を daisy（ヒナギク）と答えます。画像を受け取り、第 1 候補が daisy ではなくなるように"
        "変えた画像を返す `change` を書いてください。人が見て何かが写っていると分かる画像に限ります（真っ黒などは不可）。"
    )
    given = (
        "import numpy as np\nfrom course_lib.quiz.tasks.content import Task, find\nfind('01-change', Task).network()"
    )
    network = staticmethod(first_guess_of)
    stub = '''
def change(photo):
    """A changed photo that the network no longer calls a daisy; uint8, (height, width, 3)."""
    ...
'''
    why = {
        "en": "Some changes fool a network, but no person. What fooled it shows what it looks at.",
        "ja": "人とネットワークでは、気にならない変化が違います。何にだまされたかで、何を見ているかが分かります。",
    }
    hints = (
        {
            "en": "Upside down, mirrored and darker leave its answer as it is. What would take away the petals?",
            "ja": "上下逆、左右逆、暗くする、では答えは変わりません。花びらが見えなくなるのはどんな変更でしょうか。",
        },
        {
            "en": "Cut out a part without the whole flower, or keep only every n-th row and column.",
            "ja": "花全体が入らない部分を切り出すか、行と列を n 個おきに間引いてみましょう。",
        },
        {
            "en": "The upper left quarter ends at row `len(photo) // 2` and at column `photo.shape[1] // 2`.",
            "ja": "左上の 4 分の 1 は、`len(photo) // 2` 行、`photo.shape[1] // 2` 列で終わります。",
        },
    )
    solution = "def change(photo):\n    return photo[: len(photo) // 2, : photo.shape[1] // 2]"
    wrong = (
        ("def change(photo):\n    return photo", "not changed"),
        ("def change(photo):\n    return photo[::-1]", "still says daisy"),
        ("def change(photo):\n    return photo // 3", "still says daisy"),
        ("def change(photo):\n    return photo * 0", "nothing to see"),
        ("def change(photo):\n    return photo / 3", "whole numbers"),
        ("def change(photo):\n    return photo[:, :, 0]", "three colours"),
        ("def change(photo):\n    return photo.mean(axis=2)", "three colours"),
        ("def change(photo):\n    return photo[:0]", "no pixel is left"),
    )

    def check(self, change):
        """Show the changed flower to the network."""
        from course_lib import data

        flower = data.read_image(data.everyday_photos()["flower"], "RGB")
        photo = change(flower)
        if not isinstance(photo, np.ndarray) or photo.ndim != 3 or photo.shape[2] != 3:
            shape = getattr(photo, "shape", type(photo).__name__)
            raise NotYet(
                f"It should return a photo with three colours, (height, width, 3), but it returned {shape}.",
                f"(高さ, 幅, 3) の画像を返すはずですが、{shape} が返りました。",
            )
        if photo.size == 0:
            raise NotYet("You cut so much away that no pixel is left.", "切り取りすぎて、ピクセルが残っていません。")
        if photo.dtype != np.uint8:
            raise NotYet(
                f"A photo has whole numbers from 0 to 255 (uint8), but yours has {photo.dtype}. Divide with `//`, or end with "
                "`.astype(np.uint8)`.",
                f"画像は 0〜255 の整数（uint8）ですが、{photo.dtype} になっています。`//` で割るか、最後に `.astype(np.uint8)` を付けてください。",
            )
        if np.array_equal(photo, flower):
            raise NotYet("The photo is not changed.", "画像が変わっていません。")
        if photo.astype(float).std() < 5:
            raise NotYet(
                "There is nothing to see in this photo: it has one colour nearly everywhere.",
                "ほぼ一色になっていて、何も写っていません。",
            )
        name, sure = first_guess_of()(photo)
        if name == DAISY:
            raise NotYet(
                f"The network still says daisy ({sure:.2f}). Try another change.",
                f"ネットワークの答えはまだ daisy（{sure:.2f}）です。別の変更を試してください。",
            )


class AlwaysFunctional(Task):
    """The baseline is the share of the class that is always named."""

    id = "01-always-functional"
    objective = "judge-prediction"
    defines = "always_functional"
    prompt_ja = (
        '**課題 2：いつも良品。** `["functional", "defective", "functional"]` のようなラベルのリストを受け取り、常に "functional" と'
        "答えるプログラムが正解する割合（0〜1）を返す `always_functional` を書いてください。"
    )
    stub = '''
def always_functional(labels):
    """Share of the photos for which the answer "functional" is right."""
    ...
'''
    why = {
        "en": "This number costs nothing. Anything that learns has to beat it, on the same photos.",
        "ja": "何もしなくても得られる数です。学習するものは、同じ画像でこれを超えなければなりません。",
    }
    hints = (
        {
            "en": "The answer is right wherever the label is `functional`. How many are there?",
            "ja": "ラベルが `functional` のところで正解です。いくつありますか。",
        },
        {
            "en": '`labels.count("functional")` counts them, and `len(labels)` counts all.',
            "ja": '`labels.count("functional")` がその個数、`len(labels)` が全体の個数です。',
        },
    )
    solution = 'def always_functional(labels):\n    return labels.count("functional") / len(labels)'
    wrong = (
        ('def always_functional(labels):\n    return labels.count("functional")', "how many"),
        ('def always_functional(labels):\n    return labels.count("defective") / len(labels)', "gets wrong"),
        ('def always_functional(labels):\n    return 100 * labels.count("functional") / len(labels)', "per cent"),
        ("def always_functional(labels):\n    return 0.5", "half"),
        (
            'def always_functional(labels):\n    return labels.count("functional") // len(labels)',
            "cuts the decimals off",
        ),
        (
            "def always_functional(labels):\n    for label in labels:\n        if label == 'functional':\n            return 1\n"
            "    return 0",
            "inside the loop",
        ),
        ("def always_functional(labels):\n    return 1 / len(set(labels))", "half"),
        (
            'def always_functional(labels):\n    return labels.count("functional") / labels.count("defective")',
            "was expected",
        ),
    )

    def check(self, always_functional):
        """Two lists, one with few functional parts."""
        labels = ["functional"] * 7 + ["defective"] * 3
        found = always_functional(list(labels))
        for result, en, ja in (
            (
                7,
                "That is how many answers are right. Divide by the number of photos.",
                "それは正解の個数です。画像の枚数で割ってください。",
            ),
            (
                0.3,
                "That is the share of defective parts, which the program gets wrong.",
                "それは不良品の割合で、このプログラムが間違えるほうです。",
            ),
            (
                70,
                "That is per cent. The share goes from 0 to 1.",
                "それはパーセントです。割合は 0〜1 で返してください。",
            ),
            (
                0.5,
                "It is right for half of the photos only if half of them are functional. Count.",
                "半分正解するのは、半分が良品のときだけです。数えてください。",
            ),
            (
                0,
                "It gave 0. `//` cuts the decimals off; divide with `/`.",
                "0 になりました。`//` は小数点以下を切り捨てます。`/` で割ってください。",
            ),
            (
                1,
                "It gave 1, but not all labels are `functional`. Does `return` stand inside the loop? Then it ends at the first label.",
                "1 になりましたが、すべてが `functional` ではありません。`return` がループの中にあると、最初のラベルで終わります。",
            ),
        ):
            if isinstance(found, int | float) and abs(found - result) < 1e-9:
                raise NotYet(en, ja)
        self.expect(found, 0.7, "For 7 functional and 3 defective parts", "良品 7 個、不良品 3 個では", tolerance=1e-9)
        few = ["defective"] * 4 + ["functional"]
        self.expect(
            always_functional(few),
            0.2,
            "For 1 functional and 4 defective parts",
            "良品 1 個、不良品 4 個では",
            tolerance=1e-9,
        )


class Accuracy(Task):
    """Compare, then take the mean."""

    id = "01-accuracy"
    objective = "judge-prediction"
    defines = "accuracy"
    prompt_ja = "**課題 3：正解率。** 0 と 1 の配列を 2 つ（ラベルと答え）受け取り、答えが正しい割合を返す `accuracy` を書いてください。"
    given = "import numpy as np"
    stub = '''
def accuracy(labels, answers):
    """Share of the answers that are equal to the label."""
    ...
'''
    why = {
        "en": "One line, and every report in this course begins with it.",
        "ja": "たった 1 行ですが、このコースの評価はすべてここから始まります。",
    }
    hints = (
        {
            "en": "`labels == answers` compares them one by one, and gives an array of `True` and `False`.",
            "ja": "`labels == answers` は 1 つずつ比べて、`True` と `False` の配列を返します。",
        },
        {
            "en": "The mean of `True` (1) and `False` (0) is the share of `True`.",
            "ja": "`True`（1）と `False`（0）の平均が、`True` の割合です。",
        },
    )
    solution = "def accuracy(labels, answers):\n    return (labels == answers).mean()"
    wrong = (
        ("def accuracy(labels, answers):\n    return (labels == answers).sum()", "how many"),
        ("def accuracy(labels, answers):\n    return (labels != answers).mean()", "wrong answers"),
        ("def accuracy(labels, answers):\n    return labels == answers", "one by one"),
        ("def accuracy(labels, answers):\n    return (labels * answers).mean()", "found defects"),
        ("def accuracy(labels, answers):\n    return answers.mean()", "says 1"),
        ("def accuracy(labels, answers):\n    return sum(labels == 1) / len(labels)", "says 1"),
        (
            "def accuracy(labels, answers):\n    right = 0\n    for i in labels:\n        right += labels[i] == answers[i]\n"
            "    return right / len(labels)",
            "range(len(labels))",
        ),
        (
            "def accuracy(labels, answers):\n    right = 0\n    for label, answer in zip(labels, answers):\n"
            "        right += label == answer\n        return right / len(labels)",
            "inside the loop",
        ),
        ("def accuracy(labels, answers):\n    return 100 * (labels == answers).mean()", "per cent"),
    )

    def check(self, accuracy):
        """Ten photos on which each mistake gives another number."""
        labels, answers = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 0]), np.array([0, 0, 0, 1, 0, 1, 1, 1, 0, 0])
        found, right = accuracy(labels, answers), labels == answers
        if np.shape(found) == labels.shape:
            raise NotYet(
                "That compares them one by one. The mean of it, `.mean()`, is the share.",
                "1 つずつ比べた結果です。`.mean()` で平均を取ると割合になります。",
            )
        for result, en, ja in (
            (
                right.sum(),
                "That is how many answers are right, not their share.",
                "それは正解の個数です。割合にしてください。",
            ),
            (1 - right.mean(), "That is the share of wrong answers.", "それは間違いの割合です。"),
            (
                (labels * answers).mean(),
                "That counts the found defects only. Functional parts that are called functional are right, too.",
                "見つけた不良品だけを数えています。良品を良品と答えた場合も正解です。",
            ),
            (
                answers.mean(),
                "That is how often one of the two says 1. Compare them with each other.",
                "それは片方の配列で 1 が占める割合です。2 つの配列を比べてください。",
            ),
            (
                1,
                "It gave 1, but two answers are wrong. A loop over places is `for i in range(len(labels))`.",
                "1 になりましたが、間違った答えが 2 つあります。位置のループは `for i in range(len(labels))` です。",
            ),
            (
                0.1,
                "Only one photo was counted. Does `return` stand inside the loop? Move it to the left.",
                "1 枚しか数えていません。`return` がループの中にあるなら、左に戻してください。",
            ),
            (
                100 * right.mean(),
                "That is per cent. The share goes from 0 to 1.",
                "それはパーセントです。割合は 0〜1 で返してください。",
            ),
        ):
            if isinstance(found, int | float | np.number) and abs(float(found) - result) < 1e-9:
                raise NotYet(en, ja)
        self.expect(found, 0.8, "For 8 right answers among 10", "10 個中 8 個が正解のとき", tolerance=1e-9)
        self.expect(accuracy(labels, labels), 1.0, "For answers that are all right", "すべて正解のとき", tolerance=1e-9)


class Interval(Task):
    """A share, a root, and both ends."""

    id = "01-interval"
    objective = "judge-prediction"
    defines = "interval"
    prompt_ja = (
        "**課題 4：区間。** 正解数と画像の枚数を受け取り、95 % 区間の両端（下端、上端）を返す `interval` を書いてください。"
        "式は $p \\pm 1.96 \\sqrt{p (1 - p) / n}$ です。平方根は `x ** 0.5` で求められます。"
    )
    stub = '''
def interval(right, photos):
    """Lower and upper end of the 95 % interval of an accuracy."""
    ...
'''
    why = {
        "en": "Four times as many photos make the interval half as wide. Few photos, little certainty.",
        "ja": "画像が 4 倍になると、区間の幅は半分になります。画像が少なければ、確かなことは言えません。",
    }
    hints = (
        {"en": "First the share: `share = right / photos`.", "ja": "まず割合を求めます：`share = right / photos`。"},
        {
            "en": "Then how far it can wander: `1.96 * (share * (1 - share) / photos) ** 0.5`.",
            "ja": "次に、ぶれの大きさを求めます：`1.96 * (share * (1 - share) / photos) ** 0.5`。",
        },
        {
            "en": "Return both ends, with a comma between: `return share - wander, share + wander`.",
            "ja": "両端をコンマで区切って返します：`return share - wander, share + wander`。",
        },
    )
    solution = """
def interval(right, photos):
    share = right / photos
    wander = 1.96 * (share * (1 - share) / photos) ** 0.5
    return share - wander, share + wander
"""
    wrong = (
        (
            "def interval(right, photos):\n    p = right / photos\n    return 1.96 * (p * (1 - p) / photos) ** 0.5",
            "two ends",
        ),
        (
            "def interval(right, photos):\n    p = right / photos\n    w = 1.96 * (p * (1 - p)) ** 0.5 / photos\n    return p - w, p + w",
            "under the root",
        ),
        (
            "def interval(right, photos):\n    p = right / photos\n    w = (p * (1 - p) / photos) ** 0.5\n    return p - w, p + w",
            "1.96 is missing",
        ),
        (
            "def interval(right, photos):\n    p = right / photos\n    w = 1.96 * p * (1 - p) / photos\n    return p - w, p + w",
            "root is missing",
        ),
        (
            "def interval(right, photos):\n    p = right / photos\n    w = 1.96 * (p * (1 - p) / photos) ** 0.5\n    return p + w, p - w",
            "lower end first",
        ),
        (
            "def interval(right, photos):\n    w = 1.96 * (0.25 / photos) ** 0.5\n    return right - w, right + w",
            "number of right answers",
        ),
        ("def interval(right, photos):\n    return right / photos - 1.96, right / photos + 1.96", "1.96 alone"),
        (
            "def interval(right, photos):\n    p = right / photos\n    w = 1.96 * (p * (1 - p) / photos) ** 1/2\n    return p - w, p + w",
            "is `(… ** 1) / 2`",
        ),
        (
            "def interval(right, photos):\n    w = 1.96 * (right * (1 - right) / photos) ** 0.5\n    return right - w, right + w",
            "less than 0",
        ),
        (
            "def interval(right, photos):\n    p = right / photos\n    w = 1.96 * (p * (1 - p) / photos) ** 0.5\n    return 0, p + w",
            "was expected",
        ),
    )

    def check(self, interval):
        """80 right of 100: from 0.7216 to 0.8784."""
        found = interval(80, 100)
        if np.shape(found) != (2,):
            raise NotYet(
                "An interval has two ends: `return lower, upper`.", "区間には両端があります：`return 下端, 上端`。"
            )
        if np.iscomplexobj(found):
            raise NotYet(
                "Below the root stands a number less than 0. Begin with the share, `right / photos`.",
                "平方根の中が負になっています。まず割合 `right / photos` を求めてください。",
            )
        low, high = float(found[0]), float(found[1])
        if low > high:
            raise NotYet(
                "The ends have changed places: return the lower end first.", "両端が逆です。下端を先に返してください。"
            )
        if (low + high) / 2 > 1:
            raise NotYet(
                "The middle should be the share, `right / photos`, not the number of right answers.",
                "中心は正解数ではなく、割合 `right / photos` です。",
            )
        share, wander = 0.8, (high - low) / 2
        if abs((low + high) / 2 - share) < 1e-6:
            for result, en, ja in (
                (
                    1.96 * 0.4 / 100,
                    "Divide by the number of photos under the root, not outside it.",
                    "画像の枚数での割り算は、平方根の中で行います。",
                ),
                (0.04, "The factor 1.96 is missing.", "1.96 を掛けていません。"),
                (
                    0.98 * 0.16 / 100,
                    "`** 1 / 2` is `(… ** 1) / 2`. The root is `** 0.5`.",
                    "`** 1 / 2` は `(… ** 1) / 2` と計算されます。平方根は `** 0.5` です。",
                ),
                (
                    1.96,
                    "1.96 alone is not the width. Multiply it by the root.",
                    "1.96 だけでは幅になりません。平方根を掛けてください。",
                ),
                (1.96 * 0.16 / 100, "The root is missing: `(…) ** 0.5`.", "平方根 `(…) ** 0.5` がありません。"),
            ):
                if abs(wander - result) < 1e-6:
                    raise NotYet(en, ja)
        self.expect(
            [low, high], [0.7216, 0.8784], "For 80 right answers of 100", "100 枚中 80 枚が正解のとき", tolerance=1e-4
        )
        self.expect(
            interval(18, 20),
            [0.76852, 1.03148],
            "For 18 right answers of 20",
            "20 枚中 18 枚が正解のとき",
            tolerance=1e-4,
        )


class Patient:
    """Stands in for a network or for images: keeps what was done with it, and is slow at the first run."""

    FIRST, LATER = 0.3, 0.1

    def __init__(self):
        self.moved, self.runs, self.fetched, self.took = None, [], 0, []

    def to(self, where):
        self.moved = where
        return self

    def __len__(self):
        return 8

    @property
    def shape(self):
        return (8, 3, 224, 224)

    def size(self, dimension=None):
        return self.shape if dimension is None else self.shape[dimension]

    def __call__(self, images):
        self.runs.append((self.moved, getattr(images, "moved", None)))
        begin = time.perf_counter()
        time.sleep(self.FIRST if len(self.runs) == 1 else self.LATER)
        self.took.append(time.perf_counter() - begin)  # a busy machine sleeps longer
        return self

    def cpu(self):
        self.fetched += 1
        return self


class Seconds(Task):
    """Move, warm up, wait for the result, divide."""

    id = "01-seconds"
    objective = "choose-device"
    defines = "seconds_per_photo"
    copies = False  # it is looked at afterwards what was done with the network
    prompt_ja = (
        "**課題 5：時間を測る。** ネットワークと画像をデバイスに移し、ウォームアップとして 1 回動かし（最初の 1 回は必ず遅くなります）、もう 1 回動かして時間を測り、"
        "画像 1 枚あたりの秒数を返す `seconds_per_photo` を書いてください。`network.to(where)`、`images.to(where)` でデバイスに移し、"
        "`network(images).cpu()` で実行して結果を受け取ります。`.cpu()` がないと、GPU の計算が終わる前に時計が止まります。時計は `time.perf_counter()` です。"
    )
    given = "import time"
    stub = '''
def seconds_per_photo(network, images, where):
    """Seconds that the network needs for one photo on a device; images: (photos, 3, height, width)."""
    ...
'''
    why = {
        "en": "Three things spoil such a measurement: no warm-up, no waiting for the GPU, and no division by the number of photos.",
        "ja": "ウォームアップをしない、GPU を待たない、枚数で割らない。この 3 つが測定を狂わせます。",
    }
    hints = (
        {
            "en": "Six steps: move both, run once, look at the clock, run again, look at the clock, divide.",
            "ja": "6 段階です：両方を移す、1 回動かす、時計を見る、もう 1 回動かす、また時計を見る、枚数で割る。",
        },
        {
            "en": "`begin = time.perf_counter()` before the second run; `time.perf_counter() - begin` after it.",
            "ja": "2 回目の前に `begin = time.perf_counter()`、後で `time.perf_counter() - begin` を計算します。",
        },
        {"en": "Divide by the number of photos, `len(images)`.", "ja": "画像の枚数 `len(images)` で割ります。"},
    )
    solution = """
def seconds_per_photo(network, images, where):
    network, images = network.to(where), images.to(where)
    network(images).cpu()
    begin = time.perf_counter()
    network(images).cpu()
    return (time.perf_counter() - begin) / len(images)
"""
    _head = "def seconds_per_photo(network, images, where):\n"
    _move = "    network, images = network.to(where), images.to(where)\n"
    wrong = (
        (
            _head
            + _move
            + "    begin = time.perf_counter()\n    network(images).cpu()\n    return (time.perf_counter() - begin) / len(images)",
            "warm up",
        ),
        (
            _head
            + _move
            + "    begin = time.perf_counter()\n    network(images).cpu()\n    network(images).cpu()\n    return (time.perf_counter() - begin) / len(images)",
            "first run is in the time",
        ),
        (
            _head
            + _move
            + "    network(images).cpu()\n    begin = time.perf_counter()\n    network(images).cpu()\n    return time.perf_counter() - begin",
            "for all photos",
        ),
        (
            _head
            + _move
            + "    network(images)\n    begin = time.perf_counter()\n    network(images)\n    return (time.perf_counter() - begin) / len(images)",
            "without `.cpu()`",
        ),
        (
            _head
            + "    network(images).cpu()\n    begin = time.perf_counter()\n    network(images).cpu()\n    return (time.perf_counter() - begin) / len(images)",
            "moved to the device",
        ),
        (
            _head
            + "    network = network.to(where)\n    network(images).cpu()\n    begin = time.perf_counter()\n    network(images).cpu()\n    return (time.perf_counter() - begin) / len(images)",
            "images are not moved",
        ),
        (
            _head
            + _move
            + "    network(images).cpu()\n    begin = time.perf_counter()\n    network(images).cpu()\n    return (begin - time.perf_counter()) / len(images)",
            "not above 0",
        ),
        (
            _head
            + _move
            + "    network(images).cpu()\n    begin = time.perf_counter()\n    network(images).cpu()\n    return time.perf_counter() / len(images)",
            "not the time between",
        ),
        (
            _head
            + _move
            + "    network(images).cpu()\n    begin = time.perf_counter()\n    network(images).cpu()\n    return len(images) / (time.perf_counter() - begin)",
            "photos in a second",
        ),
    )

    def check(self, seconds_per_photo):
        """A stand-in for a network that takes 0.3 s the first time and 0.1 s after that, for 8 photos."""
        network, images = Patient(), Patient()
        begin = time.perf_counter()
        found = seconds_per_photo(network, images, "cpu")
        whole = time.perf_counter() - begin
        if not network.runs:
            raise NotYet(
                "The network never ran: `network(images)`.", "ネットワークが動いていません：`network(images)`。"
            )
        if network.runs[0][0] != "cpu":
            raise NotYet(
                "The network is not moved to the device: `network.to(where)`.",
                "ネットワークをデバイスに移していません：`network.to(where)`。",
            )
        if network.runs[0][1] != "cpu":
            raise NotYet(
                "The images are not moved to the device: `images = images.to(where)`.",
                "画像をデバイスに移していません：`images = images.to(where)`。",
            )
        if len(network.runs) < 2:
            raise NotYet(
                "The network ran once only, so the slow first run was measured. Let it warm up before you start the clock.",
                "1 回しか動かしていないので、遅い 1 回目を測っています。時計を見る前に、ウォームアップとして 1 回動かしてください。",
            )
        if network.fetched < len(network.runs):
            raise NotYet(
                "A run without `.cpu()` does not wait for the result: on a GPU the clock would stop too early.",
                "`.cpu()` がないと結果を待ちません。GPU では時計が早く止まりすぎます。",
            )
        if not isinstance(found, float):
            self.expect(found, Patient.LATER / 8, "For 8 photos in 0.1 s", "8 枚に 0.1 秒かかるとき", tolerance=0.001)
        if found <= 0:
            raise NotYet(
                "The time is not above 0: take the end minus the beginning.",
                "時間が負です。終わりから始まりを引いてください。",
            )
        if abs(np.log(found * min(network.took) / 8)) < 0.2:
            raise NotYet(
                "That is how many photos in a second. Divide the time by the number of photos, not the other way round.",
                "それは 1 秒あたりの枚数です。割り算が逆です。時間を枚数で割ってください。",
            )
        if found > whole:
            raise NotYet(
                "That is what the clock shows, not the time between two looks at it.",
                "それは時計の値そのものです。2 回見た値の差を取ってください。",
            )
        first, later = network.took[0], sum(network.took[1:]) / len(network.took[1:])
        what_it_is = {"right": later / 8, "first": (first + later) / 8, "all": later, "both": first + later}
        nearest = min(what_it_is, key=lambda name: abs(np.log(found / what_it_is[name])))
        if nearest == "first":
            raise NotYet(
                "The first run is in the time. Start the clock after it.",
                "1 回目の時間が入っています。その後で時計を見てください。",
            )
        if nearest != "right":
            raise NotYet(
                "That is the time for all photos. Divide it by how many there are.",
                "それは全部の画像の時間です。枚数で割ってください。",
            )
        if found < what_it_is["right"] * 0.9:
            raise NotYet(
                f"For 8 photos in {later:.2f} s it gave {found:.5f}; {later / 8:.5f} was expected.",
                f"8 枚に {later:.2f} 秒かかるのに {found:.5f} になりました。正しくは {later / 8:.5f} です。",
            )


class UpsideDown(Guess):
    """What a person takes for the same, a network does not."""

    id = "01-upside-down"
    ask = {
        "en": "The network calls the portrait a “military uniform”. What does it say if the portrait stands on its head?",
        "ja": "ネットワークは肖像写真を military uniform（軍服）と答えました。上下を逆にすると、何と答えるでしょうか。",
    }
    choices = {
        "same": {"en": "Still “military uniform”", "ja": "やはり military uniform"},
        "mask": {"en": "“ski mask”", "ja": "ski mask（スキーマスク）"},
        "other": {"en": "Something else", "ja": "別のもの"},
    }
    see = {
        "en": "A ski mask, and it is surer of that than it was of the uniform. Its rules come from "
        "examples, and few photos on the internet show people standing on their heads. Where examples are missing, the rules may say anything.",
        "ja": "スキーマスクと答え、しかも軍服のときより自信があります。規則は例から学んだもので、"
        "逆さまの人の画像はめったにありません。例のないところでは何を答えるか分かりません。",
    }


class SolarCell(Guess):
    """None of these is not among the answers."""

    id = "01-solar-cell"
    ask = {
        "en": "What does the network say to a photo of a solar cell?",
        "ja": "太陽電池セルの画像を見せると、ネットワークは何と答えるでしょうか。",
    }
    choices = {
        "nothing": {"en": "That it does not know this thing", "ja": "「知らないもの」と答える"},
        "solar": {"en": "“solar cell”", "ja": "「太陽電池セル」と答える"},
        "everyday": {"en": "The name of some everyday thing", "ja": "身の回りの何かの名前を答える"},
        "crack": {"en": "“crack”, where there is one", "ja": "ひび割れがあれば「ひび割れ」と答える"},
    }
    answer = "everyday"
    see = {
        "en": "Everyday things. It can only choose among the classes that it was trained on, and “none of these” "
        "is not among them.",
        "ja": "身の回りの物の名前を答えます。学習したクラスからしか選べず、「どれでもない」という選択肢はありません。",
    }


class Detector(Guess):
    """A probe on features of dogs and cups finds defects."""

    id = "01-detector"
    ask = {
        "en": "“Always functional” is right for 70 % of the unseen photos. How many per cent will the detector get right?",
        "ja": "「いつも良品」と答えると、未知の画像の 70 % で正解します。この検出器の正解率は何 % でしょうか。",
    }
    unit = "%"
    see = {
        "en": "Clearly more than the baseline, after 200 photos of solar cells. The next section says how sure that is.",
        "ja": "200 枚の太陽電池セルから学習しただけで、ベースラインをはっきり上回りました。どれくらい確かなのかは、次で調べます。",
    }


class Gpu(Guess):
    """The same sums, done side by side."""

    id = "01-gpu"
    ask = {
        "en": "You run the same network on a GPU instead of a CPU. What changes?",
        "ja": "同じネットワークを CPU ではなく GPU で動かします。変わるのは何でしょうか。",
    }
    choices = {
        "weights": {"en": "The weights", "ja": "重み"},
        "answers": {"en": "The answers", "ja": "答え"},
        "time": {"en": "The time", "ja": "時間"},
    }
    answer = "time"
    see = {
        "en": "The time. The weights are copied, and the same sums are done, many of them at once. Only the last decimals may differ.",
        "ja": "時間です。重みはコピーされ、同じ計算を同時にたくさん行います。違うとしても末尾の桁だけです。",
    }
