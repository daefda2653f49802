// What the pages of all widgets begin with.

function element(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  // JupyterLab would take x, d d or an arrow as a command on the cell; this keeps the key here.
  if (["input", "select", "button", "textarea"].includes(tag)) {
    node.setAttribute("data-lm-suppress-shortcuts", "true");
  }
  return node;
}
