// How each kind of question looks: one entry for each type of `course_lib/quiz/kinds`. Part of
// `widget.js`.
//
//   hint(question)         what to do, in both languages
//   body(card)             the nodes to answer with; they set `card.selection`
//   start(card)            the selection before anything is chosen; without it, nothing
//   changeable             what was saved may be saved anew
//   inNotebook             the answer is written in a cell, so the card is never locked

const KINDS = {
  single: {
    hint: () => ({ en: "Choose one.", ja: "1 つ選んでください。" }),
    body: (card) => [optionList(card, "radio")],
  },

  multiple: {
    hint: () => ({
      en: "Choose every right one. A right mark earns its share, a wrong mark costs the same share.",
      ja: "正しいものをすべて選んでください。正しい選択で部分点が入り、誤った選択で同じだけ減点されます。",
    }),
    body(card) {
      const list = optionList(card, "checkbox");
      oneTabStop(list, "input", 1, 1);
      return [list];
    },
  },

  numeric: {
    hint: ({ unit }) => ({
      en: unit ? `Type a number (in ${unit}).` : "Type a number.",
      ja: unit ? `数値を入力してください（単位：${unit}）。` : "数値を入力してください。",
    }),
    body(card) {
      const input = element("input", {
        type: "text",
        inputmode: "decimal",
        autocomplete: "off",
        "data-focus": "number",
        readonly: card.locked,
      });
      input.value = card.selection || "";
      input.addEventListener("input", () => (card.selection = input.value));
      const { unit } = card.question;
      const unitNode = unit ? element("span", { class: "unit" }, unit) : null;
      return [element("label", { class: "number-field" }, `${card.words.answer}: `, input, unitNode)];
    },
  },

  ordering: {
    hint: () => ({
      en: "Put the steps in order with the arrows, first step on top.",
      ja: "矢印ボタンで正しい順に並べてください。最初の手順がいちばん上です。",
    }),
    start: (card) => [...card.order],
    body(card) {
      const steps = card.selection.map((position, rank) => step(card, position, rank));
      const list = element("ol", { class: "steps" }, ...steps);
      oneTabStop(list, "button", 2, 1);
      return [list];
    },
  },

  hotspot: {
    hint: () => ({
      en: "Choose one square of the photo. Arrow keys move between squares.",
      ja: "画像のマス目を 1 つ選んでください。矢印キーでマス目を移動できます。",
    }),
    body(card) {
      const { missing, photo, description, credit } = card.question;
      if (missing) return [element("p", {}, missing)];
      const picture = element("img", { src: photo, alt: plain(card.say(description)) });
      return [
        element("div", { class: "photo" }, picture, squares(card)),
        element("p", { class: "hint" }, credit),
      ];
    },
  },

  code: {
    hint: ({ name }) => ({
      en: `Write ${name} in a cell of this notebook, run that cell, then check.`,
      ja: `このノートブックのセルに ${name} を書き、そのセルを実行してから答え合わせをしてください。`,
    }),
    body: () => [], // the prompt names what to write
    inNotebook: true,
  },

  student: {
    hint: () => ({
      en: "Your instructor asks for it. It is kept in your file of answers, and sent nowhere.",
      ja: "講師が指定した番号です。解答のファイルにだけ保存され、どこにも送信されません。",
    }),
    body: (card) => KINDS.numeric.body(card),
    changeable: true,
  },
};

// ---- options ----------------------------------------------------------------------------

function optionList(card, type) {
  const options = card.order.map((position) => option(card, type, position));
  return element("div", { class: "options" }, ...options);
}

function option(card, type, position) {
  const chosen = type === "radio" ? card.selection === position : (card.selection || []).includes(position);
  const remark = card.remarkFor(position);
  const input = element("input", {
    type,
    name: card.group,
    "data-focus": position,
    "aria-disabled": card.locked ? "true" : null,
    "aria-describedby": remark ? card.reasonId(position) : null,
  });
  input.checked = chosen;
  keepWhenLocked(card, input);
  input.addEventListener("change", () => {
    if (type === "radio") card.selection = position;
    else {
      const marked = new Set(card.selection || []);
      if (input.checked) marked.add(position);
      else marked.delete(position);
      card.selection = [...marked].sort((first, second) => first - second);
    }
  });
  const text = element("span", {}, ...rich(card.say(card.question.options[position])));
  // Red is for what the learner chose; other wrong options keep to mark and word.
  const kind = remark?.right ? "right" : remark && chosen ? "wrong" : "";
  return element(
    "div",
    { class: `option ${kind}` },
    element("label", {}, input, text),
    card.reasonNode(position),
  );
}

// An input that is no longer to be changed keeps its focus, so it is not disabled.
function keepWhenLocked(card, input) {
  input.addEventListener("click", (event) => {
    if (card.locked) event.preventDefault();
  });
}

// ---- steps to put in order --------------------------------------------------------------

function step(card, position, rank) {
  const text = card.say(card.question.options[position]);
  return element(
    "li",
    { class: card.remarkFor(position) ? "option right" : "option" },
    element(
      "span",
      { class: "step" },
      element("span", {}, ...rich(text)),
      mover(card, position, rank, -1),
      mover(card, position, rank, 1),
    ),
    card.reasonNode(position),
  );
}

function mover(card, position, rank, direction) {
  const { up, down } = card.words;
  const text = plain(card.say(card.question.options[position]));
  const button = element(
    "button",
    {
      type: "button",
      "aria-label": direction < 0 ? up(text) : down(text),
      "data-focus": `${position}${direction > 0 ? "down" : "up"}`,
      "aria-disabled": card.locked ? "true" : null,
    },
    direction < 0 ? "↑" : "↓",
  );
  button.addEventListener("click", () => {
    const target = rank + direction;
    if (card.locked || target < 0 || target >= card.selection.length) return;
    const order = card.selection;
    [order[rank], order[target]] = [order[target], order[rank]];
    card.draw();
    card.announce(card.words.moved(target + 1, order.length));
  });
  return button;
}

// ---- squares of a photo -----------------------------------------------------------------

function squares(card) {
  const [rows, columns] = card.question.grid;
  const grid = element("div", {
    class: "squares",
    style: `grid-template: repeat(${rows}, 1fr) / repeat(${columns}, 1fr)`,
  });
  for (let row = 1; row <= rows; row += 1) {
    for (let column = 1; column <= columns; column += 1) grid.append(square(card, row, column));
  }
  grid.addEventListener("keydown", (event) => {
    const step = { ArrowDown: columns, ArrowUp: -columns, ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault(); // the browser itself would only walk along the row
    const all = [...grid.querySelectorAll("input")];
    const next = all[all.indexOf(event.target) + step];
    if (!next || card.locked) return;
    next.focus();
    next.click();
  });
  return grid;
}

function square(card, row, column) {
  const chosen = card.selection?.[0] === row && card.selection?.[1] === column;
  const input = element("input", {
    type: "radio",
    name: card.group,
    "aria-label": card.words.square(row, column),
    "aria-disabled": card.locked ? "true" : null,
    "data-focus": `${row}-${column}`,
  });
  input.checked = chosen;
  keepWhenLocked(card, input);
  input.addEventListener("change", () => (card.selection = [row, column]));
  const outcome = chosen && card.judged ? (card.settled ? "right" : "wrong") : "";
  const mark = { right: "✓", wrong: "✗" }[outcome] || "";
  return element("label", { class: outcome }, input, element("span", { "aria-hidden": "true" }, mark));
}
