// A slider over thresholds; under it stands what the chosen one costs.

function render({ model, el }) {
  const rows = model.get("rows");
  const slider = element("input", { type: "range", min: 0, max: rows.length - 1, style: "width: 20em" });
  slider.value = model.get("start");
  const money = element("p", { "aria-live": "polite" });
  const show = () => {
    money.textContent = rows[slider.value];
    slider.setAttribute("aria-valuetext", rows[slider.value]);
  };
  slider.addEventListener("input", show);
  show();
  el.replaceChildren(element("label", {}, "Threshold ", slider), money);
}

export default { render };
