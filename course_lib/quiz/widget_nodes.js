// Small parts of a page that know nothing of questions. Part of `widget.js`.

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
