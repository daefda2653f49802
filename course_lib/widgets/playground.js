// Choose an augmentation, its strength and its probability; Python draws what it makes of a photo.

function slider(label, value) {
  const input = element("input", {
    type: "range", min: 0, max: 1, step: 0.05, "aria-label": label,
    style: "width: 16em; max-width: 60%; vertical-align: middle; min-height: 32px",
  });
  input.value = value;
  const words = element("span", { "aria-hidden": "true" }); // spoken as the slider's value
  const row = element("div", {}, element("label", {}, `${label} `, input), " ", words);
  return { input, row, say(text) {
    words.textContent = text;
    input.setAttribute("aria-valuetext", text);
  } };
}

function render({ model, el }) {
  const names = model.get("names").map((name) => element("option", { value: name }, name));
  const choice = element("select", { style: "font: inherit; min-height: 32px" }, ...names);
  const strength = slider("Strength", model.get("strength"));
  const probability = slider("Probability", model.get("probability"));
  const again = element(
    "button",
    { type: "button", style: "font: inherit; min-height: 32px; padding: 0 12px" },
    "Draw again",
  );
  const picture = element("img", { style: "max-width: 100%; margin: 8px 0; display: block" });
  const words = element("p", { "aria-live": "polite" });
  const code = element("textarea", {
    readonly: "", rows: 2, spellcheck: "false",
    style: "width: 100%; box-sizing: border-box; font-family: monospace; resize: vertical",
  });
  el.replaceChildren(
    element("div", {}, element("label", {}, "Augmentation ", choice), " ", again),
    strength.row, probability.row, picture, words,
    element("label", {}, "Code to copy ", code),
  );

  let address = "";
  function show() {
    const shown = model.get("shown");
    URL.revokeObjectURL(address);
    address = URL.createObjectURL(new Blob([shown.picture], { type: "image/png" }));
    picture.src = address;
    picture.alt = shown.words;
    words.textContent = shown.words;
    code.value = shown.code;
    choice.value = model.get("name");
    for (const [name, control] of Object.entries({ strength, probability })) {
      control.say(shown[name]);
      control.input.disabled = !shown[`has_${name}`];
      // A slider in use is left alone, or it would jump back to where Python last saw it.
      if (document.activeElement !== control.input) control.input.value = model.get(name);
    }
  }
  function tell(name, value) {
    model.set(name, value);
    model.save_changes();
  }
  choice.addEventListener("change", () => tell("name", choice.value));
  strength.input.addEventListener("input", () => tell("strength", Number(strength.input.value)));
  probability.input.addEventListener("input", () =>
    tell("probability", Number(probability.input.value)),
  );
  again.addEventListener("click", () => tell("draw", model.get("draw") + 1));
  show();
  model.on("change:shown", show);
  return () => {
    model.off("change:shown", show);
    URL.revokeObjectURL(address);
  };
}

export default { render };
