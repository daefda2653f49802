"""A file of tasks and guesses, as ``lessons/tasks/NN.py`` is one: a function, a class and a value."""

import numpy as np

from course_lib.quiz import Guess, NotYet, Task


class Brightest(Task):
    id = "02-brightest"
    defines = "brightest"
    prompt_ja = "写真のいちばん明るい値を返す関数を書いてください。"
    stub = '''def brightest(image):
    """The largest value of a photo (height, width), uint8."""
    ...
'''
    why = {
        "en": "A photo whose brightest pixel is dark shows nothing.",
        "ja": "最大値が小さい写真には何も写っていません。",
    }
    hints = [
        {"en": "An array knows its largest value.", "ja": "配列は自分の最大値を知っています。"},
        {"en": "`image.max()` gives it.", "ja": "`image.max()` で得られます。"},
    ]
    solution = "def brightest(image):\n    return image.max()"
    wrong = [
        ("def brightest(image):\n    return image.min()", "a black photo with one pixel of 7"),
        ("def brightest(image):\n    image.max()", "gave None each time"),
        ("def brightest(image):\n    return max(image)", "stopped with ValueError"),
    ]

    def check(self, brightest) -> None:
        image = np.zeros((2, 3), np.uint8)
        image[1, 2] = 7
        self.expect(brightest(image), 7, "For a black photo with one pixel of 7", "1 画素だけ 7 の黒い写真では")


class Counter(Task):
    id = "02-counter"
    defines = "Counter"
    prompt_ja = "数を数えるクラスを書いてください。"
    stub = '''class Counter:
    """Counts what is added."""

    def add(self, number):
        ...
'''
    why = {"en": "A class keeps what belongs together.", "ja": "クラスは関連するものをまとめます。"}
    hints = [
        {"en": "Begin with `__init__`.", "ja": "`__init__` から始めましょう。"},
        {"en": "Keep `self.total`.", "ja": "`self.total` に保存します。"},
    ]
    solution = """class Counter:
    def __init__(self):
        self.total = 0

    def add(self, number):
        self.total += number
        return self.total
"""
    wrong = [
        ("class Counter:\n    pass", "no method `add`"),
        ("class Counter:\n    def add(self, number):\n        return number", "gave 3; 5 was expected"),
        ("def Counter():\n    return 0", "should be a class"),
    ]

    def check(self, Counter) -> None:
        if not hasattr(Counter, "add"):
            raise NotYet("Your class has no method `add`.", "`add` メソッドがありません。")
        counter = Counter()
        counter.add(2)
        self.expect(counter.add(3), 5, "After adding 2 and 3", "2 と 3 を足した後")


class Blurred(Task):
    id = "02-blurred"
    defines = "blurred"
    prompt_ja = "ぼけた写真の番号を選んでください。"
    stub = "blurred = []"
    why = {"en": "Blur hides cracks.", "ja": "ぼけは割れを隠します。"}
    hints = [{"en": "Look at the edges.", "ja": "輪郭を見ましょう。"}, {"en": "There are two.", "ja": "2 枚あります。"}]
    solution = "blurred = [3, 8]"
    wrong = [("blurred = [3]", "gave [3]"), ("blurred = 3", "gave 3"), ("blurred = [1, 2]", "[3, 8] was expected")]

    def check(self, blurred) -> None:
        found = sorted(blurred) if isinstance(blurred, list) else blurred
        self.expect(found, [3, 8], "For the ten photos", "10 枚の写真では")


class Darker(Guess):
    id = "02-darker"
    ask = {"en": "Which cells are darker?", "ja": "暗いのはどちらですか。"}
    choices = {
        "sound": {"en": "the functional ones", "ja": "良品"},
        "defective": {"en": "the defective ones", "ja": "不良品"},
    }
    answer = "defective"
    see = {"en": "Defective cells carry less current.", "ja": "不良品は流れる電流が少なくなります。"}


class Share(Guess):
    id = "02-share"
    ask = {"en": "How many of 100 photos are unusable?", "ja": "100 枚のうち使えない写真は何枚ですか。"}
    unit = "%"
    see = {"en": "One in eight is lost before any model sees it.", "ja": "8 枚に 1 枚はモデルに届く前に失われます。"}
