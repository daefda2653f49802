"""Tasks and guesses of lesson 5: building the dataset."""

import numpy as np
import torch

from course_lib.quiz import Guess, NotYet, Task

PARTS = {"train", "validation", "test"}


class SplitAtRandom(Task):
    """Draw from each class separately, and let no photo be drawn twice."""

    id = "05-split-at-random"
    objective = "split-data"
    defines = "split_at_random"
    given = "import numpy as np"
    prompt_ja = (
        "**課題 1：ランダム分割。** `split_at_random` を完成させてください。ループの中の `rows` には、1 つのクラスの行番号が"
        'シャッフルされて入っています。最初の 4 分の 1 を `"test"`、続く 15 % を `"validation"` にし、残りは `"train"` のままに'
        "します。枚数は `round` で整数にします。"
    )
    stub = '''
def split_at_random(labels, seed):
    """The part of each photo: of each class a quarter "test", 15 % "validation", the rest "train"."""
    parts = np.full(len(labels), "train", dtype=object)
    generator = np.random.default_rng(seed)
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == label))
        ...
    return parts
'''
    why = {
        "en": "A test on photos that the model has never seen: this is where it begins.",
        "ja": "モデルが見たことのない画像でテストする、その出発点です。",
    }
    hints = (
        {
            "en": "How many photos are a quarter of this class? `round(0.25 * len(rows))`.",
            "ja": "このクラスの 4 分の 1 は何枚でしょうか。`round(0.25 * len(rows))` です。",
        },
        {
            "en": "`rows[:first]` are the row numbers before place `first`, `rows[first:second]` those after them. A list of row "
            "numbers can stand in the brackets of `parts`.",
            "ja": "`rows[:first]` は `first` 番目の手前まで、`rows[first:second]` はその続きの行番号です。`parts[...]` の中には"
            "行番号の並びをそのまま書けます。",
        },
        {
            "en": '`parts[rows[:first]] = "test"`; validation goes from `first` to `round(0.40 * len(rows))`.',
            "ja": '`parts[rows[:first]] = "test"` とします。検証用は `first` から `round(0.40 * len(rows))` の手前までです。',
        },
    )
    solution = """
def split_at_random(labels, seed):
    parts = np.full(len(labels), "train", dtype=object)
    generator = np.random.default_rng(seed)
    for label in np.unique(labels):
        rows = generator.permutation(np.flatnonzero(labels == label))
        first, second = round(0.25 * len(rows)), round(0.40 * len(rows))
        parts[rows[:first]] = "test"
        parts[rows[first:second]] = "validation"
    return parts
"""
    _begin = (
        "def split_at_random(labels, seed):\n    parts = np.full(len(labels), 'train', dtype=object)\n"
        "    generator = np.random.default_rng(seed)\n    for label in np.unique(labels):\n"
        "        rows = generator.permutation(np.flatnonzero(labels == label))\n"
        "        first, second = round(0.25 * len(rows)), round(0.40 * len(rows))\n"
    )
    wrong = (
        (
            _begin + "        parts[rows[:first]] = 'test'\n"
            "        parts[rows[: round(0.15 * len(rows))]] = 'validation'\n    return parts",
            "taken from the test again",
        ),
        (
            _begin + "        parts[:first] = 'test'\n        parts[first:second] = 'validation'\n    return parts",
            "places instead of row numbers",
        ),
        (_begin + "        parts[rows[:first]] = 'test'\n    return parts", "no photo is in validation"),
        (
            _begin + "        parts[rows[:first]] = 'test'\n"
            "        parts[rows[first : round(0.15 * len(rows))]] = 'validation'\n    return parts",
            "no photo is in validation",
        ),
        (
            _begin
            + "        parts[rows[:first]] = 'test'\n        parts[rows[first:second]] = 'val'\n    return parts",
            "unknown part 'val'",
        ),
        (
            _begin + "        parts[rows[:first]] = 'test'\n        parts[rows[first:second]] = 'validation'\n"
            "        return parts",
            "after the first class",
        ),
        (
            "def split_at_random(labels, seed):\n    parts = np.full(len(labels), 'train', dtype=object)\n"
            "    rows = np.random.default_rng(seed).permutation(len(labels))\n"
            "    first, second = round(0.25 * len(rows)), round(0.40 * len(rows))\n"
            "    parts[rows[:first]] = 'test'\n    parts[rows[first:second]] = 'validation'\n    return parts",
            "from each class separately",
        ),
        (
            "def split_at_random(labels, seed):\n    parts = np.full(len(labels), 'train', dtype=object)\n"
            "    for label in np.unique(labels):\n        rows = np.flatnonzero(labels == label)\n"
            "        first, second = round(0.25 * len(rows)), round(0.40 * len(rows))\n"
            "        parts[rows[:first]] = 'test'\n        parts[rows[first:second]] = 'validation'\n    return parts",
            "Another seed gives the same split",
        ),
    )

    def check(self, split_at_random):
        """Two classes of 80 and 20 photos, mixed."""
        labels = np.random.default_rng(3).permutation([0] * 80 + [1] * 20)
        parts = np.asarray(split_at_random(labels, 0), dtype=object)
        if parts.shape != labels.shape:
            raise NotYet(
                f"There must be one part for each of the {len(labels)} photos; this has the shape {parts.shape}.",
                f"{len(labels)} 枚の画像それぞれに 1 つの区分を返してください。結果の形状は {parts.shape} です。",
            )
        if unknown := sorted(set(map(str, parts)) - PARTS):
            raise NotYet(
                f"There is an unknown part '{unknown[0]}'; the three are called train, validation and test.",
                f"'{unknown[0]}' という区分はありません。train、validation、test の 3 つです。",
            )
        counts = {part: [int(((parts == part) & (labels == label)).sum()) for label in (0, 1)] for part in PARTS}
        for part in ("test", "validation"):
            if sum(counts[part]) == 0:
                raise NotYet(
                    f"With 80 photos of one class and 20 of another, no photo is in {part}. In `rows[a:b]`, b is the place "
                    "where the slice ends and not how many it holds; `rows[20:12]` is empty.",
                    f"80 枚と 20 枚の 2 クラスで試したところ、{part} に 1 枚も入っていません。`rows[a:b]` の b は枚数"
                    "ではなく終わりの位置です。`rows[20:12]` は空になります。",
                )
        wanted = {"test": [20, 5], "validation": [12, 3]}
        if any(counts[part] != wanted[part] for part in wanted):
            self.name_the_mistake(counts, parts)
            raise NotYet(
                f"Of 80 and 20 photos, {counts['test']} are in test and {counts['validation']} in validation; "
                "20 and 5 belong to test, 12 and 3 to validation.",
                f"80 枚と 20 枚のうち、test が {counts['test']} 枚、validation が {counts['validation']} 枚になりました。"
                "正しくは test が 20 枚と 5 枚、validation が 12 枚と 3 枚です。",
            )
        self.expect(split_at_random(labels, 0), parts, "Called twice with seed 0", "シード 0 で 2 回呼ぶと")
        if (np.asarray(split_at_random(labels, 1), dtype=object) == parts).all():
            raise NotYet(
                "Another seed gives the same split, so the photos are not drawn but taken in their order.",
                "シードを変えても結果が同じです。画像を無作為に選ばず、並び順のまま取っています。",
            )

    def name_the_mistake(self, counts, parts):
        """What typical wrong counts come from."""
        if counts["validation"] == [12, 3] and counts["test"] == [8, 2]:
            raise NotYet(
                "The photos of validation are taken from the test again: both begin at place 0. Validation begins where "
                "the test ends.",
                "検証用の画像を、テスト用にした分から取り直しています。どちらも先頭から始まっています。検証用は、テスト用の"
                "終わったところから始めます。",
            )
        if set(parts[:5]) == {"test"} and sum(counts["test"]) <= 25:
            raise NotYet(
                "`parts[:first]` takes places instead of row numbers: the first photos of the folder, whatever class they "
                "have. The row numbers of this class are in `rows`.",
                "`parts[:first]` では `rows` の行番号ではなく先頭の位置を使っているので、クラスに関係なくフォルダーの最初の画像が"
                "選ばれます。このクラスの行番号は `rows` に入っています。",
            )
        if counts["test"] in ([20, 0], [0, 5]):
            raise NotYet(
                "`return` stands inside the loop, so the function ends after the first class.",
                "`return` がループの中にあるので、最初のクラスだけで関数が終わっています。",
            )
        if sum(counts["test"]) == 25 and sum(counts["validation"]) == 15:
            raise NotYet(
                "The number of photos is right, but not the share of each class in each part. Draw from each class "
                "separately.",
                "枚数は合っていますが、クラスの割合が区分ごとに違います。クラスごとに分けて選んでください。",
            )


class InTwoParts(Task):
    """Ask about all three pairs of parts."""

    id = "05-in-two-parts"
    objective = "check-for-leaks"
    defines = "in_two_parts"
    prompt_ja = (
        "**課題 2：2 つの区分にまたがるもの。** 画像ごとの「もの」（パスやロットなど）のリストと、画像ごとの区分（train など）を"
        "受け取り、2 つ以上の区分に現れるものを"
        "*集合*で返す `in_two_parts` を書いてください。"
    )
    stub = '''
def in_two_parts(things, parts):
    """The set of all things that are in more than one part."""
    ...
'''
    why = {
        "en": "The same function asks about paths, bytes, lots and cells; a leak has nowhere left to hide but in what you do not "
        "ask.",
        "ja": "同じ関数で、パスもバイト列もロットもセルも調べられます。残る抜け道は、調べなかったことだけです。",
    }
    hints = (
        {
            "en": "Begin with an empty set for each part, `train = set()` and so on, and put each thing into the set of its part: "
            "`train.add(thing)`. `zip(things, parts)` gives both side by side.",
            "ja": "区分ごとに空の集合 `train = set()` などを用意し、`train.add(thing)` のように、それぞれのものを自分の区分の集合に"
            "加えます。`zip(things, parts)` で 2 つを並べて取り出せます。",
        },
        {
            "en": "`a & b` is the set of what is in both sets, `a | b` of what is in one of them or both.",
            "ja": "`a & b` は両方の集合にあるもの、`a | b` は少なくとも一方にあるものの集合です。",
        },
        {
            "en": 'With `train = {thing for thing, part in zip(things, parts) if part == "train"}` and two more such sets: '
            "`(train & validation) | (train & test) | …`.",
            "ja": '`train = {thing for thing, part in zip(things, parts) if part == "train"}` のような集合を 3 つ作り、'
            "`(train & validation) | (train & test) | …` とします。",
        },
    )
    solution = """
def in_two_parts(things, parts):
    train = {thing for thing, part in zip(things, parts) if part == "train"}
    validation = {thing for thing, part in zip(things, parts) if part == "validation"}
    test = {thing for thing, part in zip(things, parts) if part == "test"}
    return (train & validation) | (train & test) | (validation & test)
"""
    wrong = (
        (
            "def in_two_parts(things, parts):\n"
            "    train = {thing for thing, part in zip(things, parts) if part == 'train'}\n"
            "    test = {thing for thing, part in zip(things, parts) if part == 'test'}\n    return train & test",
            "validation can share",
        ),
        (
            "def in_two_parts(things, parts):\n    things = list(things)\n"
            "    return {thing for thing in things if things.count(thing) > 1}",
            "twice in the same part",
        ),
        (
            "def in_two_parts(things, parts):\n    train, validation, test = (\n"
            "        {thing for thing, part in zip(things, parts) if part == name}\n"
            "        for name in ('train', 'validation', 'test')\n    )\n    return train & validation & test",
            "in all three parts",
        ),
        (
            "def in_two_parts(things, parts):\n    where = {}\n    for thing, part in zip(things, parts):\n"
            "        where.setdefault(thing, set()).add(part)\n"
            "    return [thing for thing in where if len(where[thing]) > 1]",
            "a list",
        ),
        (
            "def in_two_parts(things, parts):\n    where = {}\n    for thing, part in zip(things, parts):\n"
            "        where.setdefault(thing, set()).add(part)\n"
            "    return len([thing for thing in where if len(where[thing]) > 1])",
            "how many",
        ),
        (
            "def in_two_parts(things, parts):\n    return {part for part in parts if list(parts).count(part) > 1}",
            "names of parts",
        ),
    )

    def check(self, in_two_parts):
        """Things that are alone, twice in one part, in two parts, and in all three."""
        things = ["once", "same", "same", "train-test", "train-test", "train-val", "train-val", "val-test", "val-test"]
        parts = ["test", "train", "train", "train", "test", "train", "validation", "validation", "test"]
        things, parts = [*things, "all", "all", "all"], [*parts, "test", "validation", "train"]
        wanted = {"train-test", "train-val", "val-test", "all"}
        found = in_two_parts(things, parts)
        if isinstance(found, int | np.integer) and not isinstance(found, bool):
            raise NotYet(
                f"That is how many there are ({found}). Which ones are they? Return the set itself.",
                f"それは個数（{found}）です。どれが該当するのか分かるように、集合そのものを返してください。",
            )
        if not isinstance(found, set | frozenset):
            kind = type(found).__name__
            raise NotYet(
                f"The result must be a set, and this is a {kind}. `set(…)` makes a set of a list.",
                f"結果は {kind} ではなく集合にしてください。`set(…)` でリストから集合を作れます。",
            )
        mistakes = (
            (
                wanted - {"train-val", "val-test"},
                "Only train and test were compared. But validation can share something with either of them as well.",
                "train と test しか比べていません。validation も、ほかの 2 つと同じものを含むことがあります。",
            ),
            (
                wanted | {"same"},
                "A thing that is twice in the same part is no leak. It counts only if the parts differ.",
                "同じ区分に 2 回現れるだけではリークではありません。区分が異なる場合だけ数えます。",
            ),
            (
                {"all"},
                "These are only the things that are in all three parts. Two are enough.",
                "3 つの区分すべてにあるものだけになっています。2 つの区分にあれば該当します。",
            ),
        )
        for result, en, ja in mistakes:
            if found == result:
                raise NotYet(en, ja)
        if found and found <= PARTS:
            raise NotYet(
                "These are names of parts. Return the things.", "それは区分の名前です。「もの」のほうを返してください。"
            )
        self.expect(found, wanted, "For twelve photos", "12 枚の画像に対し")
        self.expect(
            in_two_parts(["a", "b"], ["train", "test"]), set(), "Where nothing is shared", "共通のものがないとき"
        )


LEAK = "leak"
NO_LEAK = "no leak"
ANSWERS = {
    "a brightened copy of a test photo is in train": (
        LEAK,
        "the model learns this photo with its label, only a little brighter",
        "少し明るいだけの同じ画像を、ラベル付きで学習してしまいます",
    ),
    "all parts have the same share of defects": (
        NO_LEAK,
        "it says nothing about a single photo; a stratified split does so on purpose",
        "1 枚ごとの画像については何も分かりません。層化分割では意図してそうします",
    ),
    "photos are mirrored, and then split": (
        LEAK,
        "a photo can land in train and its mirror image in the test",
        "元の画像が訓練用に、その鏡像がテスト用に入ることがあります",
    ),
    "photos are split, and then the train photos are mirrored": (
        NO_LEAK,
        "every mirror image stays in train, beside its photo",
        "鏡像はすべて元の画像と同じ訓練用に残ります",
    ),
    "the mean brightness of all photos is subtracted from each": (
        LEAK,
        "the mean has looked at the test photos. It is a small leak, but one",
        "平均の計算でテスト用の画像を見ています。小さくてもリークです",
    ),
    "of twenty settings, the best one on validation is kept": (
        NO_LEAK,
        "choosing is what validation is for",
        "選ぶことこそ検証用の役割です",
    ),
    "of twenty settings, the best one on the test is kept": (
        LEAK,
        "the best of twenty is partly luck, and this luck belongs to these test photos",
        "20 個の中で最も良い結果には、そのテスト画像での偶然が含まれます",
    ),
}
SOLVED = {situation: verdict for situation, (verdict, _, _) in ANSWERS.items()}


class Verdicts(Task):
    """A leak may also go through a number or through a person."""

    id = "05-verdicts"
    objective = "check-for-leaks"
    defines = "verdicts"
    prompt_ja = (
        "**課題 3：リークか、そうでないか。** 7 つのそれぞれについて、モデルや作り手がテストの前にテストについて何かを知って"
        "しまうなら `leak`、そうでなければ `no leak` と書いてください。工場からは新しいモジュールが送られてきます。"
    )
    stub = """
verdicts = {
    "a brightened copy of a test photo is in train": "?",
    "all parts have the same share of defects": "?",
    "photos are mirrored, and then split": "?",
    "photos are split, and then the train photos are mirrored": "?",
    "the mean brightness of all photos is subtracted from each": "?",
    "of twenty settings, the best one on validation is kept": "?",
    "of twenty settings, the best one on the test is kept": "?",
}
"""
    why = {
        "en": "A leak can go through a photo, through a number, and through you.",
        "ja": "リークは画像からも、1 つの数値からも、あなた自身からも起こります。",
    }
    hints = (
        {
            "en": "Ask each time: would anything be different if the test photos did not exist yet?",
            "ja": "毎回こう考えます。テスト用の画像がまだ存在しないとしたら、何かが変わるでしょうか。",
        },
        {
            "en": "Four of the seven are leaks. Two of them differ from a harmless neighbour in the order of two steps, or in "
            "one word.",
            "ja": "7 つのうち 4 つがリークです。そのうち 2 つは、問題のないものと手順の順序や 1 語だけが違います。",
        },
    )
    solution = f"verdicts = {SOLVED!r}"
    wrong = (
        (f"verdicts = {dict.fromkeys(SOLVED, LEAK)!r}", "stratified"),
        (f"verdicts = {dict.fromkeys(SOLVED, NO_LEAK)!r}", "a little brighter"),
        (f"verdicts = {SOLVED | {'photos are mirrored, and then split': NO_LEAK}!r}", "mirror image in the test"),
        (
            f"verdicts = {SOLVED | {'the mean brightness of all photos is subtracted from each': NO_LEAK}!r}",
            "small leak",
        ),
        (
            f"verdicts = {SOLVED | {'of twenty settings, the best one on validation is kept': LEAK}!r}",
            "what validation",
        ),
        (f"verdicts = {SOLVED | {'of twenty settings, the best one on the test is kept': NO_LEAK}!r}", "partly luck"),
        (f"verdicts = {SOLVED | {'all parts have the same share of defects': 'no'}!r}", "one of two answers"),
    )

    def check(self, verdicts):
        """Look at one verdict after the other."""
        for situation, (right, en, ja) in ANSWERS.items():
            given = verdicts.get(situation) if isinstance(verdicts, dict) else None
            if given not in (LEAK, NO_LEAK):
                raise NotYet(
                    f"The answer to '{situation}' is '{given}'; write one of two answers: leak, no leak.",
                    f"'{situation}' の答えが '{given}' になっています。leak か no leak のどちらかを書いてください。",
                )
            if given != right:
                raise NotYet(f"'{situation}': think again, {en}.", f"'{situation}' をもう一度考えてみましょう。{ja}。")


class PhotoDataset(Task):
    """Two methods are all that PyTorch asks for."""

    id = "05-photo-dataset"
    objective = "build-loaders"
    defines = "PhotoDataset"
    given = "import torch"
    prompt_ja = (
        "**課題 4：Dataset を書く。** 2 つのメソッドを完成させてください。`__getitem__` は 2 つのものを返します。画像のテンソル"
        "（`torch.tensor(array)`。`self.transform` があれば、それを適用したもの）と、そのラベルです。"
    )
    stub = '''
class PhotoDataset(torch.utils.data.Dataset):
    """Photos and labels, one at a time."""

    def __init__(self, images, labels, transform=None):
        self.images, self.labels, self.transform = images, labels, transform

    def __len__(self): ...

    def __getitem__(self, number): ...
'''
    why = {
        "en": "Everything in PyTorch that wants photos can now take yours.",
        "ja": "画像を受け取る PyTorch の機能は、これですべてあなたの画像でも使えます。",
    }
    hints = (
        {
            "en": "`__len__` is one line: as many as there are labels. `self.images[number]` is one photo, an array (channels, height, "
            "width).",
            "ja": "`__len__` は 1 行で、ラベルの数を返します。`self.images[number]` は 1 枚の画像で、（チャンネル, 高さ, 幅）の配列です。",
        },
        {
            "en": "First make the tensor. Then, `if self.transform is not None:`, put `self.transform(image)` in its place.",
            "ja": "まずテンソルにします。次に `if self.transform is not None:` のときだけ、`self.transform(image)` の結果に置き換えます。",
        },
        {
            "en": "The method ends with `return image, self.labels[number]`, the photo first.",
            "ja": "最後は `return image, self.labels[number]` です。画像が先です。",
        },
    )
    _begin = (
        "class PhotoDataset(torch.utils.data.Dataset):\n    def __init__(self, images, labels, transform=None):\n"
        "        self.images, self.labels, self.transform = images, labels, transform\n\n"
    )
    _length = "    def __len__(self):\n        return len(self.labels)\n\n"
    _item = "    def __getitem__(self, number):\n"
    solution = (
        _begin
        + _length
        + (
            _item + "        image = torch.tensor(self.images[number])\n"
            "        if self.transform is not None:\n            image = self.transform(image)\n"
            "        return image, self.labels[number]\n"
        )
    )
    wrong = (
        (
            _begin + "    def __len__(self):\n        return len(self.images[0])\n\n"
            + _item + "        return torch.tensor(self.images[number]), self.labels[number]",
            "For a Dataset of five photos",
        ),
        (_begin + _length + _item + "        return self.images[number], self.labels[number]", "still an array"),
        (_begin + _length + _item + "        return torch.tensor(self.images[number])", "two things"),
        (
            _begin + _length + _item + "        return self.labels[number], torch.tensor(self.images[number])",
            "the photo comes first",
        ),
        (
            _begin + _length + _item + "        return torch.tensor(self.images[number]), self.labels[number]",
            "the transform is never used",
        ),
        (
            _begin + _length + _item
            + "        image = self.transform(torch.tensor(self.images[number]))\n"
            "        return image, self.labels[number]",
            "without a transform",
        ),
        (
            _begin + _length + _item + "        image = self.images[number]\n"
            "        if self.transform is not None:\n            image = self.transform(image)\n"
            "        return torch.tensor(image), self.labels[number]",
            "got an array",
        ),
        (
            _begin + _length + _item + "        image = torch.tensor(self.images[number])\n"
            "        if self.transform is not None:\n            self.transform(image)\n"
            "        return image, self.labels[number]",
            "the transform is never used",
        ),
        (
            _begin + _length + _item + "        return torch.tensor(self.images[number]), self.labels",
            "its own label",
        ),
    )  # fmt: skip

    def check(self, PhotoDataset):
        """Five photos without a transform, then with one."""
        images = np.random.default_rng(0).integers(0, 255, (5, 1, 3, 4), dtype=np.uint8)
        labels = np.array([0, 1, 1, 0, 1])
        dataset = PhotoDataset(images, labels)
        if len(dataset) != 5:
            raise NotYet(
                f"For a Dataset of five photos, its length was {len(dataset)}. Count its own labels: `len(self.labels)`.",
                f"5 枚の画像の Dataset に対し、長さが {len(dataset)} でした。自分のラベルを数えます：`len(self.labels)`。",
            )
        try:
            item = dataset[2]
        except TypeError as error:
            if "NoneType" not in str(error):
                raise
            raise NotYet(
                "It must also work without a transform: then `self.transform` is None, and cannot be called.",
                "変換がない場合にも動く必要があります。そのとき `self.transform` は None なので、呼び出せません。",
            ) from None
        if not isinstance(item, tuple | list) or len(item) != 2:
            raise NotYet(
                "`dataset[2]` must give two things, the photo and its label: `return image, self.labels[number]`.",
                "`dataset[2]` は画像とラベルの 2 つを返します：`return image, self.labels[number]`。",
            )
        image, label = item
        if np.ndim(image) == 0 and np.ndim(label) == 3:
            raise NotYet(
                "The label and the photo have changed places: the photo comes first.",
                "ラベルと画像の順序が逆です。画像が先です。",
            )
        if not isinstance(image, torch.Tensor):
            raise NotYet(
                "The photo is still an array. `torch.tensor(…)` makes a tensor of it.",
                "画像が配列のままです。`torch.tensor(…)` でテンソルにしてください。",
            )
        if np.ndim(label) != 0:
            raise NotYet(
                "Each photo comes with its own label, not with all of them: `self.labels[number]`.",
                "すべてのラベルではなく、その画像のラベルだけを返します：`self.labels[number]`。",
            )
        self.expect(image, images[2], "For `dataset[2]`, the photo: here", "`dataset[2]` の画像として")
        self.expect(int(label), 1, "For `dataset[2]`, the label: here", "`dataset[2]` のラベルとして")
        self.look_at_transform(PhotoDataset, images, labels)

    def look_at_transform(self, PhotoDataset, images, labels):
        """A transform that tells which kind of photo it was given."""
        given = []

        def mirror(image):
            given.append(image)
            return image.flip(-1) if isinstance(image, torch.Tensor) else image[..., ::-1].copy()

        image, _ = PhotoDataset(images, labels, mirror)[3]
        if given and not isinstance(given[0], torch.Tensor):
            raise NotYet(
                "The transform got an array. Transforms of torchvision want a tensor, so make the tensor first.",
                "変換に配列が渡されました。torchvision の変換はテンソルを受け取るので、先にテンソルにしてください。",
            )
        if np.array_equal(np.asarray(image), images[3]):
            raise NotYet(
                "With a transform that mirrors, the photo came back as it was: the transform is never used, or its result "
                "is thrown away.",
                "左右反転する変換を渡しても、画像が元のままです。変換が使われていないか、その結果が捨てられています。",
            )
        self.expect(image, images[3][..., ::-1].copy(), "With a transform that mirrors", "左右反転する変換を使うと")


class Batches(Task):
    """Ask a Dataset for one photo after the other, and put them on top of each other."""

    id = "05-batches"
    objective = "build-loaders"
    defines = "batches"
    given = "import torch"
    prompt_ja = (
        "**課題 5：バッチ。** ネットワークは一度に何枚もの画像、つまり*バッチ*を受け取ります。`batches` を完成させてください。"
        "`order` には画像の番号が並んでいて、`batch_size` 枚ずつ順に 1 つのバッチにします。最後のバッチは小さくてもかまいません。"
        "バッチは、画像のテンソル（枚数, チャンネル, 高さ, 幅）とラベルのテンソルの組です。テンソルのリストを 1 つのテンソルに"
        "まとめるには `torch.stack` を使います。"
    )
    stub = '''
def batches(dataset, order, batch_size):
    """A list of batches, each a pair (images, labels), with the photos in this order."""
    result = []
    for first in range(0, len(order), batch_size):
        ...
    return result
'''
    why = {
        "en": "Dataset, order, batches: with these three you feed any network.",
        "ja": "Dataset、順序、バッチ。この 3 つがあれば、どんなネットワークにも画像を渡せます。",
    }
    hints = (
        {
            "en": "`order[first : first + batch_size]` holds the numbers of this batch, and `dataset[number]` gives a photo and its label.",
            "ja": "`order[first : first + batch_size]` がこのバッチの番号です。`dataset[number]` で画像とラベルが得られます。",
        },
        {
            "en": "Collect the pairs in a list: `pairs = [dataset[number] for number in …]`. Then stack the first of each pair, and make a "
            "tensor of the second: `torch.tensor([label for image, label in pairs])`.",
            "ja": "`pairs = [dataset[number] for number in …]` と組のリストを作ります。次に組の 1 つ目を重ね、2 つ目はテンソルにします："
            "`torch.tensor([label for image, label in pairs])`。",
        },
        {
            "en": "At the end of the loop: `result.append((torch.stack([image for image, label in pairs]), labels))`.",
            "ja": "ループの最後は `result.append((torch.stack([image for image, label in pairs]), labels))` です。",
        },
    )
    _begin = "def batches(dataset, order, batch_size):\n    result = []\n    for first in range(0, len(order), batch_size):\n"
    _pairs = "        pairs = [dataset[number] for number in order[first : first + batch_size]]\n"
    _images = "        images = torch.stack([image for image, label in pairs])\n"
    _labels = "        labels = torch.tensor([label for image, label in pairs])\n"
    _end = "        result.append((images, labels))\n    return result"
    solution = _begin + _pairs + _images + _labels + _end
    wrong = (
        (
            _begin + "        pairs = [dataset[number] for number in range(first, min(first + batch_size, len(order)))]\n"
            + _images + _labels + _end,
            "not in the order of `order`",
        ),
        (
            _begin + _pairs + "        images = torch.cat([image for image, label in pairs])\n" + _labels + _end,
            "`torch.stack`",
        ),
        (
            _begin + _pairs + _images + "        result.append(images)\n    return result",
            "two things",
        ),
        (
            _begin + _pairs + _images + "        labels = [label for image, label in pairs]\n" + _end,
            "of the type list",
        ),
        (_begin + "        result.append(dataset[first : first + batch_size])\n    return result", "made of pairs"),
        (
            _begin + _pairs + _images + _labels + "        result = (images, labels)\n    return result",
            "a list of batches",
        ),
        (
            _begin.replace("len(order)", "len(order) - batch_size + 1") + _pairs + _images + _labels + _end,
            "the last batch",
        ),
        (
            _begin + _pairs + _images + _labels + "        result.append((images, labels))\n        return result",
            "inside the loop",
        ),
    )  # fmt: skip

    def check(self, batches):
        """Five photos in a mixed order, two at a time."""
        images = torch.arange(7 * 12, dtype=torch.float32).reshape(7, 1, 3, 4)
        dataset, order = [(image, number % 2) for number, image in enumerate(images)], [6, 0, 3, 2, 5]
        found = batches(dataset, order, 2)
        if not isinstance(found, list):
            raise NotYet(
                "The result must be a list of batches: `append` each batch to `result`.",
                "結果はバッチのリストにしてください。各バッチを `append` で `result` に加えます。",
            )
        if any(not isinstance(batch, tuple | list) or len(batch) != 2 for batch in found):
            raise NotYet(
                "Each batch must be two things, images and labels: `(images, labels)`.",
                "各バッチは画像とラベルの 2 つの組にしてください：`(images, labels)`。",
            )
        if len(found) == 1:
            raise NotYet(
                "Five photos, two at a time, gave one batch only: does `return` stand inside the loop?",
                "5 枚を 2 枚ずつ取り出したのに、バッチが 1 つしかありません。`return` がループの中にありませんか。",
            )
        if len(found) == 2:
            raise NotYet(
                "Five photos, two at a time, make three batches; the last batch, with one photo, is missing.",
                "5 枚を 2 枚ずつなら 3 バッチです。1 枚だけの最後のバッチがありません。",
            )
        for (batch_images, batch_labels), numbers in zip(found, ([6, 0], [3, 2], [5]), strict=False):
            self.look(batch_images, batch_labels, images[numbers], numbers)
        self.expect(
            len(found),
            3,
            "For five photos, two at a time, the number of batches: here",
            "5 枚を 2 枚ずつのバッチ数として",
        )

    def look(self, images, labels, wanted, numbers):
        """One batch."""
        if isinstance(labels, tuple):
            raise NotYet(
                "A batch here is made of pairs (photo, label). Ask the Dataset for one number of `order` after another, then "
                "put the photos into one tensor and the labels into another.",
                "バッチが（画像, ラベル）の組の並びになっています。`order` の番号を 1 つずつ Dataset に渡し、画像とラベルを"
                "それぞれ 1 つのテンソルにまとめてください。",
            )
        if not isinstance(labels, torch.Tensor):
            raise NotYet(
                f"The labels are of the type {type(labels).__name__}; make a tensor of them: `torch.tensor(…)`.",
                f"ラベルが {type(labels).__name__} のままです。`torch.tensor(…)` でテンソルにしてください。",
            )
        if not isinstance(images, torch.Tensor) or images.shape != wanted.shape:
            seen = tuple(images.shape) if isinstance(images, torch.Tensor) else type(images).__name__
            raise NotYet(
                f"For {len(numbers)} photos of shape (1, 3, 4), the images gave {seen}; {tuple(wanted.shape)} was expected. "
                "`torch.stack` puts tensors on top of each other along a new first axis.",
                f"形状 (1, 3, 4) の画像 {len(numbers)} 枚に対し、画像は {seen} でした。正しくは {tuple(wanted.shape)} です。"
                "`torch.stack` は、新しい先頭の軸に沿ってテンソルを重ねます。",
            )
        if not torch.equal(images, wanted):
            raise NotYet(
                "The photos are not in the order of `order`. Its numbers say which photo comes next, and they need not be 0, 1, 2.",
                "画像が `order` の順になっていません。次に来る画像は `order` の番号で決まり、0, 1, 2 の順とは限りません。",
            )
        self.expect(labels, [number % 2 for number in numbers], "For the labels of a batch", "バッチのラベルとして")


class OtherSeed(Guess):
    """Two draws agree by chance."""

    id = "05-other-seed"
    ask = {
        "en": "60 % of the photos are in train, 15 % in validation, 25 % in test. How many of all photos land in the same part "
        "with both seeds?",
        "ja": "訓練用が 60 %、検証用が 15 %、テスト用が 25 % です。シードが違っても同じ区分に入る画像は、全体の何 % でしょうか。",
    }
    unit = "%"
    see = {
        "en": "Nearly half, by chance alone. A train photo lands in train again with a chance of 60 %, and so on: 0.60 · 0.60 + 0.15 · 0.15 + "
        "0.25 · 0.25 is about 0.45.",
        "ja": "偶然だけで半分近くになります。訓練用の画像は 60 % の確率でまた訓練用に入る、というように考えると、"
        "0.60・0.60 + 0.15・0.15 + 0.25・0.25 で約 0.45 です。",
    }


class SeenTwice(Guess):
    """A split that keeps neighbours together can still separate all twins."""

    id = "05-seen-twice"
    ask = {
        "en": "Of how many of these cells are the two photos in two different parts of the split by lot?",
        "ja": "2 回撮影されたセルのうち、ロット別の分割で 2 枚の画像が別々の区分に入っているのは何個でしょうか。",
    }
    see = {
        "en": "With the solar cells and the experts' labels it is every single one: one series fell into train, the other into the test, "
        "because to the split by lot they are different lots. (If you decided otherwise about the doubtful photos, the lots are dealt "
        "out otherwise and some pairs stay together, by luck alone.) The random split separates about half, as two draws do. None of "
        "your three checks saw any of this, because nobody had written down which photos show the same cell.",
        "ja": "太陽電池セルを専門家のラベルどおりに使うと、50 個すべてです。一方の系列は訓練用に、もう一方はテスト用に入りました。ロット別の分割に"
        "とって、2 つの系列は別のロットだからです。（疑わしい画像の扱いを変えるとロットの割り振りも変わり、たまたま同じ区分に入る組が"
        "出ます。）ランダム分割では、無作為に選ぶので約半分が分かれます。どの画像が同じセルなのか誰も記録して"
        "いなかったので、3 つの点検では見つかりませんでした。",
    }


class Copies(Guess):
    """A leak makes the test better and the model no better."""

    id = "05-copies"
    ask = {
        "en": "Half of the photos are in the table twice. What does that do to the accuracy on the test?",
        "ja": "半分の画像が表に 2 回ずつ入っています。テストの正解率はどうなるでしょうか。",
    }
    choices = {
        "rises": {"en": "It rises by more than a point", "ja": "1 ポイントより大きく上がる"},
        "same": {"en": "It stays about the same", "ja": "ほぼ変わらない"},
        "falls": {"en": "It falls by more than a point", "ja": "1 ポイントより大きく下がる"},
    }
    see = {
        "en": "With the solar cells it rises, and nothing has become better: there is not one new photo. A part of the test was in "
        "train.",
        "ja": "太陽電池セルでは上がりますが、何も良くなっていません。新しい画像は 1 枚もなく、テストの一部が訓練用に入っていただけです。",
    }


class RandomOrLot(Guess):
    """New lots are harder than new photos of known lots."""

    id = "05-random-or-lot"
    ask = {"en": "Which folds give the higher accuracy?", "ja": "正解率が高くなるのはどちらの分け方でしょうか。"}
    choices = {
        "random": {"en": "The random folds, by more than a point", "ja": "ランダムな分け方（1 ポイントより大きく）"},
        "same": {"en": "Neither, they are about the same", "ja": "ほぼ同じ"},
        "lot": {"en": "The folds by lot, by more than a point", "ja": "ロット別の分け方（1 ポイントより大きく）"},
    }
    see = {
        "en": "For the solar cells the random folds are higher with each seed. These points are no skill: the probe knew the modules. "
        "The factory will see something like the lower number, or less, because our lots are only an approximation.",
        "ja": "太陽電池セルでは、どのシードでもランダムな分け方のほうが高くなります。その差は実力ではなく、モジュールを知っていたためです。"
        "工場で得られるのは低いほうの数字に近く、ロットは近似にすぎないので、さらに低いかもしれません。",
    }
