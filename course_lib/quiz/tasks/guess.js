// A guess: one of several choices, or a number. It is on record in Python as soon as it is made.

const WORDS = {
  en: {
    title: "Your guess: ",
    keep: "Keep",
    number: "Your guess",
    kept: (guess) => `On record: ${guess}. You may change it until you run the next cell.`,
    open: "Guess before you run the next cell.",
    unread: "No number could be read; write digits, such as 12.5, without a comma.",
    late: "The result has been shown. To guess anew, run this cell again.",
  },
  ja: {
    title: "予想：",
    keep: "記録する",
    number: "予想",
    kept: (guess) => `記録しました：${guess}。次のセルを実行するまで変更できます。`,
    open: "次のセルを実行する前に予想してください。",
    unread: "数値を読み取れませんでした。12.5 のように、カンマなしの数字で入力してください。",
    late: "結果はすでに表示されました。もう一度予想するには、このセルを再実行してください。",
  },
};

let groups = 0; // radio buttons of two guesses in one page must not share a group

function element(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  // JupyterLab would take x, d d or an arrow as a command on the cell; this keeps the key here.
  if (["INPUT", "BUTTON"].includes(node.tagName)) node.setAttribute("data-lm-suppress-shortcuts", "true");
  return node;
}

// Text, where what stands between backticks is code.
function withCode(text) {
  return text.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

function render({ model, el }) {
  const { ask, choices, unit } = model.get("content");
  const language = model.get("language");
  const words = WORDS[language];
  const status = element("div", { role: "status" });
  const legend = element("legend", {}, element("strong", {}, words.title), ...withCode(ask[language]));
  const field = element("fieldset", { class: "course-guess", lang: language }, legend);
  const group = `guess-${(groups += 1)}`;

  function keep(guess) {
    model.set("guess", guess);
    model.save_changes();
  }

  for (const [key, text] of Object.entries(choices)) {
    const input = element("input", { type: "radio", name: group, value: key });
    input.addEventListener("change", () => keep(key));
    field.append(element("label", {}, input, element("span", {}, ...withCode(text[language]))));
  }
  if (!Object.keys(choices).length) {
    const input = element("input", { type: "text", inputmode: "decimal", "aria-label": words.number });
    const button = element("button", { type: "button" }, words.keep);
    // Python reads it, by the rule of the quiz. The counter makes the same words count twice.
    const take = () => {
      model.set("typed", [input.value, (model.get("typed")[1] ?? 0) + 1]);
      model.save_changes();
    };
    input.addEventListener("keydown", (event) => event.key === "Enter" && take());
    button.addEventListener("click", take);
    field.append(element("label", {}, input, unit, button));
  }

  function draw() {
    const guess = model.get("guess");
    for (const input of field.querySelectorAll("input")) {
      input.disabled = model.get("locked");
      if (input.type === "radio") input.checked = input.value === guess;
      else if (guess !== null && document.activeElement !== input) input.value = guess;
    }
    for (const button of field.querySelectorAll("button")) button.disabled = model.get("locked");
    const said = choices[guess]?.[language] ?? `${guess} ${unit}`.trim();
    if (model.get("locked")) status.textContent = words.late;
    else if (model.get("unread")) status.textContent = words.unread;
    else status.replaceChildren(...withCode(guess === null ? words.open : words.kept(said)));
  }

  field.append(status);
  el.append(field);
  field.addEventListener("keydown", (event) => event.stopPropagation());
  model.on("change:guess", draw);
  model.on("change:unread", draw);
  model.on("change:locked", draw);
  draw();
  return () => {
    model.off("change:guess", draw);
    model.off("change:unread", draw);
    model.off("change:locked", draw);
  };
}

export default { render };
