// The quiz in the page. It knows questions and options; what is right, and why, arrives from
// Python in a message once an answer was checked. Nothing here is loaded from a network: Python
// puts `widget_words.js`, `widget_nodes.js`, `widget_kinds.js` and `widget_card.js` before this file.

class Quiz {
  constructor(model) {
    this.model = model;
    this.content = model.get("content");
    const { questions, student } = this.content;
    this.total = questions.length;
    this.kept = null; // where Python keeps the answers, as soon as there is one
    this.cards = new Map(
      [...(student ? [[student, null]] : []), ...questions.map((question, index) => [question, index])].map(
        ([question, index]) => [question.id, new Card(this, question, index)],
      ),
    );
    this.build();
  }

  build() {
    this.root = element("section", { class: "course-quiz" });
    this.title = element("div", { class: "title" });
    this.languages = element("div", { class: "languages", role: "group" });
    this.bar = element("progress", { max: this.total, value: 0 });
    this.progressText = element("span", { role: "status" });
    this.againAll = element("button", { type: "button" });
    this.keptText = element("p", { class: "hint" });
    this.buttons = { en: "English", ja: "日本語" };
    for (const [language, name] of Object.entries(this.buttons)) {
      const button = element("button", { type: "button", lang: language }, name);
      button.addEventListener("click", () => {
        this.model.set("language", language);
        this.model.save_changes();
      });
      this.buttons[language] = button;
      this.languages.append(button);
    }
    this.againAll.addEventListener("click", () => {
      this.wrongCards().forEach((card, position) => card.again(position === 0));
      this.drawProgress();
    });
    this.root.append(
      element("div", { class: "head" }, this.title, this.languages),
      element("div", { class: "so-far" }, this.bar, this.progressText),
      ...[...this.cards.values()].map((card) => card.node),
      element("div", { class: "actions" }, this.againAll),
      this.keptText,
    );
    this.root.addEventListener("keydown", (event) => event.stopPropagation());
  }

  get words() {
    return WORDS[this.model.get("language")];
  }

  say(text) {
    return text[this.model.get("language")];
  }

  wrongCards() {
    return [...this.cards.values()].filter(({ judged }) => judged?.outcome === "wrong");
  }

  receive(message) {
    if (message.kind === "status") {
      for (const [id, judged] of Object.entries(message.judged)) {
        const card = this.cards.get(id);
        if (card && !card.judged) card.receive({ kind: "judged", ...judged });
      }
    } else this.cards.get(message.question)?.receive(message);
    this.kept = message.kept || this.kept;
    this.drawProgress();
    this.drawKept();
  }

  // ---- drawing --------------------------------------------------------------------------

  draw() {
    const language = this.model.get("language");
    this.root.lang = language;
    this.title.textContent = this.words.quiz(this.content.lesson, this.say(this.content.title));
    this.root.setAttribute("aria-label", this.title.textContent);
    this.languages.setAttribute("aria-label", this.words.language);
    for (const [name, button] of Object.entries(this.buttons)) {
      button.setAttribute("aria-pressed", String(name === language));
    }
    for (const card of this.cards.values()) {
      card.draw();
      card.announceVerdict();
    }
    this.drawProgress();
    this.drawKept();
  }

  drawProgress() {
    const { words, total } = this;
    const counted = [...this.cards.values()].filter((card) => card.index !== null);
    const judged = counted.map((card) => card.judged).filter(Boolean);
    const right = judged.filter(({ outcome }) => outcome === "right").length;
    const score = round(judged.reduce((sum, judgement) => sum + judgement.score, 0));
    const { released } = this.content;
    this.bar.value = released ? judged.length : right;
    const line = released
      ? words.progressSaved(judged.length, total)
      : words.progress(judged.length, total, right, score);
    if (this.progressText.textContent !== line) this.progressText.textContent = line;
    this.bar.setAttribute("aria-label", line);
    const wrong = this.wrongCards().length;
    this.againAll.textContent = words.againAll(wrong);
    this.againAll.hidden = wrong === 0 && document.activeElement !== this.againAll;
  }

  drawKept() {
    const { kept, words } = this;
    this.keptText.textContent = kept ? words.kept(kept.file) + (kept.lost ? ` ${words.lost}` : "") : "";
  }
}

function render({ model, el }) {
  const quiz = new Quiz(model);
  el.append(quiz.root);
  const receive = (message) => quiz.receive(message);
  const draw = () => quiz.draw();
  model.on("msg:custom", receive);
  model.on("change:language", draw);
  const forgetTheme = followTheme(quiz.root);
  quiz.draw();
  model.send({ kind: "hello" });
  return () => {
    forgetTheme();
    model.off("msg:custom", receive);
    model.off("change:language", draw);
  };
}

export default { render };
