"""Tasks and guesses of lesson 7: training the scratch model."""

from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import nn
from torch.nn import functional

from course_lib.quiz import Guess, NotYet, Task

# The first optimizer of a process loads half of PyTorch. That may take longer than a check is given, so it happens here.
torch.optim.SGD([torch.zeros(1, requires_grad=True)])


def small_network(*more):
    """A network that is made in no time, always with the same weights."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), *more, nn.Linear(8, 2))


def small_batch(count, seed):
    """Numbers instead of photos, (count, 6), and a class for each."""
    generator = torch.Generator().manual_seed(seed)
    images = 3 * torch.randn(count, 6, generator=generator)
    return images, torch.randint(2, (count,), generator=generator)


def furthest(first, second):
    """By how much two networks differ in one weight, at most."""
    pairs = zip(first.parameters(), second.parameters(), strict=True)
    return max((one - other).abs().max().item() for one, other in pairs)


class TrainStep(Task):
    """Old gradients are planted, so that a forgotten or misplaced zero_grad shows."""

    id = "07-train-step"
    objective = "write-loop"
    defines = "train_step"
    prompt_ja = (
        "**課題 1：5 つの手順。** 1 バッチで 1 ステップだけ学習する `train_step` を書いてください。順伝播、損失（`functional.cross_entropy`）、"
        "古い勾配を消す、逆伝播、重みの更新、の 5 つです。返すのは損失で、ただの数（`loss.item()`）にします。"
    )
    given = "import torch\nfrom torch.nn import functional"
    copies = False
    stub = '''
def train_step(model, images, labels, optimizer):
    """Change the weights once so that the loss of these photos falls; returns the loss before it."""
    ...
'''
    why = {
        "en": "These five lines stand at the heart of every training, from this small network to the largest there are.",
        "ja": "この小さなネットワークから世界最大のモデルまで、どの学習も中心にあるのはこの 5 行です。",
    }
    hints = (
        {
            "en": "Two lines you have seen above: the logits, and from them the loss. The other three are calls of "
            "`optimizer` (two) and of `loss` (one).",
            "ja": "最初の 2 行は上のセルと同じで、ロジットと損失です。残りの 3 行は `optimizer` の呼び出しが 2 つ、`loss` の呼び出しが 1 つです。",
        },
        {
            "en": "`loss.backward()` adds to what is there, so `optimizer.zero_grad()` stands before it; `optimizer.step()` "
            "uses what it found, so it stands after it.",
            "ja": "`loss.backward()` は今ある値に足します。だから `optimizer.zero_grad()` はその前、結果を使う `optimizer.step()` はその後です。",
        },
        {
            "en": "`logits = model(images)`, `loss = functional.cross_entropy(logits, labels)`, then the three calls, then "
            "`return loss.item()`.",
            "ja": "`logits = model(images)`、`loss = functional.cross_entropy(logits, labels)`、3 つの呼び出し、最後に `return loss.item()` です。",
        },
    )
    solution = """
def train_step(model, images, labels, optimizer):
    logits = model(images)
    loss = functional.cross_entropy(logits, labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
"""
    head = "def train_step(model, images, labels, optimizer):\n    loss = functional.cross_entropy(model(images), labels)\n"
    wrong = (
        (head + "    loss.backward()\n    optimizer.step()\n    return loss.item()", "old gradients"),
        (
            head + "    loss.backward()\n    optimizer.step()\n    optimizer.zero_grad()\n    return loss.item()",
            "old gradients",
        ),
        (
            head + "    loss.backward()\n    optimizer.zero_grad()\n    optimizer.step()\n    return loss.item()",
            "there was no gradient",
        ),
        (head + "    optimizer.zero_grad()\n    optimizer.step()\n    return loss.item()", "there was no gradient"),
        (
            head + "    optimizer.zero_grad()\n    loss.backward()\n    return loss.item()",
            "is missing, or it comes too early",
        ),
        (
            head + "    optimizer.zero_grad()\n    optimizer.step()\n    loss.backward()\n    return loss.item()",
            "is missing, or it comes too early",
        ),
        (head + "    optimizer.zero_grad()\n    loss.backward()\n    optimizer.step()\n    return loss", "a tensor"),
        (
            head + "    optimizer.zero_grad()\n    loss.backward()\n    optimizer.step()\n"
            "    return functional.cross_entropy(model(images), labels).item()",
            "after the step",
        ),
        (
            head.replace("model(images)", "model(images).softmax(dim=1)")
            + "    optimizer.zero_grad()\n    loss.backward()\n    optimizer.step()\n    return loss.item()",
            "softmax",
        ),
        (head + "    optimizer.zero_grad()\n    loss.backward()\n    optimizer.step()", "behind `return`"),
        (
            head + "    optimizer.zero_grad()\n    loss.backward()\n    optimizer.step()\n    optimizer.step()\n"
            "    return loss.item()",
            "once each",
        ),
    )

    def check(self, train_step):
        """Take one step with plain gradient descent, whose steps are as long as the gradients."""
        images, labels = small_batch(12, seed=1)
        model, right = small_network(), small_network()
        for weight in model.parameters():
            weight.grad = torch.ones_like(weight)
        found = train_step(model, images, labels, torch.optim.SGD(model.parameters(), lr=0.5))
        start = small_network()
        logits = right(images)
        loss = functional.cross_entropy(logits, labels)
        loss.backward()
        gradients = [weight.grad.clone() for weight in right.parameters()]
        torch.optim.SGD(right.parameters(), lr=0.5).step()
        after = functional.cross_entropy(right(images), labels).item()
        twice = functional.cross_entropy(logits.softmax(dim=1), labels).item()
        if isinstance(found, torch.Tensor):
            raise NotYet(
                "`train_step` gave a tensor, which keeps the whole calculation in memory. `loss.item()` is the plain number.",
                "`train_step` の結果がテンソルです。計算の過程が丸ごとメモリーに残るので、`loss.item()` でただの数にしてください。",
            )
        if found is not None and abs(found - twice) < 1e-5:
            raise NotYet(
                "There is a softmax before the loss. `functional.cross_entropy` takes the logits as they are (lesson 6).",
                "損失の前に softmax が入っています。`functional.cross_entropy` にはロジットをそのまま渡します（レッスン 6）。",
            )
        self.look(model, start, right, gradients)
        if found is not None and abs(found - after) < 1e-5:
            raise NotYet(
                "That is the loss after the step. Return the one from before it, which is computed already.",
                "それは更新後の損失です。すでに計算してある、更新前の損失を返してください。",
            )
        self.expect(found, loss.item(), "For a batch of 12", "12 個のバッチに対し", tolerance=1e-4)

    def look(self, model, start, right, gradients):
        """Compare the weights after the step with those before it, and with what they should be."""
        if furthest(model, start) < 1e-5:
            if any(weight.grad is None or not weight.grad.any() for weight in model.parameters()):
                raise NotYet(
                    "No weight moved: there was no gradient when `optimizer.step()` came. `backward()` has its place after "
                    "`zero_grad()` and before `step()`.",
                    "どの重みも動いていません。`optimizer.step()` の時点で勾配がありませんでした。`backward()` は `zero_grad()` の後、"
                    "`step()` の前に置きます。",
                )
            raise NotYet(
                "No weight moved: `optimizer.step()` is missing, or it comes too early, before there is a gradient.",
                "どの重みも動いていません。`optimizer.step()` がないか、勾配を求める前に呼ばれています。",
            )
        grown = small_network()
        for weight, gradient in zip(grown.parameters(), gradients, strict=True):
            weight.data -= 0.5 * (gradient + 1)
        if furthest(model, grown) < 1e-5:
            raise NotYet(
                "The step also followed old gradients, which were there before the call. Forget them before `backward()` "
                "adds the new ones.",
                "呼び出す前から残っていた古い勾配も使って更新しています。`backward()` が新しい勾配を足す前に、古いものを消してください。",
            )
        if furthest(model, right) > 1e-5:
            raise NotYet(
                "The weights after the step are not the right ones. Do forward, loss, forget, backward and step once each, with "
                "the `optimizer` that came as an argument.",
                "更新後の重みが違います。順伝播、損失、勾配を消す、逆伝播、更新を、引数の `optimizer` で 1 回ずつ行ってください。",
            )


class EpochMean(Task):
    """The last batch is smaller, so its mean counts less."""

    id = "07-epoch-mean"
    objective = "write-loop"
    defines = "epoch_mean"
    prompt_ja = (
        "**課題 2：画像 1 枚あたりの平均。** バッチごとの平均と、各バッチの枚数から、画像全体の平均を返す `epoch_mean` を"
        "書いてください。2 つのリストは同じ順に並んでいます。"
    )
    stub = '''
def epoch_mean(batch_means, batch_sizes):
    """Mean over all photos, from the mean of each batch and the number of its photos."""
    ...
'''
    why = {
        "en": "Each photo now counts once, wherever the batches are cut.",
        "ja": "これで、バッチがどこで区切られても、どの画像も同じ重さで数えられます。",
    }
    hints = (
        {
            "en": "The mean of a batch times its number of photos is the sum over its photos. Sums can be added.",
            "ja": "バッチの平均に枚数を掛けると、そのバッチの合計になります。合計どうしなら足せます。",
        },
        {
            "en": "`zip(batch_means, batch_sizes)` walks through both lists at once.",
            "ja": "`zip(batch_means, batch_sizes)` で 2 つのリストを同時にたどれます。",
        },
        {
            "en": "Add up `mean * size` for each batch, and divide by `sum(batch_sizes)`.",
            "ja": "各バッチの `mean * size` を足し合わせ、`sum(batch_sizes)` で割ります。",
        },
    )
    solution = """
def epoch_mean(batch_means, batch_sizes):
    total = sum(mean * size for mean, size in zip(batch_means, batch_sizes))
    return total / sum(batch_sizes)
"""
    head = "def epoch_mean(batch_means, batch_sizes):\n"
    loop = head + "    total = 0\n    for mean, size in zip(batch_means, batch_sizes):\n        total += mean * size\n"
    wrong = (
        (head + "    return sum(batch_means) / len(batch_means)", "counts as much as"),
        (head + "    return sum(m * s for m, s in zip(batch_means, batch_sizes))", "the sum over all photos"),
        (
            head + "    return sum(m * s for m, s in zip(batch_means, batch_sizes)) / len(batch_means)",
            "number of batches",
        ),
        (head + "    return sum(batch_means) / sum(batch_sizes)", "without its size"),
        (loop + "        return total / sum(batch_sizes)", "inside the loop"),
        (loop.replace("+=", "=") + "    return total / sum(batch_sizes)", "`+=`"),
        (head + "    sum(m * s for m, s in zip(batch_means, batch_sizes)) / sum(batch_sizes)", "behind `return`"),
    )

    def check(self, epoch_mean):
        """Two batches whose wrong answers all differ, then three."""
        found = epoch_mean([0.5, 2.0], [30, 10])
        mistakes = (
            (
                1.25,
                "The batch of 10 photos counts as much as the batch of 30. Every photo should count the same.",
                "10 枚のバッチが、30 枚のバッチと同じ重さで数えられています。画像 1 枚を同じ重さで数えてください。",
            ),
            (
                35,
                "That is the sum over all photos, not yet their mean.",
                "それは全部の画像の合計です。平均にしてください。",
            ),
            (
                17.5,
                "The sum over all photos is divided by the number of batches; divide by the number of photos.",
                "合計がバッチの数で割られています。画像の枚数で割ってください。",
            ),
            (
                0.375,
                "That is the first batch alone, divided by all photos. Does `return` stand inside the loop? Move it below.",
                "最初のバッチだけの合計を、全部の枚数で割っています。`return` がループの中にありませんか。ループの後に置いてください。",
            ),
            (
                0.5,
                "That is the last batch alone, divided by all photos. In the loop, add to the sum: `+=`, not `=`.",
                "最後のバッチだけの合計を、全部の枚数で割っています。ループの中では `=` ではなく `+=` で足していってください。",
            ),
            (
                0.0625,
                "The means are added as they are, each without its size. First turn each mean into the sum of its batch.",
                "平均が、枚数を掛けずに足されています。まず各バッチの合計に直してください。",
            ),
        )
        for result, en, ja in mistakes:
            if isinstance(found, int | float) and abs(found - result) < 1e-9:
                raise NotYet(en, ja)
        self.expect(
            found,
            0.875,
            "For a mean of 0.5 over 30 photos and of 2.0 over 10",
            "30 枚の平均 0.5 と 10 枚の平均 2.0 に対し",
            1e-6,
        )
        found = epoch_mean([1.0, 0.0, 1.0], [32, 32, 6])
        self.expect(
            found,
            38 / 70,
            "For means of 1, 0 and 1 over 32, 32 and 6 photos",
            "32、32、6 枚の平均 1、0、1 に対し",
            1e-6,
        )


class Validate(Task):
    """The network has both layers that change with the mode; a hook watches each batch."""

    id = "07-validate"
    objective = "set-modes"
    defines = "validate"
    prompt_ja = (
        "**課題 3：検証。** 画像 1 枚あたりの平均損失と正解率（0 から 1）を返す `validate` を書いてください。モデルは eval モードで、"
        "勾配は計算せず、重みも変えません。"
    )
    given = "import torch\nfrom torch.nn import functional"
    copies = False
    stub = '''
def validate(model, loader):
    """Mean loss over the photos, and the share answered right (0 to 1); no weight changes."""
    ...
'''
    why = {
        "en": "Only a loop that takes no step can tell how the model does on photos that it does not learn from.",
        "ja": "学習に使わない画像での実力は、重みを変えずに測ってこそ分かります。",
    }
    hints = (
        {
            "en": "`model.eval()` first. Then `with torch.no_grad():` and in it the loop over `loader`, with logits and loss "
            "as in `train_step`, and no more than that.",
            "ja": "まず `model.eval()`。次に `with torch.no_grad():` の中で `loader` を順に処理し、`train_step` と同じようにロジットと損失を"
            "求めます。更新はしません。",
        },
        {
            "en": "Right answers of a batch: `(logits.argmax(dim=1) == labels).sum().item()`. Sum them over all batches, and the "
            "photos too: `len(labels)`.",
            "ja": "バッチの正解数は `(logits.argmax(dim=1) == labels).sum().item()` です。全バッチの正解数と枚数 `len(labels)` をそれぞれ"
            "足していきます。",
        },
        {
            "en": "The loss is a mean over its batch: add `loss.item() * len(labels)` to the sum. At the end "
            "`return total / photos, right / photos`.",
            "ja": "損失はバッチの平均なので、`loss.item() * len(labels)` を足していきます。最後に `return total / photos, right / photos` です。",
        },
    )
    solution = """
def validate(model, loader):
    model.eval()
    total, right, photos = 0.0, 0, 0
    with torch.no_grad():
        for images, labels in loader:
            logits = model(images)
            total += functional.cross_entropy(logits, labels).item() * len(labels)
            right += (logits.argmax(dim=1) == labels).sum().item()
            photos += len(labels)
    return total / photos, right / photos
"""
    wrong = (
        (solution.replace("    model.eval()\n", ""), "in train mode"),
        (solution.replace("model.eval()", "model.train()"), "in train mode"),
        (solution.replace("torch.no_grad()", "torch.enable_grad()"), "gradients"),
        (
            solution.replace(" * len(labels)", "").replace("total / photos", "total / len(loader)"),
            "mean of the batches' losses",
        ),
        (solution.replace(" * len(labels)", ""), "too small"),
        (solution.replace("right / photos", "right"), "no share"),
        (solution.replace("right / photos", "100 * right / photos"), "no share"),
        (solution.replace("right / photos", "right / len(loader)"), "no share"),
        (solution.replace("return total / photos, right / photos", "return total / photos"), "two things"),
        (
            solution.replace("return total / photos, right / photos", "return right / photos, total / photos"),
            "changed places",
        ),
        (solution.replace(".item() * len", " * len"), "tensor"),
        (solution.replace("    return total", "            return total"), "inside the loop"),
    )

    def check(self, validate):
        """A batch of 9 that is mostly right, and one of 3 that is mostly wrong."""
        model = small_network(nn.BatchNorm1d(8), nn.Dropout(0.5))
        seen = []
        model.register_forward_hook(lambda module, *_: seen.append((module.training, torch.is_grad_enabled())))
        batches = [small_batch(9, seed=2), small_batch(3, seed=5)]
        before = deepcopy(model.state_dict())
        found = validate(model, batches)
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise NotYet(
                "`validate` must return two things, the mean loss and the share of right answers: `return …, …`.",
                "`validate` は平均損失と正解率の 2 つを返してください：`return …, …`。",
            )
        if any(training for training, _ in seen):
            raise NotYet(
                "The model saw the photos in train mode, with dropout. Call `model.eval()` before the first batch.",
                "モデルが train モードのままです（ドロップアウトが働いています）。最初のバッチの前に `model.eval()` を呼んでください。",
            )
        if any(gradients for _, gradients in seen):
            raise NotYet(
                "PyTorch prepared gradients all the time, which costs memory and time. Put the loop under `with torch.no_grad():`.",
                "勾配のための準備が毎回行われ、メモリーと時間が無駄になります。ループを `with torch.no_grad():` の中に入れてください。",
            )
        if any(not torch.equal(value, before[name]) for name, value in model.state_dict().items()):
            raise NotYet(
                "The model has changed; `validate` takes no step.",
                "モデルが変わっています。`validate` では更新しません。",
            )
        if any(isinstance(value, torch.Tensor) for value in found):
            raise NotYet(
                "`validate` gave a tensor; `.item()` makes it a plain number.",
                "結果がテンソルです。`.item()` でただの数にしてください。",
            )
        self.compare(found, model, batches)

    def compare(self, found, model, batches):
        """Two numbers that are near the right ones tell which mistake was made."""
        sizes, losses, right = [], [], []
        with torch.no_grad():
            for images, labels in batches:
                logits = model(images)
                sizes.append(len(labels))
                losses.append(functional.cross_entropy(logits, labels).item())
                right.append(int((logits.argmax(dim=1) == labels).sum()))
        loss = sum(one * size for one, size in zip(losses, sizes, strict=True)) / sum(sizes)
        accuracy = sum(right) / sum(sizes)
        if abs(found[0] - accuracy) < 1e-6 and abs(found[1] - loss) < 1e-4:
            raise NotYet(
                "The two results have changed places: first the loss, then the share of right answers.",
                "2 つの結果の順番が逆です。先に損失、次に正解率を返してください。",
            )
        if abs(found[0] - losses[0]) < 1e-5:
            raise NotYet(
                "That is the loss of the first batch alone. Does `return` stand inside the loop? Move it below.",
                "それは最初のバッチだけの損失です。`return` がループの中にありませんか。ループの後に置いてください。",
            )
        if abs(found[0] - sum(losses) / 2) < 1e-5:
            raise NotYet(
                "That is the mean of the batches' losses, in which a small batch counts as much as a large one.",
                "それはバッチの損失の平均で、小さいバッチが大きいバッチと同じ重さで数えられています。",
            )
        if abs(found[0] - sum(losses) / sum(sizes)) < 1e-5:
            raise NotYet(
                "The loss is much too small: that of a batch is already a mean, so multiply it by `len(labels)` before you add it.",
                "損失が小さすぎます。バッチの損失はすでに平均なので、`len(labels)` を掛けてから足してください。",
            )
        if not 0 <= found[1] <= 1:
            raise NotYet(
                f"{found[1]:g} is no share: divide the right answers by the photos, so that 1 means all.",
                f"{found[1]:g} は正解率ではありません。正解数を枚数で割り、全問正解が 1 になるようにしてください。",
            )
        self.expect(
            found[0], loss, "For the loss over batches of 9 and 3", "9 個と 3 個のバッチの損失について", tolerance=1e-4
        )
        self.expect(
            found[1],
            accuracy,
            "For the share of right answers in batches of 9 and 3",
            "9 個と 3 個のバッチの正解率について",
            tolerance=1e-6,
        )


LOSSES = (0.9, 0.7, 0.8, 0.65, 0.8, 0.75, 0.7, 0.68)  # with patience 3 over after the seventh; the fourth is kept


class StopInTime(Task):
    """A class that remembers; the weights of the network are the numbers of the epochs."""

    id = "07-early-stopping"
    objective = "read-curves"
    defines = "EarlyStopping"
    prompt_ja = (
        "**課題 4：早期終了。** `is_over` を書いてください。エポックごとに検証損失とモデルを受け取ります。損失がこれまでの最小なら、"
        "それと重みのコピーを保存します。最小を更新しないまま `patience` エポックたったら `True`、それまでは `False` を返します。"
    )
    given = "from copy import deepcopy"
    stub = '''
class EarlyStopping:
    """Keeps the best weights, and says when the loss has not become lower for `patience` epochs."""

    def __init__(self, patience):
        self.patience, self.waited = patience, 0
        self.best_loss, self.best_weights = float("inf"), None

    def is_over(self, loss, model):
        """Take in the validation loss of an epoch; True if the training should end now."""
        ...
'''
    why = {
        "en": "Nobody has to watch the curves at night, and the best weights are not lost.",
        "ja": "夜通し曲線を見張る必要がなくなり、一番良かった重みも失われません。",
    }
    hints = (
        {
            "en": "Two cases. The loss is lower than `self.best_loss`: keep the loss and the weights, and start to wait anew. "
            "Otherwise: one more epoch has been waited for.",
            "ja": "場合分けは 2 つです。損失が `self.best_loss` より低いときは、損失と重みを保存し、待った回数を 0 に戻します。"
            "そうでないときは、待った回数を 1 増やします。",
        },
        {
            "en": "`deepcopy(model.state_dict())` is a copy of the weights. Without `deepcopy` it would change with every further step.",
            "ja": "重みのコピーは `deepcopy(model.state_dict())` です。`deepcopy` がないと、その後の更新で中身も変わってしまいます。",
        },
        {
            "en": "The last line, in both cases: `return self.waited >= self.patience`.",
            "ja": "どちらの場合も、最後の行は `return self.waited >= self.patience` です。",
        },
    )
    solution = """
class EarlyStopping:
    def __init__(self, patience):
        self.patience, self.waited = patience, 0
        self.best_loss, self.best_weights = float("inf"), None

    def is_over(self, loss, model):
        if loss < self.best_loss:
            self.best_loss, self.waited = loss, 0
            self.best_weights = deepcopy(model.state_dict())
        else:
            self.waited += 1
        return self.waited >= self.patience
"""
    wrong = (
        (solution.replace("deepcopy(model.state_dict())", "model.state_dict()"), "not a copy"),
        (solution.replace("deepcopy(model.state_dict())", "deepcopy(model)"), "`state_dict()`"),
        (solution.replace("            self.best_weights = deepcopy(model.state_dict())\n", ""), "no weights"),
        (solution.replace(">= self.patience", "> self.patience"), "one epoch too late"),
        (solution.replace("self.best_loss, self.waited = loss, 0", "self.best_loss = loss"), "begins anew"),
        (
            solution.replace(
                "            self.waited += 1\n", "            self.waited += 1\n        self.best_loss = loss\n"
            ),
            "epoch before",
        ),
        (solution.replace("loss < self.best_loss", "loss > self.best_loss"), "lower loss is better"),
        (solution.replace("return self.waited >= self.patience", "return self.waited == 0"), "good news"),
        (solution.replace("return self.waited >= self.patience", "return self.waited > 0"), "three in a row"),
        (solution.replace("return self.waited", "self.waited"), "True or False"),
        (solution.replace("return self.waited >= self.patience", "return self.waited"), "True or False"),
    )

    def check(self, EarlyStopping):
        """Play a training whose losses are known."""
        model, stopping, over = nn.Linear(1, 1, bias=False), EarlyStopping(3), None
        for epoch, loss in enumerate(LOSSES, 1):
            nn.init.constant_(model.weight, epoch)
            answer = stopping.is_over(loss, model)
            if not isinstance(answer, bool):
                raise NotYet(
                    f"`is_over` gave {answer!r}; it should return True or False.",
                    f"`is_over` の結果が {answer!r} です。True か False を返してください。",
                )
            if answer:
                over = epoch
                break
        if over == 3 and stopping.best_loss == 0.7:
            raise NotYet(
                "It was over after the losses 0.9, 0.7, 0.8: one epoch without a new lowest loss. With patience 3 it takes "
                "three in a row.",
                "損失 0.9、0.7、0.8 で終わりました。更新がないのはまだ 1 回です。`patience` が 3 なら、3 回続くまで待ちます。",
            )
        mistakes = {
            1: (
                "It was over after the first epoch. A new lowest loss is good news, and no reason to stop.",
                "最初のエポックで終わりました。最小の更新は良い知らせで、止める理由にはなりません。",
            ),
            3: (
                "It was over after the losses 0.9, 0.7, 0.8, but 0.7 was better than 0.9: a lower loss is better.",
                "損失 0.9、0.7、0.8 で終わりましたが、0.7 は 0.9 より良い値です。損失は低いほど良いのです。",
            ),
            6: (
                "It was over after the losses 0.9, 0.7, 0.8, 0.65, 0.8, 0.75: only two epochs since 0.65, the best one. With a "
                "new best loss the waiting begins anew.",
                "損失 0.9、0.7、0.8、0.65、0.8、0.75 で終わりましたが、最小の 0.65 からまだ 2 エポックです。最小が更新されたら、待った回数を "
                "0 に戻してください。",
            ),
            8: (
                "It was over one epoch too late: with patience 3, the third epoch without a lower loss is the last one.",
                "終了が 1 エポック遅れています。`patience` が 3 なら、更新のない 3 回目のエポックで終わりです。",
            ),
            None: (
                "It was not over after the losses 0.65, 0.8, 0.75, 0.7, with patience 3. Each is lower than that of the epoch "
                "before, but none is lower than the best one.",
                "`patience` が 3 なのに、損失 0.65、0.8、0.75、0.7 で終わりませんでした。直前より低くても、最小の 0.65 より低い値はありません。",
            ),
        }
        if over in mistakes:
            raise NotYet(*mistakes[over])
        self.expect(
            over,
            7,
            "For the epoch in which it is over, with patience 3 and the lowest loss in epoch 4",
            "`patience` が 3、最小が 4 番目のとき、終了するエポックについて",
        )
        self.look(stopping.best_weights)

    def look(self, kept):
        """The weights of the fourth epoch must be there still."""
        if kept is None:
            raise NotYet(
                "It is over at the right moment, but no weights were kept in `self.best_weights`.",
                "終わる時点は正しいですが、`self.best_weights` に重みが保存されていません。",
            )
        if not isinstance(kept, dict) or "weight" not in kept:
            raise NotYet(
                "`self.best_weights` should hold what `state_dict()` of the model gives: the weights by their names.",
                "`self.best_weights` には、モデルの `state_dict()` の結果（名前と重み）を入れてください。",
            )
        if kept["weight"].item() == 7:
            raise NotYet(
                "The kept weights are those of the last epoch. `state_dict()` is not a copy: it points to the weights, and they "
                "go on changing. `deepcopy` makes a copy.",
                "保存した重みが最後のエポックのものになっています。`state_dict()` はコピーではなく、変わり続ける重みそのものを指します。"
                "`deepcopy` でコピーしてください。",
            )
        self.expect(
            kept["weight"].item(),
            4,
            "For the epoch of the weights that were kept, with the lowest loss in epoch 4",
            "最小が 4 番目のとき、保存した重みのエポックについて",
        )


def half_trained():
    """A network and its optimizer after two steps: the optimizer remembers them."""
    model = small_network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
    for seed in (1, 2):
        images, labels = small_batch(8, seed)
        optimizer.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
    return model, optimizer


class Resume(Task):
    """The optimizer remembers earlier steps, so it belongs to the checkpoint."""

    id = "07-resume"
    objective = "keep-checkpoint"
    defines = "resume"
    prompt_ja = (
        "**課題 6：再開する。** `save` が書いたファイルを読み、モデルの重みとオプティマイザーの状態を元に戻す `resume` を書いてください。"
        "返すのは、すでに終わったエポックの数です。"
    )
    given = "import torch"
    copies = False
    stub = '''
def resume(path, model, optimizer):
    """Bring back weights and optimizer from a file; returns how many epochs are done already."""
    ...
'''
    why = {
        "en": "A closed laptop now costs you at most one epoch.",
        "ja": "ノートパソコンを閉じてしまっても、失うのは多くて 1 エポックです。",
    }
    hints = (
        {
            "en": "`torch.load(path)` gives back the dictionary that `save` wrote.",
            "ja": "`torch.load(path)` で、`save` が書いた辞書が得られます。",
        },
        {
            "en": "`model.load_state_dict(…)` puts weights into the model that is there. The optimizer has a function of the same name.",
            "ja": "`model.load_state_dict(…)` は、渡されたモデルに重みを入れます。オプティマイザーにも同じ名前の関数があります。",
        },
        {
            "en": '`state = torch.load(path)`, then `model.load_state_dict(state["model"])`, the same with `optimizer`, and '
            '`return state["epochs"]`.',
            "ja": '`state = torch.load(path)`、`model.load_state_dict(state["model"])`、`optimizer` も同様にして、最後に '
            '`return state["epochs"]` です。',
        },
    )
    solution = """
def resume(path, model, optimizer):
    state = torch.load(path)
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    return state["epochs"]
"""
    wrong = (
        (solution.replace('    optimizer.load_state_dict(state["optimizer"])\n', ""), "optimizer has forgotten"),
        (solution.replace('    model.load_state_dict(state["model"])\n', ""), "weights of the model"),
        (solution.replace('model.load_state_dict(state["model"])', 'model = state["model"]'), "weights of the model"),
        (solution.replace('state["epochs"]', 'state["epochs"] + 1'), "3"),
        (solution.replace('return state["epochs"]', "return state"), "a dictionary"),
        (solution.replace('return state["epochs"]', "return model, optimizer"), "a tuple"),
        (solution.replace('    return state["epochs"]', ""), "behind `return`"),
    )

    def check(self, resume):
        """Bring a network back that has learned for two epochs."""
        trained, its_optimizer = half_trained()
        model = small_network()
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.05)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "half.pt"
            state = {"model": trained.state_dict(), "optimizer": its_optimizer.state_dict(), "epochs": 2}
            torch.save(state, path)
            done = resume(path, model, optimizer)
        if furthest(model, trained) > 0:
            raise NotYet(
                "The weights of the model are not those of the file. Load them into the model that came as an argument.",
                "モデルの重みがファイルのものと違います。引数で渡されたモデルに読み込んでください。",
            )
        if not optimizer.state_dict()["state"]:
            raise NotYet(
                "The weights are back, but the optimizer has forgotten its earlier steps: load its state, too.",
                "重みは戻りましたが、オプティマイザーがそれまでの更新を忘れています。オプティマイザーの状態も読み込んでください。",
            )
        if isinstance(done, dict | tuple):
            kind = {"dict": ("a dictionary", "辞書"), "tuple": ("a tuple", "タプル")}[type(done).__name__]
            raise NotYet(
                f"`resume` gave {kind[0]}; it should return one number, how many epochs are done.",
                f"`resume` の結果が{kind[1]}です。終わったエポックの数だけを返してください。",
            )
        self.expect(done, 2, "For a file that was saved after 2 epochs", "2 エポック後に保存したファイルに対し")


WORDS = ("fine", "overfitting", "rate too small", "rate too large")
SEEN = {
    "A": (
        "rate too large",
        "in A both losses jump up and down, and after the first epochs they get no lower",
        "A は訓練も検証も上下に跳ね、最初の数エポックの後は下がっていません",
    ),
    "B": (
        "overfitting",
        "in B the loss of the training photos falls to nearly 0, and that of the validation photos rises",
        "B は訓練損失がほぼ 0 まで下がる一方で、検証損失は上がっています",
    ),
    "C": (
        "fine",
        "in C both losses fall, and the gap between them stays small",
        "C は訓練も検証も下がり、差も小さいままです",
    ),
    "D": (
        "rate too small",
        "in D both losses fall without a jump, but so slowly that they have got nowhere yet",
        "D は訓練も検証も跳ねずに下がっていますが、あまりに遅く、まだほとんど進んでいません",
    ),
}


class Diagnoses(Task):
    """Four trainings of a study; a wrong diagnosis is told what the curve shows."""

    id = "07-diagnoses"
    objective = "read-curves"
    defines = "diagnoses"
    prompt_ja = (
        "**課題 5：診断。** A から D の学習曲線について、`fine`（順調）、`overfitting`（過学習）、`rate too small`（学習率が小さすぎる）、"
        "`rate too large`（学習率が大きすぎる）のどれかを書いてください。"
    )
    stub = """
diagnoses = {"A": "?", "B": "?", "C": "?", "D": "?"}
"""
    why = {
        "en": "Two lines in a figure told you what to change, before you changed anything.",
        "ja": "何も変えないうちに、2 本の線から、何を変えるべきかが分かりました。",
    }
    hints = (
        {
            "en": "Ask two things of each: does the training loss fall as it should? And does the validation loss follow it?",
            "ja": "それぞれ 2 つのことを見ます。訓練損失は順調に下がっているか。検証損失はそれに付いてきているか。",
        },
        {
            "en": "Steps that are too long jump to and fro over the goal. Steps that are too short hardly move. A gap that grows and grows "
            "is the mark of overfitting.",
            "ja": "歩幅が大きすぎると、目標を飛び越えて行ったり来たりします。小さすぎると、ほとんど進みません。広がり続ける差は過学習のしるしです。",
        },
    )
    solution = """
diagnoses = {"A": "rate too large", "B": "overfitting", "C": "fine", "D": "rate too small"}
"""
    wrong = (
        (
            'diagnoses = {"A": "overfitting", "B": "overfitting", "C": "fine", "D": "rate too small"}',
            "both losses jump",
        ),
        ('diagnoses = {"A": "rate too large", "B": "fine", "C": "fine", "D": "rate too small"}', "rises"),
        ('diagnoses = {"A": "rate too large", "B": "overfitting", "C": "rate too small", "D": "fine"}', "stays small"),
        ('diagnoses = {"A": "rate too large", "B": "overfitting", "C": "fine", "D": "overfitting"}', "so slowly"),
        ('diagnoses = {"A": "too large", "B": "overfitting", "C": "fine", "D": "rate too small"}', "one of four words"),
        ('diagnoses = {"A": "rate too large"}', "no diagnosis"),
        ('diagnoses = ["rate too large", "overfitting", "fine", "rate too small"]', "a dictionary"),
    )

    def check(self, diagnoses):
        """Look at one curve after the other."""
        if not isinstance(diagnoses, dict):
            raise NotYet(
                "`diagnoses` should stay a dictionary, with a word for each of A, B, C and D.",
                "`diagnoses` は辞書のままにして、A から D のそれぞれに診断を書いてください。",
            )
        for name, (right, en, ja) in SEEN.items():
            said = diagnoses.get(name)
            if said is None:
                raise NotYet(f"There is no diagnosis for {name}.", f"{name} の診断がありません。")
            if said not in WORDS:
                words = ", ".join(WORDS)
                raise NotYet(
                    f"{name} has the diagnosis '{said}'; write one of four words: {words}.",
                    f"{name} が '{said}' になっています。{words} のどれかを書いてください。",
                )
            if said != right:
                raise NotYet(f"{name} is not '{said}': {en}.", f"{name} は '{said}' ではありません。{ja}。")


class BackwardTwice(Guess):
    """Gradients add up."""

    id = "07-backward-twice"
    ask = {
        "en": "The backward pass is made twice for the same photos, and nothing is cleared in between. What are the gradients then?",
        "ja": "同じ画像で逆伝播を 2 回行い、その間に勾配は消しません。勾配はどうなるでしょうか。",
    }
    choices = {
        "same": {"en": "The same as after the first time", "ja": "1 回目と同じ"},
        "twice": {"en": "Twice as large", "ja": "2 倍になる"},
        "nothing": {
            "en": "Zero: the second pass takes the first one back",
            "ja": "0 になる（2 回目が 1 回目を打ち消す）",
        },
        "error": {"en": "Python stops with an error", "ja": "エラーで止まる"},
    }
    see = {
        "en": "`backward()` adds to what is there. In a loop that clears nothing, each step follows the photos of all batches before "
        "it, too. No error says so.",
        "ja": "`backward()` は今ある値に足します。勾配を消さないループでは、それまでの全バッチの勾配も混ざった更新になり、しかもエラーは出ません。",
    }


class TwoModes(Guess):
    """Only in eval mode does a photo have one answer."""

    id = "07-two-modes"
    ask = {
        "en": "The same photo goes through the same network three times: twice in a batch of 32, once in a batch of 4. In which mode is its "
        "answer the same each time?",
        "ja": "同じ画像を同じネットワークに 3 回入れます。2 回は 32 枚のバッチで、1 回は 4 枚のバッチで。毎回同じ答えになるのはどのモードでしょうか。",
    }
    choices = {
        "train": {"en": "In train mode", "ja": "train モード"},
        "eval": {"en": "In eval mode", "ja": "eval モード"},
        "train and eval": {"en": "In both: no weight has changed", "ja": "両方（重みは変わっていないから）"},
        "neither": {"en": "In neither", "ja": "どちらでもない"},
    }
    see = {
        "en": "In train mode the answer depends on chance (dropout draws anew each time) and on the other photos of the batch (batch "
        "normalisation takes their mean). An inspector must not work like that. In eval mode a photo has one answer.",
        "ja": "train モードの答えは、偶然（ドロップアウトが毎回引き直す）と、同じバッチのほかの画像（バッチ正規化がその平均を使う）に左右されます。"
        "検査でそれは困ります。eval モードなら、1 枚の画像の答えは 1 つです。",
    }


class FarTooLarge(Guess):
    """A step of that length lands further away each time."""

    id = "07-far-too-large"
    ask = {
        "en": "The learning rate is 1000, twenty thousand times as large as a good one. What does the loss do in the first four steps?",
        "ja": "学習率を、適切な値の 2 万倍の 1000 にします。最初の 4 ステップで損失はどうなるでしょうか。",
    }
    choices = {
        "falls": {"en": "It falls faster than before", "ja": "これまでより速く下がる"},
        "stays": {"en": "It stays about the same", "ja": "ほぼ変わらない"},
        "grows": {"en": "It grows", "ja": "上がる"},
    }
    see = {
        "en": "Each step jumps over the goal and lands further away than it began, so the next gradient is larger still.",
        "ja": "毎回、目標を飛び越えて前より遠くに着地します。すると次の勾配はさらに大きくなります。",
    }


class Resumed(Guess):
    """Weights and optimizer are not all that decides how it goes on."""

    id = "07-resumed"
    ask = {
        "en": "Weights and optimizer are back. The training goes on, and ends after as many epochs as one that was never interrupted. "
        "Are the weights of the two the same?",
        "ja": "重みとオプティマイザーは元に戻りました。学習を続け、中断しなかった場合と同じエポック数で終えます。2 つの重みは同じでしょうか。",
    }
    choices = {
        "equal": {"en": "Yes, every one of them", "ja": "はい、すべて同じ"},
        "different": {"en": "No", "ja": "いいえ"},
    }
    see = {
        "en": "Something is still missing. The loader began again with its first order and its first turns of the photos, and dropout drew "
        "other numbers. The result is as good as the other, but it is another one.",
        "ja": "まだ足りないものがあります。ローダーは最初の順番と最初の向きからやり直し、ドロップアウトは別の乱数を引きました。結果の良さは同じくらい"
        "でも、別の結果です。",
    }
