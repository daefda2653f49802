// The quiz in the page. It knows questions and options; what is right, and why, arrives from
// Python in a message once an answer was checked. Nothing here is loaded from a network.

const WORDS = {
  en: {
    quiz: (number, title) => `Quiz ${number}: ${title}`,
    question: (number, total) => `Question ${number} of ${total}`,
    check: "Check",
    save: "Save answer",
    again: "Try again",
    done: "Done",
    reveal: "Show the answer",
    againAll: (count) => `Try again what was wrong (${count})`,
    right: "Right",
    wrong: "Wrong",
    saved: "Saved. Your instructor scores it.",
    rightVerdict: "Right.",
    wrongVerdict: (score) =>
      score > 0 ? `Not right yet. Score ${score} of 1.` : "Not right yet.",
    notAttempted: "Not answered yet.",
    notWritten: (name) => `Not attempted: run a cell that gives ${name} a value, then check.`,
    revealed: "This is the answer.",
    waiting: "Checking …",
    silent: "Python has not replied. Is a cell running? If the kernel was stopped, run this cell again.",
    progress: (answered, total, right, score) =>
      `${answered} of ${total} answered, ${right} right, score ${score} of ${total}`,
    progressSaved: (answered, total) => `${answered} of ${total} answered`,
    attempts: (count) => (count === 1 ? "1 attempt" : `${count} attempts`),
    single: "Choose one.",
    multiple:
      "Choose every right one. A right mark earns its share, a wrong mark costs the same share.",
    numeric: (unit) => (unit ? `Type a number (in ${unit}).` : "Type a number."),
    answer: "Answer",
    ordering: "Put the steps in order with the arrows, first step on top.",
    hotspot: "Choose one square of the photo. Arrow keys move between squares.",
    code: (name) => `Write ${name} in a cell of this notebook, run that cell, then check.`,
    up: (text) => `Move up: ${text}`,
    down: (text) => `Move down: ${text}`,
    moved: (place, total) => `Now step ${place} of ${total}.`,
    square: (row, column) => `row ${row}, column ${column}`,
    level: ["", "basic", "medium", "hard"],
    language: "Language of the quiz",
    kept: (file) =>
      `Your answers are kept in ${file} on this machine. If your instructor collects answers, hand in this file.`,
    lost: "Colab deletes this file when the session ends. Download it, or connect Google Drive and run this cell again.",
  },
  ja: {
    quiz: (number, title) => `クイズ ${number}：${title}`,
    question: (number, total) => `問題 ${number} / ${total}`,
    check: "答え合わせ",
    save: "解答を保存",
    again: "もう一度解く",
    done: "正解済み",
    reveal: "答えを見る",
    againAll: (count) => `間違えた問題をもう一度解く（${count}）`,
    right: "正解",
    wrong: "不正解",
    saved: "保存しました。採点は講師が行います。",
    rightVerdict: "正解です。",
    wrongVerdict: (score) =>
      score > 0 ? `まだ正解ではありません。得点 ${score} / 1` : "まだ正解ではありません。",
    notAttempted: "まだ解答していません。",
    notWritten: (name) =>
      `未解答です。${name} を定義するセルを実行してから、答え合わせをしてください。`,
    revealed: "これが答えです。",
    waiting: "確認しています…",
    silent:
      "Python からの返事がありません。ほかのセルを実行中ではありませんか。カーネルが停止している場合は、このセルをもう一度実行してください。",
    progress: (answered, total, right, score) =>
      `${total} 問中 ${answered} 問解答、正解 ${right} 問、得点 ${score} / ${total}`,
    progressSaved: (answered, total) => `${total} 問中 ${answered} 問解答`,
    attempts: (count) => `${count} 回解答`,
    single: "1 つ選んでください。",
    multiple:
      "正しいものをすべて選んでください。正しい選択で部分点が入り、誤った選択で同じだけ減点されます。",
    numeric: (unit) => (unit ? `数値を入力してください（単位：${unit}）。` : "数値を入力してください。"),
    answer: "解答",
    ordering: "矢印ボタンで正しい順に並べてください。最初の手順がいちばん上です。",
    hotspot: "写真のマス目を 1 つ選んでください。矢印キーでマス目を移動できます。",
    code: (name) =>
      `このノートブックのセルに ${name} を書き、そのセルを実行してから答え合わせをしてください。`,
    up: (text) => `上へ移動：${text}`,
    down: (text) => `下へ移動：${text}`,
    moved: (place, total) => `${total} 個中 ${place} 番目になりました。`,
    square: (row, column) => `${row} 行 ${column} 列`,
    level: ["", "基本", "標準", "発展"],
    language: "クイズの言語",
    kept: (file) =>
      `解答はこのコンピューターの ${file} に保存されています。講師に提出するときは、このファイルを渡してください。`,
    lost: "Colab では、セッションが終わるとこのファイルは削除されます。ダウンロードしておくか、Google ドライブに接続してからこのセルをもう一度実行してください。",
  },
};

const REPLY_WITHIN = 8000; // milliseconds before the learner is told that Python is silent
let groups = 0; // radio buttons of two quizzes in one page must not share a group

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  // JupyterLab would take x, d d or an arrow as a command on the cell; this keeps the key here.
  if (["INPUT", "BUTTON"].includes(node.tagName)) {
    node.setAttribute("data-lm-suppress-shortcuts", "true");
  }
  return node;
}

// Text, where what stands between backticks is code.
function rich(text) {
  return text
    .split("`")
    .map((part, index) => (index % 2 ? element("code", {}, part) : document.createTextNode(part)));
}

function plain(text) {
  return text.replaceAll("`", "");
}

// One tab stop for a group: Tab enters and leaves it, arrow keys move inside it.
function oneTabStop(container, selector, stepDown, stepRight) {
  const members = () => [...container.querySelectorAll(selector)];
  const choose = (chosen) => {
    for (const member of members()) member.tabIndex = member === chosen ? 0 : -1;
  };
  choose(members()[0]);
  container.addEventListener("focusin", (event) => {
    if (event.target.matches(selector)) choose(event.target);
  });
  container.addEventListener("keydown", (event) => {
    const step = { ArrowDown: stepDown, ArrowUp: -stepDown, ArrowRight: stepRight, ArrowLeft: -stepRight }[
      event.key
    ];
    if (!step || !event.target.matches(selector)) return;
    event.preventDefault();
    const all = members();
    const next = all[all.indexOf(event.target) + step];
    if (next) next.focus();
  });
}

// Light or dark is read off the page, because every front end says it in its own way.
function followTheme(root) {
  const decide = () => {
    const style = getComputedStyle(root);
    const named = document.documentElement.getAttribute("theme");
    const color =
      style.getPropertyValue("--jp-layout-color1").trim() ||
      style.getPropertyValue("--vscode-editor-background").trim();
    let dark = named === "dark";
    if (color) {
      const probe = element("span", { style: `color:${color}`, hidden: true });
      root.append(probe);
      const [red, green, blue] = getComputedStyle(probe).color.match(/[\d.]+/g).map(Number);
      probe.remove();
      dark = 0.299 * red + 0.587 * green + 0.114 * blue < 128;
    }
    root.dataset.theme = dark ? "dark" : "light";
  };
  decide();
  const observer = new MutationObserver(decide);
  const watched = { attributes: true, attributeFilter: ["data-jp-theme-light", "data-jp-theme-name", "class", "theme"] };
  observer.observe(document.body, watched);
  observer.observe(document.documentElement, watched);
  // Colours can be read only once the quiz is part of the page.
  const placed = new ResizeObserver(decide);
  placed.observe(root);
  return () => {
    observer.disconnect();
    placed.disconnect();
  };
}

function render({ model, el }) {
  const content = model.get("content");
  const total = content.questions.length;
  const root = element("section", { class: "course-quiz" });
  el.append(root);
  const words = () => WORDS[model.get("language")];
  const say = (text) => text[model.get("language")];

  const cards = new Map(
    content.questions.map((question, index) => [question.id, new Card(question, index)]),
  );

  // ---- one question -------------------------------------------------------------------

  function Card(question, index) {
    const group = `course-quiz-${(groups += 1)}`;
    const state = {
      selection: null,
      order: question.order || [],
      judged: null,
      revealed: null,
      attempts: 0,
    };
    if (question.type === "ordering") state.selection = [...state.order];
    let started = Date.now();
    let timer = null;

    const fieldset = element("fieldset");
    const primary = element("button", { type: "button", class: "primary" });
    const reveal = element("button", { type: "button" });
    const verdict = element("span", { role: "status", class: "verdict" });
    const remarks = element("ul", { class: "remarks" });
    const actions = element("div", { class: "actions" }, primary, reveal, verdict);
    const node = element("div", { class: "question" }, fieldset, actions, remarks);

    const locked = () => state.judged !== null && question.type !== "code";
    const settled = () => state.judged?.outcome === "right" || state.revealed !== null;
    const announce = (text, kind = "") => {
      verdict.textContent = text;
      verdict.dataset.kind = kind;
    };

    primary.addEventListener("click", () => {
      if (primary.getAttribute("aria-disabled") === "true") return;
      if (locked()) again(true);
      else check();
    });
    reveal.addEventListener("click", () => {
      if (reveal.getAttribute("aria-disabled") !== "true") send("reveal");
    });
    fieldset.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("input") && !locked()) {
        event.preventDefault();
        check();
      }
    });

    function send(kind, more = {}) {
      clearTimeout(timer);
      timer = setTimeout(() => announce(words().silent, "wrong"), REPLY_WITHIN);
      model.send({ kind, question: question.id, ...more });
    }

    function check() {
      announce(words().waiting);
      send("check", { answer: state.selection, seconds: (Date.now() - started) / 1000 });
    }

    function again(focus) {
      send("again");
      state.judged = null;
      state.revealed = null;
      started = Date.now();
      if (question.type !== "ordering") state.selection = null;
      draw();
      announce("");
      if (focus) fieldset.querySelector("input, button")?.focus();
    }

    function receive(message) {
      clearTimeout(timer);
      if (message.kind === "problem") return announce(message.text, "wrong");
      if (message.kind === "again") {
        state.order = message.order;
        const inside = fieldset.contains(document.activeElement);
        draw();
        if (inside) fieldset.querySelector("input, button")?.focus();
        return;
      }
      if (message.kind === "revealed") {
        state.revealed = message;
        state.selection = message.answer;
        state.judged = { ...state.judged, remarks: message.remarks };
        draw();
        return announce(words().revealed);
      }
      if (message.outcome === "not attempted") {
        draw();
        const advice = message.remarks[0];
        const missing = question.type === "code" ? words().notWritten(question.name) : words().notAttempted;
        return announce(advice ? say(advice.text) : missing, "wrong");
      }
      state.judged = message;
      state.attempts = message.attempts;
      if (message.answer !== null) state.selection = message.answer;
      draw();
      announceVerdict();
      if (message.problem) announce(message.problem, "wrong");
    }

    function announceVerdict() {
      if (state.revealed) return announce(words().revealed);
      if (!state.judged) return announce("");
      const { outcome, score } = state.judged;
      if (outcome === "saved") return announce(words().saved);
      const mark = outcome === "right" ? "✓ " : "✗ ";
      const verdictText =
        outcome === "right" ? words().rightVerdict : words().wrongVerdict(round(score));
      announce(mark + verdictText, outcome);
    }

    // Rebuild what depends on language, order and judgement; focus stays where it was.
    function draw() {
      const held = fieldset.contains(document.activeElement)
        ? document.activeElement.dataset.focus
        : null;
      const hint = `${group}-hint`;
      fieldset.replaceChildren(
        element(
          "legend",
          {},
          element(
            "span",
            { class: "number" },
            [
              words().question(index + 1, total),
              words().level[question.difficulty],
              ...(state.attempts ? [words().attempts(state.attempts)] : []),
            ].join(" · "),
          ),
          element("span", { class: "prompt" }, ...rich(say(question.prompt))),
        ),
        element("p", { class: "hint", id: hint }, hintText()),
        ...BODIES[question.type](),
      );
      fieldset.setAttribute("aria-describedby", hint);
      drawActions();
      drawRemarks();
      if (held) fieldset.querySelector(`[data-focus="${held}"]`)?.focus();
    }

    function hintText() {
      const hint = words()[question.type];
      if (question.type === "numeric") return hint(question.unit);
      return question.type === "code" ? hint(question.name) : hint;
    }

    function drawActions() {
      const release = content.released ? words().save : words().check;
      primary.textContent = settled() ? words().done : locked() ? words().again : release;
      primary.setAttribute("aria-disabled", String(settled()));
      // A button that holds the focus must stay: without focus the next key would reach the cell.
      const may = Boolean(state.judged?.may_reveal) || state.revealed !== null;
      reveal.hidden = !may && document.activeElement !== reveal;
      reveal.textContent = words().reveal;
      reveal.setAttribute("aria-disabled", String(state.revealed !== null || !may));
    }

    function drawRemarks() {
      const whole = (state.judged?.remarks || []).filter((remark) => remark.position === null);
      remarks.replaceChildren(
        ...whole.map((remark) => element("li", {}, ...rich(say(remark.text)))),
      );
      remarks.hidden = whole.length === 0;
    }

    function remarkFor(position) {
      return state.judged?.remarks?.find((remark) => remark.position === position) || null;
    }

    // The reason below an option, with a mark and a word besides the colour.
    function reasonNode(position) {
      const remark = remarkFor(position);
      if (!remark) return null;
      const kind = remark.right ? "right" : "wrong";
      const mark = element(
        "strong",
        {},
        `${remark.right ? "✓" : "✗"} ${remark.right ? words().right : words().wrong}: `,
      );
      return element(
        "span",
        { class: `reason ${kind}`, id: `${group}-reason-${position}` },
        mark,
        ...rich(say(remark.text)),
      );
    }

    function choice(type) {
      const list = element("div", { class: "options" });
      for (const position of state.order) {
        const chosen =
          type === "radio" ? state.selection === position : (state.selection || []).includes(position);
        const input = element("input", {
          type,
          name: group,
          "data-focus": position,
          "aria-disabled": locked() ? "true" : null,
          "aria-describedby": remarkFor(position) ? `${group}-reason-${position}` : null,
        });
        input.checked = chosen;
        input.addEventListener("click", (event) => {
          if (locked()) event.preventDefault();
        });
        input.addEventListener("change", () => {
          if (type === "radio") state.selection = position;
          else {
            const marked = new Set(state.selection || []);
            if (input.checked) marked.add(position);
            else marked.delete(position);
            state.selection = [...marked].sort((first, second) => first - second);
          }
        });
        const text = element("span", {}, ...rich(say(question.options[position])));
        // Red is for what the learner chose; other wrong options keep to mark and word.
        const remark = remarkFor(position);
        const kind = remark?.right ? "right" : remark && chosen ? "wrong" : "";
        list.append(
          element(
            "div",
            { class: `option ${kind}` },
            element("label", {}, input, text),
            reasonNode(position),
          ),
        );
      }
      if (type === "checkbox") oneTabStop(list, "input", 1, 1);
      return [list];
    }

    const BODIES = {
      single: () => choice("radio"),
      multiple: () => choice("checkbox"),

      numeric() {
        const input = element("input", {
          type: "text",
          inputmode: "decimal",
          autocomplete: "off",
          "data-focus": "number",
          readonly: locked(),
        });
        input.value = state.selection || "";
        input.addEventListener("input", () => (state.selection = input.value));
        const unit = question.unit ? element("span", { class: "unit" }, question.unit) : null;
        return [element("label", { class: "number-field" }, `${words().answer}: `, input, unit)];
      },

      ordering() {
        const list = element("ol", { class: "steps" });
        state.selection.forEach((position, rank) => {
          const text = say(question.options[position]);
          const button = (label, sign, direction) => {
            const moved = element(
              "button",
              {
                type: "button",
                "aria-label": label(plain(text)),
                "data-focus": `${position}${direction > 0 ? "down" : "up"}`,
                "aria-disabled": locked() ? "true" : null,
              },
              sign,
            );
            moved.addEventListener("click", () => {
              const target = rank + direction;
              if (locked() || target < 0 || target >= state.selection.length) return;
              const order = state.selection;
              [order[rank], order[target]] = [order[target], order[rank]];
              draw();
              announce(words().moved(target + 1, order.length));
            });
            return moved;
          };
          list.append(
            element(
              "li",
              { class: remarkFor(position) ? "option right" : "option" },
              element(
                "span",
                { class: "step" },
                element("span", {}, ...rich(text)),
                button(words().up, "↑", -1),
                button(words().down, "↓", 1),
              ),
              reasonNode(position),
            ),
          );
        });
        oneTabStop(list, "button", 2, 1);
        return [list];
      },

      hotspot() {
        if (question.missing) return [element("p", {}, question.missing)];
        const [rows, columns] = question.grid;
        const squares = element("div", {
          class: "squares",
          style: `grid-template: repeat(${rows}, 1fr) / repeat(${columns}, 1fr)`,
        });
        for (let row = 1; row <= rows; row += 1) {
          for (let column = 1; column <= columns; column += 1) {
            const chosen = state.selection?.[0] === row && state.selection?.[1] === column;
            const input = element("input", {
              type: "radio",
              name: group,
              "aria-label": words().square(row, column),
              "aria-disabled": locked() ? "true" : null,
              "data-focus": `${row}-${column}`,
            });
            input.checked = chosen;
            input.addEventListener("click", (event) => {
              if (locked()) event.preventDefault();
            });
            input.addEventListener("change", () => (state.selection = [row, column]));
            const outcome = chosen && state.judged ? (settled() ? "right" : "wrong") : "";
            const mark = { right: "✓", wrong: "✗" }[outcome] || "";
            squares.append(
              element("label", { class: outcome }, input, element("span", { "aria-hidden": "true" }, mark)),
            );
          }
        }
        squares.addEventListener("keydown", (event) => {
          const step = { ArrowDown: columns, ArrowUp: -columns, ArrowRight: 1, ArrowLeft: -1 }[event.key];
          if (!step) return;
          event.preventDefault(); // the browser itself would only walk along the row
          const all = [...squares.querySelectorAll("input")];
          const next = all[all.indexOf(event.target) + step];
          if (!next || locked()) return;
          next.focus();
          next.click();
        });
        return [
          element(
            "div",
            { class: "photo" },
            element("img", { src: question.photo, alt: plain(say(question.description)) }),
            squares,
          ),
          element("p", { class: "hint" }, question.credit),
        ];
      },

      code: () => [], // the prompt names what to write
    };

    Object.assign(this, { node, state, draw, receive, again, announceVerdict, settled });
  }

  // ---- the whole quiz -----------------------------------------------------------------

  const title = element("div", { class: "title" });
  const languages = element("div", { class: "languages", role: "group" });
  const bar = element("progress", { max: total, value: 0 });
  const progressText = element("span", { role: "status" });
  const againAll = element("button", { type: "button" });
  const keptText = element("p", { class: "hint" });
  let kept = null; // where Python keeps the answers, as soon as there is one
  const buttons = { en: "English", ja: "日本語" };
  for (const [language, name] of Object.entries(buttons)) {
    buttons[language] = element("button", { type: "button", lang: language }, name);
    buttons[language].addEventListener("click", () => {
      model.set("language", language);
      model.save_changes();
    });
    languages.append(buttons[language]);
  }
  againAll.addEventListener("click", () => {
    const wrong = wrongCards();
    wrong.forEach((card, position) => card.again(position === 0));
    drawProgress();
  });

  const wrongCards = () =>
    [...cards.values()].filter(({ state }) => state.judged?.outcome === "wrong");
  const round = (score) => Math.round(score * 100) / 100;

  function drawProgress() {
    const judged = [...cards.values()].map(({ state }) => state.judged).filter(Boolean);
    const right = judged.filter(({ outcome }) => outcome === "right").length;
    const score = round(judged.reduce((sum, judgement) => sum + judgement.score, 0));
    bar.value = content.released ? judged.length : right;
    const line = content.released
      ? words().progressSaved(judged.length, total)
      : words().progress(judged.length, total, right, score);
    if (progressText.textContent !== line) progressText.textContent = line;
    bar.setAttribute("aria-label", line);
    const wrong = wrongCards().length;
    againAll.textContent = words().againAll(wrong);
    againAll.hidden = wrong === 0 && document.activeElement !== againAll;
  }

  function drawKept() {
    keptText.textContent = kept
      ? words().kept(kept.file) + (kept.lost ? ` ${words().lost}` : "")
      : "";
  }

  function drawAll() {
    root.lang = model.get("language");
    title.textContent = words().quiz(content.lesson, say(content.title));
    root.setAttribute("aria-label", title.textContent);
    languages.setAttribute("aria-label", words().language);
    for (const [language, button] of Object.entries(buttons)) {
      button.setAttribute("aria-pressed", String(language === model.get("language")));
    }
    for (const card of cards.values()) {
      card.draw();
      card.announceVerdict();
    }
    drawProgress();
    drawKept();
  }

  function receive(message) {
    if (message.kind === "status") {
      for (const [id, judged] of Object.entries(message.judged)) {
        if (!cards.get(id)?.state.judged) cards.get(id)?.receive({ kind: "judged", ...judged });
      }
    } else cards.get(message.question)?.receive(message);
    kept = message.kept || kept;
    drawProgress();
    drawKept();
  }

  root.append(
    element("div", { class: "head" }, title, languages),
    element("div", { class: "so-far" }, bar, progressText),
    ...[...cards.values()].map((card) => card.node),
    element("div", { class: "actions" }, againAll),
    keptText,
  );
  root.addEventListener("keydown", (event) => event.stopPropagation());
  model.on("msg:custom", receive);
  model.on("change:language", drawAll);
  const forgetTheme = followTheme(root);
  drawAll();
  model.send({ kind: "hello" });
  return () => {
    forgetTheme();
    model.off("msg:custom", receive);
    model.off("change:language", drawAll);
  };
}

export default { render };
