"""Tasks and guesses of lesson 4: exploring the collected data."""

import numpy as np
import pandas as pd

from course_lib.quiz import Guess, NotYet, Task


class Baseline(Task):
    """The commonest answer need not be the one of the functional cells."""

    id = "04-baseline"
    objective = "measure-balance"
    defines = "baseline"
    prompt_ja = (
        "**課題 1：単純なベースライン。** いちばん多いクラスをいつも答えたときの正解率（0 から 1）を返す `baseline` を書いてください。"
        '`labels` は `index["label"]` のような表の列です。不良品のほうが多いフォルダーでも正しく動くようにします。'
    )
    stub = '''
def baseline(labels):
    """The accuracy of always giving the commonest label, from 0 to 1."""
    ...
'''
    why = {
        "en": "Every accuracy is judged against this number, and it comes from the folder, not from the model.",
        "ja": "どんな正解率もこの数と比べて初めて意味を持ちます。これはモデルではなくフォルダーで決まります。",
    }
    hints = (
        {
            "en": "`labels.value_counts()` counts each label. Which of the counts is right as often as possible?",
            "ja": "`labels.value_counts()` で各ラベルの枚数が分かります。最も多く当たるのはどの枚数でしょうか。",
        },
        {
            "en": "The largest count, divided by the number of all photos, `len(labels)`.",
            "ja": "いちばん大きい枚数を、全体の枚数 `len(labels)` で割ります。",
        },
    )
    solution = """
def baseline(labels):
    return labels.value_counts().max() / len(labels)
"""
    wrong = (
        ('def baseline(labels):\n    return (labels == "functional").mean()', "another class is the commonest"),
        ("def baseline(labels):\n    return labels.value_counts().max()", "a count"),
        ("def baseline(labels):\n    return labels.value_counts(normalize=True).min()", "the rarest"),
        ("def baseline(labels):\n    return labels.value_counts(normalize=True)", "one number"),
        ("def baseline(labels):\n    return 100 * labels.value_counts(normalize=True).max()", "from 0 to 1"),
        ("def baseline(labels):\n    return 1 / labels.nunique()", "equally often"),
        ("def baseline(labels):\n    return labels.value_counts(normalize=True).iloc[-1]", "the rarest"),
    )

    def check(self, baseline):
        """Three columns: functional is common, functional is rare, three classes."""
        common = pd.Series(["functional"] * 7 + ["defective"] * 3)
        found = baseline(common)
        if np.ndim(found) > 0:
            raise NotYet(
                "`baseline` must return one number, not one for each class: which of them?",
                "クラスごとではなく、1 つの数を返してください。どれでしょうか。",
            )
        mistakes = (
            (7, "That is a count of photos. Divide it by the number of all photos.", "それは枚数です。全体の枚数で割ってください。"),
            (70, "Give the share from 0 to 1, not in percent.", "パーセントではなく、0 から 1 の割合で返してください。"),
            (0.3, "That is the share of the rarest label. The commonest one is right most often.", "それは最も少ないラベルの割合です。いちばん多く当たるのは、最も多いラベルです。"),
            (0.5, "That would be so if all classes occurred equally often. Count them.", "0.5 になるのは、すべてのクラスが同数のときだけです。数えてください。"),
        )  # fmt: skip
        for value, en, ja in mistakes:
            if isinstance(found, int | float | np.number) and np.isclose(found, value):
                raise NotYet(en, ja)
        self.expect(
            found, 0.7, "For 7 functional and 3 defective photos", "良品 7 枚、不良品 3 枚に対し", tolerance=1e-6
        )
        rare = pd.Series(["functional"] * 2 + ["defective"] * 8)
        if np.isclose(baseline(rare), 0.2):
            raise NotYet(
                "For 2 functional and 8 defective photos `baseline` gave 0.2. There another class is the commonest: let "
                "the labels say which one it is.",
                "良品 2 枚、不良品 8 枚では 0.2 になりました。この場合、最も多いのは別のクラスです。どのクラスかはラベルから求めてください。",
            )
        self.expect(
            baseline(rare),
            0.8,
            "For 2 functional and 8 defective photos",
            "良品 2 枚、不良品 8 枚に対し",
            tolerance=1e-6,
        )
        three = pd.Series(["good", "scratch", "dent", "scratch"])
        self.expect(baseline(three), 0.5, "For three classes", "3 クラスに対し", tolerance=1e-6)


class RunLengths(Task):
    """Count how long it stays the same, and do not forget the end."""

    id = "04-run-lengths"
    objective = "recognise-lots"
    defines = "run_lengths"
    prompt_ja = (
        "**課題 2：同じ種類が続く長さ。** ファイル順のセルの種類のリスト `types` を受け取り、同じ種類が続く長さを順に並べたリストを返す "
        '`run_lengths` を書いてください。`["mono", "mono", "poly", "mono"]` なら `[2, 1, 1]` です。'
    )
    stub = '''
def run_lengths(types):
    """How many equal types follow each other, for each run: a list of numbers."""
    ...
'''
    why = {
        "en": "The order of files is a fact that nobody wrote down, and now you can read it.",
        "ja": "ファイルの並び順は、誰も書き残さなかった事実です。それが読めるようになりました。",
    }
    hints = (
        {
            "en": "Go through `types` and keep the type before in mind. Is this one the same? Then the last run grows by one.",
            "ja": "`types` を順に見て、直前の種類を覚えておきます。同じなら、最後の連続が 1 つ長くなります。",
        },
        {
            "en": "If it is another type, a new run begins: `lengths.append(1)`. If not: `lengths[-1] += 1`.",
            "ja": "違う種類なら新しい連続が始まります：`lengths.append(1)`。同じなら `lengths[-1] += 1` です。",
        },
        {
            "en": "Begin with `lengths, before = [], None`, and end each round of the loop with `before = kind`.",
            "ja": "`lengths, before = [], None` から始め、ループの最後で `before = kind` とします。",
        },
    )
    solution = """
def run_lengths(types):
    lengths, before = [], None
    for kind in types:
        if kind == before:
            lengths[-1] += 1
        else:
            lengths.append(1)
        before = kind
    return lengths
"""
    wrong = (
        (
            "from collections import Counter\ndef run_lengths(types):\n    return list(Counter(types).values())",
            "the same type comes back",
        ),
        (
            "def run_lengths(types):\n    lengths, count = [], 1\n    for before, kind in zip(types, types[1:]):\n"
            "        if kind == before:\n            count += 1\n        else:\n            lengths.append(count)\n"
            "            count = 1\n    return lengths",
            "left out the last run",
        ),
        (
            "def run_lengths(types):\n    lengths, before = [], None\n    for kind in types:\n"
            "        if kind == before:\n            lengths[-1] += 1\n        else:\n            lengths.append(0)\n"
            "        before = kind\n    return lengths",
            "one too few",
        ),
        (
            "def run_lengths(types):\n    lengths, count = [], 1\n    for before, kind in zip(types, types[1:]):\n"
            "        if kind == before:\n            count += 1\n        else:\n            lengths.append(count)\n"
            "    return lengths + [count]",
            "begin again at 1",
        ),
        (
            "from collections import Counter\ndef run_lengths(types):\n    return dict(Counter(types))",
            "the same type comes back",
        ),
        (
            "def run_lengths(types):\n    return sum(a != b for a, b in zip(types, types[1:])) + 1",
            "how many runs there are",
        ),
        (
            "from itertools import groupby\ndef run_lengths(types):\n    return [kind for kind, run in groupby(types)]",
            "types of the runs",
        ),
    )

    def check(self, run_lengths):
        """One list with runs of 3, 1, 2 and 1; a single run; two more."""
        types = ["mono", "mono", "mono", "poly", "mono", "mono", "poly"]
        found = run_lengths(types)
        mistakes = (
            (4, "That is how many runs there are. Give the length of each.", "それは連続の個数です。それぞれの長さを返してください。"),
            ([5, 2], "That is how many photos each type has. But the same type comes back later, and then it is a new run.", "それは種類ごとの枚数です。同じ種類が後でまた現れたら、新しい連続として数えます。"),
            ({"mono": 5, "poly": 2}, "That is how many photos each type has. But the same type comes back later, and then it is a new run.", "それは種類ごとの枚数です。同じ種類が後でまた現れたら、新しい連続として数えます。"),
            ([3, 3, 4, 4], "The count goes on from the run before. When the type changes, begin again at 1.", "前の連続の数を引き継いでいます。種類が変わったら、1 から数え直してください。"),
            ([3, 1, 2], "You left out the last run: after it no other type follows that could end it.", "最後の連続がありません。その後には、終わりを告げる別の種類が来ないからです。"),
            ([2, 0, 1, 0], "Each run is one too few: the first photo of a run counts, too.", "どの連続も 1 つ少なくなっています。連続の最初の 1 枚も数えます。"),
            (["mono", "poly", "mono", "poly"], "These are the types of the runs. Give their lengths.", "それは連続の種類です。長さを返してください。"),
        )  # fmt: skip
        for value, en, ja in mistakes:
            if type(found) is type(value) and found == value:
                raise NotYet(en, ja)
        self.expect(
            found, [3, 1, 2, 1], "For mono, mono, mono, poly, mono, mono, poly",
            "mono, mono, mono, poly, mono, mono, poly に対し",
        )  # fmt: skip
        self.expect(run_lengths(["poly"] * 4), [4], "For four times poly", "poly が 4 つに対し")


class Lots(Task):
    """Count within each type, not over all files."""

    id = "04-lots"
    objective = "recognise-lots"
    defines = "lots"
    prompt_ja = (
        "**課題 3：ロット。** ファイル順の種類のリスト `types` から、画像ごとのロット名のリストを返す `lots` を書いてください。"
        '種類ごとに数え、`size` 枚ずつをまとめます。mono の最初の 60 枚は `"mono-00"`、次の 60 枚は `"mono-01"` です。'
        '名前は `f"{kind}-{number:02}"` で作れます。'
    )
    stub = '''
def lots(types, size):
    """The lot of each photo: blocks of `size` photos of one type, in file order."""
    names = []
    ...
    return names
'''
    why = {
        "en": "From an order of files, a lot number has become a column that every later step can use.",
        "ja": "ファイルの並び順から、後のどの段階でも使えるロット番号の列ができました。",
    }
    hints = (
        {
            "en": "For each photo: how many of its type came before it? `count = dict.fromkeys(types, 0)` before the loop, and `count[kind] += 1` after each photo, keep the number.",
            "ja": "同じ種類の画像がそれまでに何枚あったか。ループの前に `count = dict.fromkeys(types, 0)` とし、1 枚ごとに `count[kind] += 1` とすれば分かります。",
        },
        {
            "en": "`count[kind] // size` is the number of the block: 0 for the first `size` photos, then 1. (`//` divides and "
            "drops the rest.)",
            "ja": "`count[kind] // size` がブロック番号です。最初の `size` 枚が 0、次が 1 です（`//` は余りを捨てる割り算）。",
        },
        {
            "en": 'In the loop: `names.append(f"{kind}-{count[kind] // size:02}")`, and then `count[kind] += 1`.',
            "ja": 'ループの中は `names.append(f"{kind}-{count[kind] // size:02}")`、続けて `count[kind] += 1` です。',
        },
    )
    solution = """
def lots(types, size):
    count, names = dict.fromkeys(types, 0), []
    for kind in types:
        names.append(f"{kind}-{count[kind] // size:02}")
        count[kind] += 1
    return names
"""
    wrong = (
        (
            'def lots(types, size):\n    return [f"{kind}-{place // size:02}" for place, kind in enumerate(types)]',
            "counted over all files",
        ),
        (
            "def lots(types, size):\n    count, names = dict.fromkeys(types, 0), []\n    for kind in types:\n"
            '        count[kind] += 1\n        names.append(f"{kind}-{count[kind] // size:02}")\n    return names',
            "one photo too early",
        ),
        (
            "def lots(types, size):\n    count, names = dict.fromkeys(types, 0), []\n    for kind in types:\n"
            '        names.append(f"{kind}-{count[kind] % size:02}")\n        count[kind] += 1\n    return names',
            "place inside the lot",
        ),
        (
            "def lots(types, size):\n    count, names = dict.fromkeys(types, 0), []\n    for kind in types:\n"
            '        names.append(f"{kind}-{count[kind] // 60:02}")\n        count[kind] += 1\n    return names',
            "`size` says how many",
        ),
        (
            "def lots(types, size):\n    count, names = dict.fromkeys(types, 0), []\n    for kind in types:\n"
            '        names.append(f"{kind}-{count[kind] / size:02}")\n        count[kind] += 1\n    return names',
            "`//`",
        ),
        (
            "def lots(types, size):\n    names = []\n    for kind in types:\n        name = kind\n    return names",
            "still empty",
        ),
        (
            "def lots(types, size):\n    count, names = dict.fromkeys(types, 0), []\n    for kind in types:\n"
            '        names.append(f"{kind}-{count[kind] // size}")\n        count[kind] += 1\n    return names',
            "two digits",
        ),
        (
            "def lots(types, size):\n    count, names = dict.fromkeys(types, 0), []\n    for kind in types:\n"
            "        names.append(count[kind] // size)\n        count[kind] += 1\n    return names",
            "name of its type",
        ),
    )

    def check(self, lots):
        """Blocks of two, with a photo of the other type between."""
        types = ["mono", "mono", "mono", "poly", "mono", "poly", "poly"]
        wanted = ["mono-00", "mono-00", "mono-01", "poly-00", "mono-01", "poly-00", "poly-01"]
        found = lots(types, 2)
        if found == []:
            raise NotYet(
                "`names` is still empty at the end: put the lot of each photo into it with `names.append(…)`.",
                "`names` が最後まで空のままです。画像ごとに `names.append(…)` でロット名を加えてください。",
            )
        if isinstance(found, list) and all(isinstance(name, int) for name in found):
            raise NotYet(
                "The number alone is not enough, because both types have a lot 0: put the name of its type before it.",
                "番号だけでは足りません。どちらの種類にもロット 0 があるので、前に種類の名前を付けてください。",
            )
        mistakes = (
            (["mono-00", "mono-00", "mono-01", "poly-01", "mono-02", "poly-02", "poly-03"],
             "The photos were counted over all files. Count each type by itself: the first poly cell belongs to poly-00.",
             "全ファイルを通して数えています。種類ごとに数えてください。最初の poly は poly-00 です。"),
            (["mono-00", "mono-01", "mono-01", "poly-00", "mono-02", "poly-01", "poly-01"],
             "Each lot begins one photo too early: name the photo first, and count it afterwards.",
             "どのロットも 1 枚早く始まっています。先に名前を付け、その後で数えてください。"),
            (["mono-00", "mono-01", "mono-00", "poly-00", "mono-01", "poly-01", "poly-00"],
             "That is the place inside the lot, not the number of the lot: `%` gives the rest of a division.",
             "それはロットの中での位置で、ロットの番号ではありません。`%` は割り算の余りです。"),
            ([name.replace("-0", "-") for name in wanted],
             "The numbers need two digits, mono-00 and not mono-0, so that they also sort well: `{number:02}`.",
             "番号は mono-0 ではなく mono-00 のように 2 桁にします。並べ替えても順序が崩れません：`{number:02}`。"),
            (["mono-00", "mono-00", "mono-00", "poly-00", "mono-00", "poly-00", "poly-00"],
             "With a size of 2, all seven photos ended up in two lots: `size` says how many photos one lot holds.",
             "size が 2 なのに、7 枚が 2 つのロットに入っています。1 ロットの枚数は `size` で決まります。"),
        )  # fmt: skip
        for value, en, ja in mistakes:
            if isinstance(found, list) and found == value:
                raise NotYet(en, ja)
        if isinstance(found, list) and any("." in str(name) for name in found):
            raise NotYet(
                f"The second lot is called {found[1]!r}: a lot number has no decimals. `//` divides and drops the rest.",
                f"2 番目が {found[1]!r} になっています。ロット番号に小数はありません。`//` は余りを捨てて割ります。",
            )
        self.expect(
            found, wanted, "For mono, mono, mono, poly, mono, poly, poly and a size of 2",
            "mono, mono, mono, poly, mono, poly, poly とサイズ 2 に対し",
        )  # fmt: skip
        self.expect(lots(["poly"] * 4, 3), ["poly-00"] * 3 + ["poly-01"], "For four times poly and a size of 3", "poly 4 枚とサイズ 3 に対し")  # fmt: skip


class DarkerShare(Task):
    """Compare pairs, all of them, and let equal ones count half."""

    id = "04-darker-share"
    objective = "test-inside-lots"
    defines = "darker_share"
    prompt_ja = (
        "**課題 4：暗いほうが不良品か。** 不良品の明るさの配列 `defective` と良品の明るさの配列 `functional` を受け取り、"
        "両方から 1 枚ずつ取ったすべての組のうち、不良品のほうが暗い組の割合を返す `darker_share` を書いてください。"
        "同じ明るさの組は半分と数えます。"
    )
    stub = '''
def darker_share(defective, functional):
    """In which share of all pairs is the defective photo darker? Equal ones count half."""
    ...
'''
    given = "import numpy as np"
    why = {
        "en": "One number now says how far a rule gets: 0.5 is a coin, 1 is always right.",
        "ja": "規則がどこまで通用するかを 1 つの数で言えるようになりました。0.5 なら偶然と同じ、1 なら常に正解です。",
    }
    hints = (
        {
            "en": "Take one defective value: `value < functional` is True for each functional photo that is brighter. What is "
            "the mean of these?",
            "ja": "不良品の値を 1 つ取ると、`value < functional` は、より明るい良品ごとに True になります。その平均は何でしょうか。",
        },
        {
            "en": "For one value: `(value < functional).mean() + (value == functional).mean() / 2`.",
            "ja": "1 つの値については `(value < functional).mean() + (value == functional).mean() / 2` です。",
        },
        {
            "en": "Do this in a loop over `defective`, collect the results in a list, and return `np.mean` of the list.",
            "ja": "`defective` についてループし、結果をリストに集めて、その `np.mean` を返します。",
        },
    )
    solution = """
def darker_share(defective, functional):
    shares = []
    for value in defective:
        shares.append((value < functional).mean() + (value == functional).mean() / 2)
    return np.mean(shares)
"""
    wrong = (
        (
            "def darker_share(defective, functional):\n    return float(defective.mean() < functional.mean())",
            "two means",
        ),
        (
            "def darker_share(defective, functional):\n"
            "    return np.mean([d < f for d, f in zip(defective, functional)])",
            "first with the first",
        ),
        (
            "def darker_share(defective, functional):\n"
            "    return np.mean([(value < functional).mean() for value in defective])",
            "equally bright",
        ),
        (
            "def darker_share(defective, functional):\n"
            "    return np.mean([(value <= functional).mean() for value in defective])",
            "count half",
        ),
        (
            "def darker_share(defective, functional):\n    return np.mean([(value > functional).mean() + "
            "(value == functional).mean() / 2 for value in defective])",
            "brighter",
        ),
        (
            "def darker_share(defective, functional):\n    return sum((value < functional).sum() + "
            "(value == functional).sum() / 2 for value in defective)",
            "no share",
        ),
    )

    def check(self, darker_share):
        """Three against four values with one tie: 8 of 12 pairs darker, one equal."""
        defective, functional = np.array([10.0, 40.0, 30.0]), np.array([60.0, 20.0, 40.0, 50.0])
        found = darker_share(defective, functional)
        mistakes = (
            (1.0, "Only two means were compared. Compare every defective photo with every functional one.", "平均どうしを比べただけです。すべての不良品を、すべての良品と比べてください。"),
            (2 / 3, "Only the first with the first, the second with the second was compared. A pair is any defective photo with any functional one: 12 pairs here.", "1 番目どうし、2 番目どうしだけを比べています。組とは、任意の不良品と任意の良品です（ここでは 12 組）。"),
            (9 / 12, "A pair that is equally bright was left out, or is missing half a point: it must count half.", "同じ明るさの組が数えられていません。半分として数えてください。"),
            (10 / 12, "A pair that is equally bright was taken for darker. It must count half.", "同じ明るさの組を「暗い」と数えています。半分として数えてください。"),
            (1 - 9.5 / 12, "That is the share in which the defective photo is brighter.", "それは不良品のほうが明るい組の割合です。"),
        )  # fmt: skip
        for value, en, ja in mistakes:
            if isinstance(found, int | float | np.number) and np.isclose(found, value):
                raise NotYet(en, ja)
        if isinstance(found, int | float | np.number) and found > 1:
            raise NotYet(
                f"{found:.4g} is more than 1, so it is no share. Divide the count by the number of all pairs, 3 times 4 here.",
                f"{found:.4g} は 1 を超えているので割合ではありません。すべての組の数（ここでは 3 × 4）で割ってください。",
            )
        self.expect(
            found, 9.5 / 12, "For defective photos of 10, 40 and 30 and functional ones of 60, 20, 40 and 50",
            "不良品 10、40、30、良品 60、20、40、50 に対し", tolerance=1e-6,
        )  # fmt: skip
        same = np.full(3, 7.0)
        self.expect(
            darker_share(same, same), 0.5, "For photos that are all equal", "すべて同じ明るさに対し", tolerance=1e-6
        )


class CountAlike(Task):
    """Shift a table against itself and look at rows that meet."""

    id = "04-count-alike"
    objective = "inspect-photos"
    defines = "count_alike"
    prompt_ja = (
        "**課題 5：2 回撮影された画像を探す。** `patterns` は画像ごとに 1 行で、2 行の積の和が類似度です。各画像を `offset` 枚後の画像と比べ、"
        "類似度が 0.98 を超える組の数を返す `count_alike` を書いてください。"
    )
    stub = '''
def count_alike(patterns, offset):
    """How many photos have a similarity above 0.98 to the photo `offset` places later?"""
    ...
'''
    given = "import numpy as np"
    why = {
        "en": "A second photo of the same part hides from every check of bytes and names. Order gave it away.",
        "ja": "同じ部品の 2 枚目は、バイトやファイル名を調べても見つかりません。手がかりは並び順でした。",
    }
    hints = (
        {
            "en": "`patterns[offset:]` are the rows from `offset` on. The rows that have a partner there are `patterns[:-offset]`.",
            "ja": "`patterns[offset:]` は offset 番目以降の行です。そこに相手がいる行は `patterns[:-offset]` です。",
        },
        {
            "en": "`(a * b).sum(axis=1)` multiplies two tables of the same shape and adds up each row: one similarity for each "
            "pair.",
            "ja": "`(a * b).sum(axis=1)` は、同じ形の 2 つの表を掛け、行ごとに足します。組ごとに 1 つの類似度になります。",
        },
        {"en": "Count with `(… > 0.98).sum()`.", "ja": "`(… > 0.98).sum()` で数えます。"},
    )
    solution = """
def count_alike(patterns, offset):
    similarity = (patterns[:-offset] * patterns[offset:]).sum(axis=1)
    return (similarity > 0.98).sum()
"""
    wrong = (
        (
            "def count_alike(patterns, offset):\n    similarity = (patterns * patterns[offset:]).sum(axis=1)\n"
            "    return (similarity > 0.98).sum()",
            "the last ones have no partner",
        ),
        (
            "def count_alike(patterns, offset):\n"
            "    similarity = (patterns * np.roll(patterns, -offset, axis=0)).sum(axis=1)\n"
            "    return (similarity > 0.98).sum()",
            "begins again",
        ),
        (
            "def count_alike(patterns, offset):\n    return (patterns[:-offset] * patterns[offset:] > 0.98).sum()",
            "add up",
        ),
        (
            "def count_alike(patterns, offset):\n"
            "    return ((patterns[:-offset] * patterns[offset:]).sum(axis=1) > 0.98).mean()",
            "a share",
        ),
        (
            "def count_alike(patterns, offset):\n"
            "    return (patterns[:-offset] * patterns[offset:]).sum(axis=1) > 0.98",
            "for each pair",
        ),
        (
            "def count_alike(patterns, offset):\n    return (patterns @ patterns.T > 0.98).sum()",
            "every photo with every other",
        ),
    )

    def check(self, count_alike):
        """Nine rows of length 1; rows 0 and 1 come back three places later, and row 8 equals row 2."""
        rows = np.array([0, 1, 2, 0, 1, 5, 6, 7, 2])
        patterns = 0.6 * np.eye(9)[rows] + 0.8 * np.eye(9)[rows + 1]
        try:
            found = count_alike(patterns, 3)
        except NotYet as stopped:
            if "ValueError" not in stopped.en:
                raise
            raise NotYet(
                "The two tables have different numbers of rows: the last ones have no partner `offset` places later. Leave "
                "them out of the first table.",
                "2 つの表の行数が違います。最後のほうの画像には `offset` 枚後の相手がいません。最初の表から除いてください。",
            ) from None
        if np.shape(found) != ():
            raise NotYet(
                "There is an answer for each pair, True or False. Count those that are True: `.sum()`.",
                "組ごとに True か False の答えになっています。True を数えてください：`.sum()`。",
            )
        mistakes = (
            (0, "No pair is found, because single numbers are compared with 0.98. First add up each row of products.", "1 組も見つかりません。数を 1 つずつ 0.98 と比べています。まず積を行ごとに足してください。"),
            (3, "One pair too many: for the last photos the table begins again at the start, and these pairs do not lie `offset` places apart.", "1 組多くなっています。最後の画像の相手が先頭に戻っていますが、それは `offset` 枚離れた組ではありません。"),
            (1 / 3, "That is a share of all pairs. Count the pairs.", "それは割合です。組の数を返してください。"),
            (15, "Here every photo with every other one was compared, and with itself. Compare those that lie `offset` places apart.", "すべての画像どうし、さらに自分自身とも比べています。`offset` 枚離れた組だけを比べてください。"),
        )  # fmt: skip
        for value, en, ja in mistakes:
            if isinstance(found, int | float | np.number) and np.isclose(float(found), value):
                raise NotYet(en, ja)
        self.expect(
            found,
            2,
            "For nine photos, two of which come back three places later",
            "9 枚のうち 2 枚が 3 枚後に再び現れる例に対し",
        )
        slightly = np.array([[1.0, 0.0], [0.97, 0.243]])
        self.expect(
            count_alike(slightly, 1), 0, "For two photos with a similarity of 0.97", "類似度 0.97 の 2 枚に対し"
        )


class Decision(Task):
    """Draw the line, and say why."""

    id = "04-decision"
    objective = "decide-defective"
    defines = "decision"
    prompt_ja = (
        "**課題 6：あなたが決める。** 判断に迷う画像をどう扱うかを `follow the experts`（専門家に従う）、`defective`（不良品とする）、"
        "`leave out`（外す）から選び、その理由を 1 文で書いてください。"
    )
    stub = """
decision = {"doubtful_photos": "?", "reason": "?"}
"""
    why = {
        "en": "The one who knows what a mistake costs has drawn the line, and now it is written down.",
        "ja": "判定ミスの損失が分かる人が線を引き、その線が理由とともに記録されました。",
    }
    hints = (
        {
            "en": "All three are right somewhere. What costs your factory more: a missed defect, or a good part thrown away?",
            "ja": "3 つとも、場合によって正解です。工場にとって高くつくのは、見逃しと、良品を捨てることのどちらでしょうか。",
        },
        {
            "en": 'For example `"reason": "a missed defect costs us a whole module"` with `"doubtful_photos": "defective"`. In '
            "your own words, please.",
            "ja": '例：`"doubtful_photos": "defective"` に `"reason": "1 つの見逃しでモジュール全体が無駄になる"`。ご自分の言葉でどうぞ。',
        },
    )
    solution = """
decision = {
    "doubtful_photos": "follow the experts",
    "reason": "The course follows the experts: of two guesses, theirs is the better one.",
}
"""
    wrong = (
        ('decision = {"doubtful_photos": "keep", "reason": "We need every photo there is"}', "one of these three"),
        ('decision = {"doubtful_photos": "defective", "reason": "?"}', "reason is missing"),
        ('decision = {"doubtful_photos": "leave out", "reason": "better"}', "whole sentence"),
        ('decision = {"doubtful_photos": "leave out"}', "reason is missing"),
        ('decision = "leave out"', "dictionary"),
    )

    def check(self, decision):
        """Any of the three, with a reason of some words."""
        if not isinstance(decision, dict):
            raise NotYet(
                "`decision` must stay a dictionary with the two entries; fill in what stands behind the colons.",
                "`decision` は 2 つの項目を持つ辞書のままにし、コロンの後ろだけを書き換えてください。",
            )
        way, reason = decision.get("doubtful_photos"), str(decision.get("reason") or "?").strip()
        if way not in ("follow the experts", "defective", "leave out"):
            raise NotYet(
                f"The doubtful photos are to be '{way}'; write one of these three: follow the experts, defective, leave out.",
                f"doubtful_photos が '{way}' です。follow the experts、defective、leave out のどれかを書いてください。",
            )
        if reason == "?":
            raise NotYet(
                "The reason is missing. In half a year somebody will ask for it, and it may be you.",
                "理由がありません。半年後に誰かが、もしかするとあなた自身が知りたくなります。",
            )
        if len(reason) < 12:
            raise NotYet(
                f"'{reason}' explains little: write a whole sentence that says what a mistake would cost.",
                f"'{reason}' だけでは伝わりません。間違えると何が起きるかを 1 文で書いてください。",
            )


class FileOrder(Guess):
    """Bright stretches and dark ones where an even band was to be expected."""

    id = "04-file-order"
    ask = {
        "en": "If you draw the brightness of the photos over their place in the file order, what will you see?",
        "ja": "画像の明るさをファイル順に並べて描くと、何が見えるでしょうか。",
    }
    choices = {
        "band": {"en": "An even band: the order says nothing about brightness", "ja": "一様な帯。並び順は明るさと関係ない"},
        "zigzag": {"en": "A zigzag: bright and dark photos take turns", "ja": "ぎざぎざ。明るい画像と暗い画像が交互に並ぶ"},
        "stretches": {"en": "Bright stretches and dark stretches: neighbours are alike", "ja": "明るい区間と暗い区間。隣どうしが似ている"},
    }  # fmt: skip
    answer = "stretches"
    see = {
        "en": "Shuffled, the means of 50 photos differ little. In file order they go far up and down: there are stretches of "
        "bright photos and stretches of dark ones. Something changes between them, and no column of the table says what.",
        "ja": "順番を混ぜると、50 枚ごとの平均はあまり変わりません。ファイル順では大きく上下し、明るい画像が続く区間と暗い画像が続く区間が"
        "あります。その間で何かが変わっていますが、表のどの列にも書かれていません。",
    }


class NearestGap(Guess):
    """About a dozen places, where chance gives hundreds."""

    id = "04-nearest-gap"
    ask = {
        "en": "For each of the 2,624 photos we look for the one that resembles it most. How many places away is it in the file "
        "order, for a typical photo (the median)?",
        "ja": "2,624 枚それぞれについて、最もよく似た画像を探します。それはファイル順で何枚離れているでしょうか（中央値）。",
    }
    see = {
        "en": "For half of the photos it lies about a dozen places away or even nearer. A photo drawn at random lies hundreds "
        "of places away. So neighbours in the file order have something in common that you can see.",
        "ja": "半数の画像では、十数枚以内に最も似た画像があります。無作為に選ぶと数百枚離れます。ファイル順で隣り合う画像には、"
        "目に見える共通点があるのです。",
    }


class InsideALot(Guess):
    """Less than half of the effect is left."""

    id = "04-inside-a-lot"
    ask = {
        "en": "In the whole folder the defective cell is the darker one in 75 of 100 pairs; by chance it would be 50. If you only "
        "compare cells of the same lot, in how many of 100 pairs?",
        "ja": "フォルダー全体では、100 組中 75 組で不良品のほうが暗くなりました（偶然なら 50 組）。同じロットのセルだけを比べると、100 組中何組でしょうか。",
    }
    see = {
        "en": "Inside a lot, light and camera are the same, and more than half of the effect is gone. Only "
        "the smaller part can come from the defect.",
        "ja": "同じロットでは照明もカメラも同じです。効果の半分以上が消えました。欠陥そのものに由来し得るのは、残った小さいほうだけです。",
    }


class Outliers(Guess):
    """Nine of ten are the very parts that are looked for."""

    id = "04-outliers"
    unit = "%"
    ask = {
        "en": "Take the 40 photos that resemble no other photo. What share of them is defective? (In the whole folder: 31 %.)",
        "ja": "ほかのどの画像にも似ていない 40 枚のうち、不良品は何 % でしょうか（フォルダー全体では 31 %）。",
    }
    see = {
        "en": "Nearly all of them. A script that deletes outliers would delete the very parts that you look for.",
        "ja": "ほとんどが不良品です。外れ値を自動で削除するスクリプトは、まさに探している部品を捨ててしまいます。",
    }


class PhotographedTwice(Guess):
    """Fifty cells, and no file says so."""

    id = "04-photographed-twice"
    ask = {
        "en": "No two files have the same bytes, and lesson 2 found hardly any near duplicates. How many cells do you think were "
        "photographed twice?",
        "ja": "同じバイト列のファイルはなく、レッスン 2 でもほぼ同じ画像はわずかでした。2 回撮影されたセルはいくつあると思いますか。",
    }
    see = {
        "en": "At one distance there are fifty pairs, one after the other; at any other distance only a handful. Chance does not "
        "look like this: a stretch of one module was photographed twice.",
        "ja": "ある間隔だけに 50 組が連続して並び、ほかの間隔ではわずかです。これは偶然ではありません。1 つのモジュールの一部が 2 回撮影されています。",
    }
