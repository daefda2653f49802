"""Tasks and guesses of lesson 10: improving the transfer model."""

import math

import numpy as np
import torch
from scipy import ndimage
from torch import nn

from course_lib.quiz import Guess, NotYet, Task

SIDE, DRAWS, DARKER = 160, 60, 80  # of the drawn cells: pixels, tries of an augmentation, how dark a defect is


def drawn_cells():
    """A sound cell, and the same with a spot near a corner and with a crack from side to side: uint8 (H, W)."""
    ramp = np.arange(SIDE, dtype=np.uint8) // 8
    sound = 150 + ramp[:, None] + ramp  # brighter towards one corner, so that every flip shows
    sound[50:56] = sound[104:110] = 110  # two bars
    spot, crack = sound.copy(), sound.copy()
    spot[6:18, 136:148] -= DARKER
    for column in range(8, SIDE - 8):
        row = 20 + 3 * column // 4
        crack[row : row + 3, column] -= DARKER
    return sound, spot, crack


def steps_of(transform):
    """The names of all steps of an augmentation, also of those inside another."""
    inner = getattr(transform, "transforms", None)
    return [type(transform).__name__] if inner is None else [name for one in inner for name in steps_of(one)]


class LabelSurvives(Task):
    """A defect must stay in sight and in one piece, whatever is drawn."""

    id = "10-label-survives"
    objective = "explain-augmentation"
    defines = "augmentation"
    prompt_ja = (
        "**課題 1：ラベルが残るデータ拡張。** ラベルを変えずに画像を変化させる `augmentation` を `A.Compose([...])` で書いてください。"
        "変え方は毎回ランダムで、欠陥は隠れても、切り取られても、ばらばらになってもいけません。"
    )
    given = "import albumentations as A"
    stub = "augmentation = A.Compose([])"
    why = {
        "en": "Whoever looks at the changed photo would still give it the same label. That is all an augmentation must guarantee; "
        "whether it helps is another question.",
        "ja": "変化した画像を見ても、人は同じラベルを付けます。データ拡張が守るべきことはこれだけで、役に立つかどうかは別の問題です。",
    }
    hints = (
        {
            "en": "Go through the figure above. Which of the changes leave every defect in sight and in one piece?",
            "ja": "上の図を見てください。どの欠陥も見えたまま、つながったままの変化はどれですか。",
        },
        {
            "en": "`p=0.5` means that a step is done in half of the cases. With `p=1` a photo would be mirrored every time, and the "
            "model would never see it as it is.",
            "ja": "`p=0.5` は「半分の確率で行う」という意味です。`p=1` では毎回必ず反転し、元の向きの画像を一度も見られません。",
        },
        {
            "en": "Mirror it in both directions, `A.HorizontalFlip(p=0.5)` and `A.VerticalFlip(p=0.5)`. A little brightness does no harm "
            "either: `A.RandomBrightnessContrast(0.1, 0.1, p=0.5)`.",
            "ja": "2 方向の反転 `A.HorizontalFlip(p=0.5)` と `A.VerticalFlip(p=0.5)` です。明るさを少し変える "
            "`A.RandomBrightnessContrast(0.1, 0.1, p=0.5)` も加えられます。",
        },
    )
    solution = """
augmentation = A.Compose([
    A.HorizontalFlip(p=0.5),
    A.VerticalFlip(p=0.5),
    A.RandomBrightnessContrast(0.1, 0.1, p=0.5),
])
"""
    _squares = "hole_height_range=(0.5, 0.5), hole_width_range=(0.5, 0.5), fill=0"
    wrong = (
        ("augmentation = A.Compose([A.HorizontalFlip(p=0.5), A.RandomGridShuffle(grid=(3, 3), p=1)])", "torn into"),
        (
            f"augmentation = A.Compose([A.HorizontalFlip(p=0.5), A.CoarseDropout(num_holes_range=(1, 1), {_squares}, p=1)])",
            "a hole hides",
        ),
        ("augmentation = A.Compose([A.RandomResizedCrop((160, 160), scale=(0.2, 0.5), p=1)])", "is cut away"),
        ("augmentation = A.Compose([A.RandomCrop(80, 80, p=1)])", "another size"),
        ("augmentation = A.Compose([A.HorizontalFlip(p=1)])", "the same way every time"),
        ("augmentation = A.Compose([A.HorizontalFlip(p=0), A.VerticalFlip(p=0)])", "changes nothing"),
        (
            "augmentation = A.Compose([A.HorizontalFlip(p=0.5), A.RandomBrightnessContrast((-0.9, 0.9), 0, p=1)])",
            "can no longer be seen",
        ),
        ("augmentation = A.Compose([A.HorizontalFlip(p=0.5), A.Normalize()])", "whole numbers"),
        ("augmentation = [A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5)]", "A.Compose"),
        ("augmentation = A.HorizontalFlip(p=0.5)", "A.Compose"),
    )

    def check(self, augmentation):
        """Change a sound cell and a defective one in the same way; where they differ is the defect."""
        import albumentations

        augmentation = getattr(augmentation, "__wrapped__", augmentation)  # whatever can be called comes wrapped
        if not isinstance(augmentation, albumentations.Compose):
            raise NotYet(
                f"`augmentation` is of the type {type(augmentation).__name__}; put the steps into `A.Compose([...])`.",
                f"`augmentation` の型が {type(augmentation).__name__} です。変化を `A.Compose([...])` の中に並べてください。",
            )
        sound, spot, crack = drawn_cells()
        seen = {name: np.abs(sound.astype(int) - cell) > 0 for name, cell in (("spot", spot), ("crack", crack))}
        lost, torn, pieces, results = 0, 0, 0, set()
        for draw in range(DRAWS):
            first, *others = (self.changed(augmentation, cell, draw) for cell in (sound, spot, crack))
            results.add(first.tobytes())
            found = dict(zip(seen, (np.abs(first - other) > DARKER // 4 for other in others), strict=True))
            lost += any(found[name].sum() < 0.8 * seen[name].sum() for name in seen)
            count = ndimage.label(ndimage.binary_dilation(found["crack"], iterations=3))[1]
            torn, pieces = torn + (count > 1), max(pieces, count)
        if results == {sound.astype(int).tobytes()}:
            raise NotYet(
                f"It changes nothing: {DRAWS} tries gave the photo as it was. Is `p` above 0?",
                f"何も変わりません。{DRAWS} 回試しても元の画像のままです。`p` は 0 より大きいですか。",
            )
        self.refuse(augmentation, lost, torn, pieces)
        if len(results) == 1:
            raise NotYet(
                "It changes a photo the same way every time, so the model sees one fixed version of it again. Leave it to chance, "
                "with `p` between 0 and 1.",
                "毎回同じように変わるので、結局は決まった 1 枚を見せるだけです。`p` を 0 と 1 の間にして、偶然に任せてください。",
            )

    def changed(self, augmentation, cell, seed):
        """One drawn cell, changed with these random numbers; as whole numbers with a sign."""
        augmentation.set_random_seed(seed)
        result = np.asarray(augmentation(image=np.repeat(cell[..., None], 3, axis=2))["image"])
        if result.dtype != np.uint8:
            raise NotYet(
                f"The result has the type {result.dtype}. Leave the pixels whole numbers from 0 to 255 (uint8): the network's own "
                "preprocessing comes afterwards.",
                f"結果の型が {result.dtype} です。0〜255 の整数（uint8）のままにしてください。ネットワークの前処理は後で行われます。",
            )
        if result.shape != (SIDE, SIDE, 3):
            height, width = result.shape[:2]
            raise NotYet(
                f"It gives another size: {SIDE} × {SIDE} pixels became {height} × {width}. All photos of a batch need the same.",
                f"大きさが変わります。{SIDE} × {SIDE} ピクセルが {height} × {width} になりました。バッチの画像は同じ大きさでなければなりません。",
            )
        return result[..., 0].astype(int)

    def refuse(self, augmentation, lost, torn, pieces):
        """Say what became of the defect, and which step may have done it."""
        steps = steps_of(augmentation)
        if torn and "RandomGridShuffle" in steps:
            raise NotYet(
                f"In {torn} of {DRAWS} tries a crack is torn into pieces, up to {pieces} of them. What lies there now is no crack of a "
                "solar cell, and the bars no longer meet.",
                f"{DRAWS} 回中 {torn} 回、1 本のクラックがばらばら（最大 {pieces} 個）になりました。もはや太陽電池のクラックとは言えず、"
                "バスバーもつながりません。",
            )
        if lost and any("Dropout" in name or "Erasing" in name for name in steps):
            raise NotYet(
                f"In {lost} of {DRAWS} tries a hole hides the defect, or a part of it. The label would still say “defective”, about a photo "
                "that shows none.",
                f"{DRAWS} 回中 {lost} 回、穴が欠陥の全部または一部を隠しました。欠陥が写っていない画像に「欠陥」というラベルが残ります。",
            )
        if lost and any(word in name for name in steps for word in ("Crop", "Affine", "Rotate", "Shift", "Scale")):
            raise NotYet(
                f"In {lost} of {DRAWS} tries the defect, or a part of it, is cut away: defects also lie near the edge of a cell.",
                f"{DRAWS} 回中 {lost} 回、欠陥の全部または一部が切り取られました。欠陥はセルの端にもあります。",
            )
        if lost or torn:
            raise NotYet(
                f"In {max(lost, torn)} of {DRAWS} tries a part of the defect can no longer be seen. Make the change weaker.",
                f"{DRAWS} 回中 {max(lost, torn)} 回、欠陥の一部が見えなくなりました。変化を弱くしてください。",
            )


class RateAt(Task):
    """Half a cosine wave, from the highest rate to 0."""

    id = "10-rate-at"
    objective = "tune-training"
    defines = "rate_at"
    prompt_ja = (
        "**課題 2：スケジュール。** あるステップでの学習率を返す `rate_at` を書いてください。ステップ 0 では `highest`、最後の `steps` では 0 で、"
        "その間は余弦（コサイン）の半波に沿って下がります：`highest · (1 + cos(π · step / steps)) / 2`。"
    )
    given = "import numpy as np"
    stub = '''
def rate_at(step, steps, highest):
    """The learning rate at one step of a cosine schedule: highest at step 0, then down to 0 at the end."""
    ...
'''
    why = {
        "en": "One line of school mathematics. It stays high for a while, falls quickly in the middle, and ends gently.",
        "ja": "高校数学の 1 行です。しばらく高いまま進み、中ほどで急に下がり、最後はゆっくり 0 に近づきます。",
    }
    hints = (
        {
            "en": "`step / steps` runs from 0 to 1. Multiplied by `np.pi` it is the angle, from 0 to half a turn.",
            "ja": "`step / steps` は 0 から 1 まで進みます。`np.pi` を掛けると、0 から半回転までの角度になります。",
        },
        {
            "en": "The cosine of that angle runs from 1 to −1. Add 1 and divide by 2, and it runs from 1 to 0.",
            "ja": "その余弦は 1 から −1 まで動きます。1 を足して 2 で割れば、1 から 0 になります。",
        },
    )
    solution = "def rate_at(step, steps, highest):\n    return highest * (1 + np.cos(np.pi * step / steps)) / 2"
    head = "def rate_at(step, steps, highest):\n    return "
    wrong = (
        (head + "highest * np.cos(np.pi * step / steps)", "below 0"),
        (head + "highest * (1 + np.cos(np.pi * step / steps))", "twice as high"),
        (head + "highest * (1 + np.cos(180 * step / steps)) / 2", "in degrees"),
        (head + "highest * (1 - np.cos(np.pi * step / steps)) / 2", "rises"),
        (head + "highest * (1 - step / steps)", "straight line"),
        (head + "highest * 1 + np.cos(np.pi * step / steps) / 2", "brackets"),
        ("def rate_at(step, steps, highest):\n    highest * (1 + np.cos(np.pi * step / steps)) / 2", "behind `return`"),
    )

    def check(self, rate_at):
        """Start, quarter and end of 100 steps with the highest rate 0.002."""
        found = [rate_at(step, 100, 0.002) for step in (0, 25, 50, 100)]
        turn = math.pi / 4
        mistakes = (
            (
                0.002 * math.cos(turn),
                "The cosine alone ends below 0, at −1. Bring it to the range from 1 to 0.",
                "余弦だけでは最後が −1 となり、0 より下に行きます。1 から 0 の範囲に直してください。",
            ),
            (
                0.002 * (1 + math.cos(turn)),
                "It starts twice as high as `highest`.",
                "最初が `highest` の 2 倍になっています。",
            ),
            (
                0.002 * (1 + math.cos(45)) / 2,
                "The angle is given in degrees, but `np.cos` counts in radians: half a turn is `np.pi`.",
                "角度が度数法です。`np.cos` の単位はラジアンなので、半回転は `np.pi` です。",
            ),
            (
                0.002 * (1 - math.cos(turn)) / 2,
                "It rises, from 0 to the highest rate.",
                "0 から上がっています。下げてください。",
            ),
            (
                0.002 * 0.75,
                "That is a straight line. Follow the cosine.",
                "直線になっています。余弦に沿って下げてください。",
            ),
            (
                0.002 + math.cos(turn) / 2,
                "Mind the brackets: 1 and the cosine are added first, then multiplied by `highest`.",
                "かっこに注意してください。先に 1 と余弦を足し、それに `highest` を掛けます。",
            ),
        )
        for value, en, ja in mistakes:
            if isinstance(found[1], float) and abs(found[1] - value) < 1e-9:
                raise NotYet(en, ja)
        wanted = [0.002 * (1 + math.cos(math.pi * part)) / 2 for part in (0, 0.25, 0.5, 1)]
        self.expect(
            found, wanted, "At the steps 0, 25, 50 and 100 of 100", "100 ステップの 0、25、50、100 で", tolerance=1e-9
        )


class MeanOverViews(Task):
    """Four answers, each made a probability, then the mean."""

    id = "10-mean-over-views"
    objective = "tune-training"
    defines = "mean_over_views"
    prompt_ja = (
        "**課題 3：4 つの見方。** 画像をそのまま、左右反転、上下反転、両方の反転の 4 通りでモデルに見せ、確率の平均を返す `mean_over_views` を"
        "書いてください。`images.flip(-1)` は左右、`images.flip(-2)` は上下の反転です。各ロジットを softmax で確率にしてから平均します。"
    )
    given = "import torch"
    copies = False
    stub = '''
def mean_over_views(model, images):
    """Mean of the probabilities for a batch as it is and mirrored in three ways, (N, classes)."""
    ...
'''
    why = {
        "en": "A cell has no top and no bottom, so each of the four answers is as good as the others, and their chance errors partly cancel.",
        "ja": "セルに上下左右の区別はないので、4 つの答えはどれも同じだけ信頼でき、偶然の誤差は平均で一部打ち消し合います。",
    }
    hints = (
        {
            "en": "Make a list of four batches first: `images`, two that are mirrored once, and one that is mirrored twice.",
            "ja": "まず 4 つのバッチのリストを作ります。そのまま、1 回反転したもの 2 つ、2 回反転したもの 1 つです。",
        },
        {
            "en": "`model(view).softmax(dim=1)` are the probabilities of one view. `torch.stack` makes one tensor of four, and "
            "`.mean(dim=0)` is their mean.",
            "ja": "1 つの見方の確率は `model(view).softmax(dim=1)` です。`torch.stack` で 4 つを重ね、`.mean(dim=0)` で平均します。",
        },
    )
    solution = """
def mean_over_views(model, images):
    views = [images, images.flip(-1), images.flip(-2), images.flip(-1, -2)]
    return torch.stack([model(view).softmax(dim=1) for view in views]).mean(dim=0)
"""
    head = "def mean_over_views(model, images):\n    views = [images, images.flip(-1), images.flip(-2), images.flip(-1, -2)]\n"
    wrong = (
        (head + "    return torch.stack([model(view) for view in views]).mean(dim=0)", "logits"),
        (head + "    return torch.stack([model(view) for view in views]).mean(dim=0).softmax(dim=1)", "before you take the mean"),
        (head + "    return sum(model(view).softmax(dim=1) for view in views)", "add up to 4"),
        (
            head.replace(", images.flip(-2), images.flip(-1, -2)", "")
            + "    return torch.stack([model(view).softmax(dim=1) for view in views]).mean(dim=0)",
            "left to right only",
        ),
        (
            head.replace(", images.flip(-1, -2)", "")
            + "    return torch.stack([model(view).softmax(dim=1) for view in views]).mean(dim=0)",
            "in both ways at once",
        ),
        (
            head.replace("images.flip(-1), images.flip(-2), images.flip(-1, -2)", "*(images.rot90(k, (-2, -1)) for k in (1, 2, 3))")
            + "    return torch.stack([model(view).softmax(dim=1) for view in views]).mean(dim=0)",
            "quarter turns",
        ),
        (head + "    return torch.stack([model(view).softmax(dim=0) for view in views]).mean(dim=0)", "over the photos"),
        (head + "    return model(torch.stack(views).mean(dim=0)).softmax(dim=1)", "one blurred photo"),
        (head + "    for view in views:\n        return model(view).softmax(dim=1)", "the photo as it is"),
        ("def mean_over_views(model, images):\n    return (model(images) + model(images.flip(-1))) / 2", "no probabilities"),
    )  # fmt: skip

    def check(self, mean_over_views):
        """A small model whose answer depends on where each pixel lies."""
        generator = torch.Generator().manual_seed(0)
        images = torch.randn(3, 2, 4, 4, generator=generator)
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(32, 8), nn.Tanh(), nn.Linear(8, 2)).eval()
        with torch.no_grad():
            model[3].weight *= 6
            found = mean_over_views(model, images)
            if not isinstance(found, torch.Tensor) or found.shape != (3, 2):
                shape = tuple(getattr(found, "shape", ()))
                raise NotYet(
                    f"For 3 photos and 2 classes the result should be a tensor (3, 2); yours has the shape {shape}.",
                    f"画像 3 枚、2 クラスでは、結果は (3, 2) のテンソルです。形が {shape} になっています。",
                )
            both = [images, images.flip(-1), images.flip(-2), images.flip(-1, -2)]
            logits = torch.stack([model(view) for view in both])
            turned = torch.stack([model(images.rot90(number, (-2, -1))).softmax(dim=1) for number in range(4)])
            mixed = model(torch.stack(both).mean(dim=0)).softmax(dim=1)
        said = logits.softmax(dim=2)
        mistakes = (
            (logits.mean(dim=0), "Those are logits. Make each answer a probability with `softmax(dim=1)` first.", "それはロジットです。先に `softmax(dim=1)` で確率にしてください。"),
            (logits.mean(dim=0).softmax(dim=1), "The mean is taken of the logits. Make each answer a probability before you take the mean, so that one very large logit does not outvote the other views.", "ロジットを平均しています。1 つの極端なロジットに引きずられないよう、平均の前に確率にしてください。"),
            (said.sum(dim=0), "The numbers of a photo add up to 4: that is the sum of four answers. Take the mean.", "1 枚の画像の数が合計 4 になっています。合計ではなく平均にしてください。"),
            (said[:2].mean(dim=0), "The photos are mirrored left to right only. Mirror them top to bottom as well, and in both ways at once.", "左右の反転だけです。上下の反転と、両方の反転も加えてください。"),
            (said[:3].mean(dim=0), "One view is missing: mirrored in both ways at once.", "両方向に反転した見方が抜けています。"),
            (turned.mean(dim=0), "Those are quarter turns, in which the bars stand upright. Mirror the photos instead.", "それは 90 度の回転で、バスバーが縦になってしまいます。回転ではなく反転してください。"),
            (logits.softmax(dim=1).mean(dim=0), "The softmax runs over the photos. It should run over the classes: `dim=1`.", "softmax が画像の方向にかかっています。クラスの方向（`dim=1`）にしてください。"),
            (mixed, "The four views were averaged to one blurred photo. Let the model answer four times, and average the answers.", "画像の方を平均してしまっています。モデルに 4 回答えさせ、その答えを平均してください。"),
            (said[0], "That is the answer for the photo as it is; the three mirrored views are missing.", "元の画像の答えだけです。反転した 3 つの見方が入っていません。"),
        )  # fmt: skip
        for value, en, ja in mistakes:
            if torch.allclose(found, value, atol=1e-5):
                raise NotYet(en, ja)
        if not torch.allclose(found.sum(dim=1), torch.ones(3), atol=1e-4):
            raise NotYet(
                f"The numbers of a photo add up to {found[0].sum():.2f}, so they are no probabilities. `softmax(dim=1)` makes some of logits.",
                f"1 枚の画像の数の合計が {found[0].sum():.2f} で、確率になっていません。ロジットは `softmax(dim=1)` で確率にします。",
            )
        self.expect(found.detach(), said.mean(dim=0), "For 3 photos", "画像 3 枚に対し", tolerance=1e-4)


class ToShip(Task):
    """The simplest one, unless a later one is better beyond doubt."""

    id = "10-to-ship"
    objective = "judge-gain"
    defines = "to_ship"
    prompt_ja = (
        "**課題 4：どれを出荷するか。** ルールを関数 `to_ship` にしてください。`right` は、名前 → 画像ごとの正誤（1/0）の辞書で、単純なものから順に"
        "並んでいます。最初のものを選んでおき、次のものは、いま選んでいるものとの差の区間が全部 0 より上のときだけ、代わりに選びます。"
        "`ahead(first, second)` が、1 番目がどれだけ上かを `差, 下端, 上端` で返します。結果は名前です。"
    )
    given = """
import numpy as np
def ahead(first, second):
    differences = first - second
    margin = 1.96 * differences.std() / np.sqrt(len(differences))
    return differences.mean(), differences.mean() - margin, differences.mean() + margin
"""
    stub = '''
def to_ship(right):
    """The name of the inspector to ship; right: name → 1 or 0 for each photo, the simplest first."""
    ...
'''
    why = {
        "en": "The rule was fixed before the result was known. So nobody can bend it afterwards, not even you.",
        "ja": "ルールは結果を知る前に決めました。だから後から都合よく曲げることは、誰にも（あなた自身にも）できません。",
    }
    hints = (
        {
            "en": "`names = list(right)` are the names in order. Start with `chosen = names[0]`, and go through the others in a loop.",
            "ja": "`names = list(right)` で名前が順に並びます。`chosen = names[0]` から始め、残りをループでたどります。",
        },
        {
            "en": "`difference, low, high = ahead(right[name], right[chosen])`: which of the three numbers must lie above 0, so that the "
            "whole interval does?",
            "ja": "`difference, low, high = ahead(right[name], right[chosen])` です。区間が全部 0 より上になるのは、3 つのうちどれが 0 より上のときですか。",
        },
    )
    solution = """
def to_ship(right):
    names = list(right)
    chosen = names[0]
    for name in names[1:]:
        difference, low, high = ahead(right[name], right[chosen])
        if low > 0:
            chosen = name
    return chosen
"""
    head = "def to_ship(right):\n    names = list(right)\n    chosen = names[0]\n    for name in names[1:]:\n"
    tail = "            chosen = name\n    return chosen"
    wrong = (
        ("def to_ship(right):\n    return max(right, key=lambda name: right[name].mean())", "by chance"),
        (head + "        if ahead(right[name], right[chosen])[0] > 0:\n" + tail, "by chance"),
        (head + "        if ahead(right[name], right[chosen])[2] > 0:\n" + tail, "upper end"),
        (head + "        if ahead(right[chosen], right[name])[1] > 0:\n" + tail, "the wrong way round"),
        (
            "def to_ship(right):\n    names = list(right)\n    chosen = names[0]\n"
            "    for before, name in zip(names, names[1:]):\n        if ahead(right[name], right[before])[1] > 0:\n" + tail,
            "not with its neighbour",
        ),
        (head + "        if ahead(right[name], right[names[0]])[1] > 0:\n" + tail, "not with the first"),
        (head + "        if ahead(right[name], right[chosen])[1] > 0:\n            return name\n    return chosen", "first one that"),
        (
            head + "        if ahead(right[name], right[chosen])[1] > 0:\n            chosen = right[name]\n    return chosen",
            "stopped",
        ),
    )  # fmt: skip

    def check(self, to_ship):
        """Lists of 400 photos, of which the first so many are right."""

        def first(count):
            return (np.arange(400) < count).astype(float)

        cases = (
            ({"simple": first(300), "larger": first(303)}, "simple", "The larger one is right on 3 photos more of 400. That may be by chance: the interval of the difference reaches down to 0 or below.", "大きいモデルの方が 400 枚中 3 枚多く正解しただけです。差の区間は 0 以下に届くので、偶然かもしれません。"),
            ({"simple": first(340), "worse": first(300), "no better": first(341)}, "simple", "The third one is better than the second beyond doubt, but not than the chosen one. Compare with what is chosen, not with its neighbour.", "3 番目は 2 番目より確かに良いものの、いま選んでいるものより良いとは言えません。隣ではなく、選んでいるものと比べてください。"),
            ({"simple": first(300), "better": first(340), "a little less": first(320)}, "better", "The last one is better than the first, but worse than what was chosen meanwhile. Compare with that, not with the first.", "最後のものは最初のものより良くても、途中で選んだものより劣ります。最初のものではなく、選んでいるものと比べてください。"),
            ({"simple": first(300), "better": first(330), "best": first(360)}, "best", "You took the first one that beat the simplest. Go on to the end: a later one may beat that.", "最初に勝ったもので止まっています。さらに良いものがあるかもしれないので、最後まで進んでください。"),
        )  # fmt: skip
        found = [to_ship(right) for right, *_ in cases]
        if found == ["simple", "worse", "simple", "simple"]:
            raise NotYet(
                "It takes the worse one: `ahead` is called the wrong way round. It says by how much the first is ahead.",
                "悪い方を選んでいます。`ahead` の引数が逆です。返されるのは「1 番目がどれだけ上か」です。",
            )
        doubtful = to_ship({"simple": first(300), "about equal": np.roll(first(300), 20)})
        if doubtful == "about equal":
            raise NotYet(
                "It takes another one that is not better at all: you look at the upper end of the interval. The whole interval must lie above 0.",
                "まったく良くなっていないものを選びました。区間の上端を見ています。区間全体が 0 より上でなければなりません。",
            )
        for name, (_, wanted, en, ja) in zip(found, cases, strict=True):
            if isinstance(name, str) and name != wanted:
                raise NotYet(en, ja)
        self.expect(found, [wanted for _, wanted, *_ in cases], "For four lists of inspectors", "4 つの一覧に対し")


class RocPoints(Task):
    """One point for each threshold, from strict to lenient."""

    id = "10-roc-points"
    objective = "open-test-once"
    defines = "roc_points"
    prompt_ja = (
        "**課題 5：ROC 曲線。** しきい値を高い方から低い方へ動かし、過検出率と検出率を 2 つのリストで返す `roc_points` を書いてください。"
        "しきい値は、現れた確率を大きい順に 1 回ずつ（`np.unique(probabilities)[::-1]`）。確率がしきい値以上なら不合格です。"
        "どちらのリストも、何も不合格にしない点 0 から始めます。"
    )
    given = "import numpy as np"
    stub = '''
def roc_points(labels, probabilities):
    """Overkill rates and shares of defects found, from the highest threshold to the lowest; both begin with 0."""
    overkill, found = [0.0], [0.0]
    ...
    return overkill, found
'''
    why = {
        "en": "Each point is one inspector: the same network with another threshold. Now you can lay the curves of all models on each other.",
        "ja": "1 つの点が 1 台の検査機（同じネットワークとあるしきい値）です。これで全モデルの曲線を重ねて比べられます。",
    }
    hints = (
        {
            "en": "For one threshold: `rejected = probabilities >= threshold`. The overkill rate looks at the good parts only, "
            "`rejected[labels == 0]`.",
            "ja": "しきい値 1 つについて `rejected = probabilities >= threshold` です。過検出率は良品だけ（`rejected[labels == 0]`）で計算します。",
        },
        {
            "en": "`.mean()` of an array of True and False is a share. Append one number to each list in a loop over the thresholds.",
            "ja": "True/False の配列の `.mean()` が割合です。しきい値のループで、2 つのリストに 1 つずつ `append` します。",
        },
    )
    solution = """
def roc_points(labels, probabilities):
    overkill, found = [0.0], [0.0]
    for threshold in np.unique(probabilities)[::-1]:
        rejected = probabilities >= threshold
        overkill.append(rejected[labels == 0].mean())
        found.append(rejected[labels == 1].mean())
    return overkill, found
"""
    head = "def roc_points(labels, probabilities):\n    overkill, found = [0.0], [0.0]\n    for threshold in np.unique(probabilities)[::-1]:\n"
    body = "        rejected = probabilities >= threshold\n        overkill.append(rejected[labels == 0].mean())\n        found.append(rejected[labels == 1].mean())\n"
    end = "    return overkill, found"
    wrong = (
        (head + body.replace(">=", ">") + end, "equals the threshold"),
        (head.replace("[::-1]", "") + body + end, "from the lowest"),
        (
            head + body.replace("rejected[labels == 0].mean()", "(rejected & (labels == 0)).mean()").replace("rejected[labels == 1].mean()", "(rejected & (labels == 1)).mean()") + end,
            "by all photos",
        ),
        (head.replace("np.unique(probabilities)[::-1]", "np.sort(probabilities)[::-1]") + body + end, "occurs twice"),
        (head.replace("[0.0], [0.0]", "[], []") + body + end, "begin with 0"),
        (head + body.replace("labels == 0", "labels == 2").replace("labels == 1", "labels == 0").replace("labels == 2", "labels == 1") + end, "exchanged"),
        (head + body + "        return overkill, found", "inside the loop"),
        (head + body.replace("rejected[labels == 1].mean()", "(1 - rejected[labels == 1]).mean()") + end, "missed"),
    )  # fmt: skip

    def check(self, roc_points):
        """Seven parts, two of them with the same probability."""
        labels = np.array([0, 1, 0, 1, 1, 0, 0])
        probabilities = np.array([0.1, 0.9, 0.4, 0.4, 0.8, 0.6, 0.2])
        found = roc_points(labels, probabilities)
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise NotYet("Return two lists, overkill and found.", "過検出率と検出率の 2 つのリストを返してください。")
        overkill, share = ([round(float(number), 6) for number in np.ravel(part)] for part in found)
        wanted = self.right(labels, probabilities)
        mistakes = (
            (self.right(labels, probabilities, np.greater), "A part whose probability equals the threshold must be rejected, too: `>=`.", "確率がしきい値と等しい部品も不合格です（`>=`）。"),
            (self.right(labels, probabilities, order=1), "The curve runs from the lowest threshold to the highest. Turn the order round.", "しきい値が低い方から始まっています。順番を逆にしてください。"),
            (self.right(labels, probabilities, everyone=True), "The counts are divided by all photos. Overkill is a share of the good parts, found defects are a share of the defective ones.", "全部の枚数で割っています。過検出率は良品の中の割合、検出率は欠陥品の中の割合です。"),
            (tuple(part[1:] for part in wanted), "Both lists should begin with 0: a threshold that is never reached rejects nothing.", "どちらのリストも 0 から始めてください。何も不合格にしないしきい値の点です。"),
            (wanted[::-1], "The two lists are exchanged: overkill comes first.", "2 つのリストが逆です。過検出率が先です。"),
            (tuple(part[:2] for part in wanted), "There is only one threshold in your lists. Does `return` stand inside the loop?", "しきい値が 1 つ分しかありません。`return` がループの中にありませんか。"),
            ((wanted[0], [0.0, *(round(1 - one, 6) for one in wanted[1][1:])]), "The second list holds the missed defects. Take those that are found.", "2 番目のリストが見逃し率になっています。検出率にしてください。"),
        )  # fmt: skip
        for value, en, ja in mistakes:
            if (overkill, share) == tuple(value):
                raise NotYet(en, ja)
        if len(overkill) == len(labels) + 1:
            raise NotYet(
                "The probability 0.4 occurs twice among the seven parts, and you made two points of it. Take each threshold once.",
                "7 つの部品の中に確率 0.4 が 2 回出てきます。同じしきい値は 1 回だけ使ってください。",
            )
        self.expect([overkill, share], list(wanted), "For seven parts", "7 つの部品に対し", tolerance=1e-5)

    def right(self, labels, probabilities, reaches=np.greater_equal, order=-1, everyone=False):
        """The two lists, or what a mistake makes of them."""
        lists = [0.0], [0.0]
        for threshold in np.unique(probabilities)[::order]:
            rejected = reaches(probabilities, threshold)
            for number, part in enumerate(lists):
                whole = len(labels) if everyone else (labels == number).sum()
                part.append(round(float((rejected & (labels == number)).sum() / whole), 6))
        return lists


class ChangedPhotos(Guess):
    """Harmless for a person is not harmless for a network."""

    id = "10-changed-photos"
    ask = {
        "en": "The probe of lesson 9 has learned from photos as they are. Now it judges changed ones. Which change costs it least?",
        "ja": "レッスン 9 のプローブは、そのままの画像から学びました。今度は変化させた画像を判定します。正解率が最も下がらないのはどの変化でしょうか。",
    }
    choices = {
        "mirrored": {"en": "mirrored", "ja": "反転"},
        "turned": {"en": "turned by a quarter", "ja": "90 度回転"},
        "cropped": {"en": "cropped", "ja": "切り取り"},
        "hole": {"en": "with a hole", "ja": "穴"},
        "shuffled": {"en": "shuffled tiles", "ja": "タイルの並べ替え"},
    }
    see = {
        "en": "A mirrored cell looks like any other cell. A quarter turn leaves the label as it is, too, but the bars then stand upright, which no "
        "photo of this folder shows. So a change can be right and still lead away from what the network will meet.",
        "ja": "反転したセルは、普通のセルと変わりません。90 度の回転もラベルは変えませんが、バスバーが縦になり、このフォルダーにはない画像になります。"
        "正しい変化でも、実際に出会う画像から離れてしまうことがあるのです。",
    }


class BestEpoch(Guess):
    """The training loss goes on falling, the validation loss does not."""

    id = "10-best-epoch"
    ask = {
        "en": "The network may train for up to twelve epochs. Early stopping waits for three epochs without a lower validation loss. What happens?",
        "ja": "最大 12 エポックまで学習できます。検証損失が 3 エポック続けて下がらなければ早期終了します。どうなるでしょうか。",
    }
    choices = {
        "stops": {"en": "It stops before epoch 12, and goes back to an earlier epoch", "ja": "12 エポックの前に止まり、もっと前のエポックの重みに戻る"},
        "all": {"en": "It trains all twelve epochs: more training, lower loss", "ja": "12 エポックすべて学習する（学習するほど損失は下がる）"},
    }  # fmt: skip
    see = {
        "en": "The loss on the training photos falls nearly to the end, because the network begins to know them. The loss on validation stops falling "
        "much earlier, and only that decides.",
        "ja": "ネットワークは学習用の画像を覚え始めるので、その損失はほぼ最後まで下がります。検証用の損失はずっと早く下げ止まり、決めるのはそちらです。",
    }


class TestAccuracy(Guess):
    """What was chosen as the best looks a little worse the next time."""

    id = "10-test-accuracy"
    ask = {
        "en": "You know how many of the validation photos your inspector gets right at 0.5. How many of 100 test photos will it get right?",
        "ja": "選んだ検査機が検証用画像で何 % 正解したか（しきい値 0.5）は、もう分かっています。テスト用画像では 100 枚中何枚に正解するでしょうか。",
    }
    unit = "%"
    see = {
        "en": "Whoever is tuned and chosen on the validation photos had ability and luck there. The ability comes along to the test photos, the luck "
        "does not. So such a model tends to look a little worse there (“regression to the mean”); with 652 photos chance alone also moves it by "
        "two or three points in either direction.",
        "ja": "「一番」に選ばれたモデルには、検証用画像での実力と運があります。テスト用画像に付いてくるのは実力だけで、運は付いてきません。そのため選ばれた"
        "モデルは少し悪く見えがちです（「平均への回帰」）。しかも 652 枚では、偶然だけでも上下に 2〜3 ポイント動きます。",
    }


class NewLots(Guess):
    """Where the larger model pays off."""

    id = "10-new-lots"
    ask = {
        "en": "On random splits the long fine-tuning is two to three points ahead of the probe. What becomes of this lead on lots that neither has seen?",
        "ja": "ランダム分割では、長いファインチューニングはプローブより 2〜3 ポイント上です。どちらも見たことのないロットでは、この差はどうなるでしょうか。",
    }
    choices = {
        "larger": {"en": "It becomes larger", "ja": "大きくなる"},
        "equal": {"en": "It stays within half a point", "ja": "ほぼ同じ（0.5 ポイント以内）"},
        "smaller": {"en": "It becomes smaller", "ja": "小さくなる"},
    }
    see = {
        "en": "New lots cost the probe more than the fine-tuned network. The random split showed only half of the reason for fine-tuning.",
        "ja": "新しいロットでの低下は、プローブの方が大きくなります。ランダム分割で見えていたのは、ファインチューニングの利点の半分ほどでした。",
    }
