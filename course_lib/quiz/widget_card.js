// One question in the page: its state, its buttons, and what Python says about the answer. Part of
// `widget.js`.

const REPLY_WITHIN = 8000; // milliseconds before the learner is told that Python is silent
let groups = 0; // radio buttons of two quizzes in one page must not share a group

class Card {
  constructor(quiz, question, index) {
    Object.assign(this, { quiz, question, index, kind: KINDS[question.type] });
    this.group = `course-quiz-${(groups += 1)}`;
    this.order = question.order || [];
    this.selection = this.kind.start?.(this) ?? null;
    this.judged = null;
    this.revealed = null;
    this.attempts = 0;
    this.started = Date.now();
    this.timer = null;
    this.build();
  }

  build() {
    this.fieldset = element("fieldset");
    this.primary = element("button", { type: "button", class: "primary" });
    this.reveal = element("button", { type: "button" });
    this.verdict = element("span", { role: "status", class: "verdict" });
    this.remarks = element("ul", { class: "remarks" });
    const actions = element("div", { class: "actions" }, this.primary, this.reveal, this.verdict);
    this.node = element("div", { class: "question" }, this.fieldset, actions, this.remarks);
    this.primary.addEventListener("click", () => {
      if (this.primary.getAttribute("aria-disabled") === "true") return;
      if (this.locked) this.again(true);
      else this.check();
    });
    this.reveal.addEventListener("click", () => {
      if (this.reveal.getAttribute("aria-disabled") !== "true") this.send("reveal");
    });
    this.fieldset.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("input") && !this.locked) {
        event.preventDefault();
        this.check();
      }
    });
  }

  get words() {
    return this.quiz.words;
  }

  say(text) {
    return this.quiz.say(text);
  }

  get locked() {
    return this.judged !== null && !this.kind.inNotebook && !this.kind.changeable;
  }

  get settled() {
    return this.judged?.outcome === "right" || this.revealed !== null || this.savedForGood;
  }

  // An answer of a released quiz is saved once; a student number may be corrected.
  get savedForGood() {
    return this.judged?.outcome === "saved" && !this.kind.changeable;
  }

  announce(text, kind = "") {
    this.verdict.textContent = text;
    this.verdict.dataset.kind = kind;
  }

  // ---- messages to Python and from it ---------------------------------------------------

  send(kind, more = {}) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.announce(this.words.silent, "wrong"), REPLY_WITHIN);
    this.quiz.model.send({ kind, question: this.question.id, ...more });
  }

  check() {
    this.announce(this.words.waiting);
    // All questions are on the page from the start: the time of this one begins where another was checked.
    const since = Math.max(this.started, this.quiz.checked || 0);
    this.quiz.checked = Date.now();
    this.send("check", { answer: this.selection, seconds: (this.quiz.checked - since) / 1000 });
  }

  again(focus) {
    this.send("again");
    this.judged = null;
    this.revealed = null;
    this.started = Date.now();
    if (!this.kind.start) this.selection = null; // steps stay where the learner put them
    this.draw();
    this.announce("");
    if (focus) this.focusFirst();
  }

  receive(message) {
    clearTimeout(this.timer);
    if (message.kind === "problem") this.announce(message.text, "wrong");
    else if (message.kind === "again") this.receiveOrder(message);
    else if (message.kind === "revealed") this.receiveAnswer(message);
    else if (message.outcome === "not attempted") this.receiveNothing(message);
    else this.receiveJudgement(message);
  }

  receiveOrder(message) {
    this.order = message.order;
    const inside = this.fieldset.contains(document.activeElement);
    this.draw();
    if (inside) this.focusFirst();
  }

  receiveAnswer(message) {
    this.revealed = message;
    this.selection = message.answer;
    this.judged = { ...this.judged, remarks: message.remarks };
    this.draw();
    this.announce(this.words.revealed);
  }

  receiveNothing(message) {
    this.draw();
    const advice = message.remarks[0];
    const { notWritten, notAttempted } = this.words;
    const missing = this.kind.inNotebook ? notWritten(this.question.name) : notAttempted;
    this.announce(advice ? this.say(advice.text) : missing, "wrong");
  }

  receiveJudgement(message) {
    this.judged = message;
    this.attempts = message.attempts;
    if (message.answer !== null) this.selection = message.answer;
    this.draw();
    this.announceVerdict();
    if (message.problem) this.announce(message.problem, "wrong");
  }

  announceVerdict() {
    if (this.revealed) return this.announce(this.words.revealed);
    if (!this.judged) return this.announce("");
    const { outcome, score } = this.judged;
    if (outcome === "saved") return this.announce(this.kind.changeable ? this.words.savedNumber : this.words.saved);
    const { rightVerdict, wrongVerdict } = this.words;
    const said = outcome === "right" ? `✓ ${rightVerdict}` : `✗ ${wrongVerdict(round(score))}`;
    this.announce(said, outcome);
  }

  // ---- drawing --------------------------------------------------------------------------

  // Rebuild what depends on language, order and judgement; focus stays where it was.
  draw() {
    const focused = document.activeElement;
    const held = this.fieldset.contains(focused) ? focused.dataset.focus : null;
    const hint = `${this.group}-hint`;
    this.fieldset.replaceChildren(
      this.legend(),
      ...this.picture(),
      element("p", { class: "hint", id: hint }, this.say(this.kind.hint(this.question))),
      ...this.kind.body(this),
    );
    this.fieldset.setAttribute("aria-describedby", hint);
    this.drawActions();
    this.drawRemarks();
    if (held) this.fieldset.querySelector(`[data-focus="${held}"]`)?.focus();
  }

  legend() {
    const { words, attempts } = this;
    if (this.index === null) return element("legend", {}, element("span", { class: "prompt" }, this.say(this.question.prompt)));
    const parts = [
      words.question(this.index + 1, this.quiz.total),
      words.level[this.question.difficulty],
      ...(attempts ? [words.attempts(attempts)] : []),
    ];
    return element(
      "legend",
      {},
      element("span", { class: "number" }, parts.join(" · ")),
      element("span", { class: "prompt" }, ...rich(this.say(this.question.prompt))),
    );
  }

  // The picture that the prompt speaks of; a sentence in its place where the file is not there.
  picture() {
    if (!this.question.picture) return [];
    const { image, missing, description, credit } = this.question.picture;
    if (missing) return [element("p", {}, missing)];
    const shown = element("img", { class: "picture", src: image, alt: plain(this.say(description)) });
    return credit ? [shown, element("p", { class: "hint" }, credit)] : [shown];
  }

  drawActions() {
    const { words, primary, reveal } = this;
    const release = this.quiz.content.released || this.kind.changeable ? words.save : words.check;
    const settled = this.savedForGood ? words.savedOnce : words.done;
    primary.textContent = this.settled ? settled : this.locked ? words.again : release;
    primary.setAttribute("aria-disabled", String(this.settled));
    // A button that holds the focus must stay: without focus the next key would reach the cell.
    const may = Boolean(this.judged?.may_reveal) || this.revealed !== null;
    reveal.hidden = !may && document.activeElement !== reveal;
    reveal.textContent = words.reveal;
    reveal.setAttribute("aria-disabled", String(this.revealed !== null || !may));
  }

  drawRemarks() {
    const whole = (this.judged?.remarks || []).filter((remark) => remark.position === null);
    this.remarks.replaceChildren(
      ...whole.map((remark) => element("li", {}, ...rich(this.say(remark.text)))),
    );
    this.remarks.hidden = whole.length === 0;
  }

  focusFirst() {
    this.fieldset.querySelector("input, button")?.focus();
  }

  remarkFor(position) {
    return this.judged?.remarks?.find((remark) => remark.position === position) || null;
  }

  reasonId(position) {
    return `${this.group}-reason-${position}`;
  }

  // The reason below an option, with a mark and a word besides the colour.
  reasonNode(position) {
    const remark = this.remarkFor(position);
    if (!remark) return null;
    const { right, wrong } = this.words;
    const mark = element("strong", {}, remark.right ? `✓ ${right}: ` : `✗ ${wrong}: `);
    return element(
      "span",
      { class: `reason ${remark.right ? "right" : "wrong"}`, id: this.reasonId(position) },
      mark,
      ...rich(this.say(remark.text)),
    );
  }
}

const round = (score) => Math.round(score * 100) / 100;
